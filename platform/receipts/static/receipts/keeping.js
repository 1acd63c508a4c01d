/** The service worker, which keeps a page in the browser with all that it loads. */

const TAKE_OVER = "take over"; // as sw.js knows it

/**
 * Have the page kept; again is the same.
 * @param {string} script The worker's.
 * @param {string} scope How the paths begin of all that it is asked for: those of other pages stay
 *   out of it as far as possible, since a new version waits until no window shows any of them.
 * @returns {Promise<ServiceWorkerRegistration>}
 * @throws {any} It is not kept: of whatever version.
 */
export async function keepPage(script, scope) {
  const { serviceWorker } = navigator;
  const registration = await serviceWorker.register(script, { scope });
  const { active, waiting, installing } = registration;
  if (!active) await whole(/** @type {ServiceWorker} */ (waiting ?? installing));
  // An earlier version kept watch over the whole site.
  await (await serviceWorker.getRegistration("/"))?.unregister();
  return registration;
}

/**
 * Tell whenever a newer version of the page is kept, but waits until no window shows the old one.
 * @param {ServiceWorkerRegistration} registration
 * @param {() => void} tell
 */
export function onUpdate(registration, tell) {
  const look = () => registration.active && registration.waiting && tell();
  const watch = () => registration.installing?.addEventListener("statechange", look);
  registration.addEventListener("updatefound", watch);
  watch();
  look();
}

/**
 * Show the newer version now, in every window.
 * @param {ServiceWorkerRegistration[]} registrations
 */
export function takeOver(registrations) {
  for (const { waiting } of registrations) waiting?.postMessage(TAKE_OVER);
}

/**
 * Have the page come from the site again.
 * @param {string[]} scopes
 */
export async function forgetPage(scopes) {
  for (const scope of scopes) {
    await (await navigator.serviceWorker?.getRegistration(scope))?.unregister();
  }
}

/**
 * Load this page anew when another version of it takes over, so that it never mixes the two.
 * @param {() => void} [reload] What does it, where something may be under way that would be lost.
 */
export function reloadOnTakeover(reload = () => location.reload()) {
  const { serviceWorker } = navigator;
  // The first worker comes when the page is there already, and of the same version.
  let isKept = Boolean(serviceWorker?.controller);
  serviceWorker?.addEventListener("controllerchange", () => {
    if (isKept) reload();
    isKept = true;
  });
}

/** @param {ServiceWorker} worker Whose pages are being fetched. */
function whole(worker) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (["activating", "activated"].includes(worker.state)) resolve(null);
      if (worker.state === "redundant") reject(new Error("not all of it came"));
    };
    worker.addEventListener("statechange", look);
    look();
  });
}
