// Keeps one app of this site in the browser, so that it works without a network: its page whole, of
// one version, with all that it loads.  Other pages are never touched.

const { app, version, pages, files } = {{ kept|safe }};
const PREFIX = `countersign-${app}-`;
const NAME = PREFIX + version;
// Paths that lead to the page, and whatever it loads.
const PAGES = new Map(Object.entries(pages));
const FILES = new Set(files);

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(take()));
// Otherwise a new version waits until no window shows the old one any more.
self.addEventListener("message", ({ data }) => data === "take over" && self.skipWaiting());
self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  if (mode === "navigate") {
    const page = PAGES.get(pathname);
    if (page) event.respondWith(kept(page, event.request));
  } else if (FILES.has(pathname)) {
    event.respondWith(forPage(event));
  }
});

async function fill() {
  const cache = await caches.open(NAME);
  const paths = [...new Set(PAGES.values()), ...FILES];
  // It is there already where this keeps the same app for paths that begin in another way.
  if ((await cache.keys()).length === paths.length) return;
  // What the browser has is asked for anew, so that all is of one version.
  await cache.addAll(paths.map((path) => new Request(path, { cache: "no-cache" })));
}

async function take() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) ? name !== NAME : await isUnnamed(name)) await caches.delete(name);
  }
  // The first time the page is there before this is.
  await clients.claim();
}

/** Whether it kept this app when the names of apps did not stand in those of caches yet. */
async function isUnnamed(cacheName) {
  if (!/^countersign-[0-9a-f]{16}$/.test(cacheName)) return false;
  const [page] = PAGES.values();
  return Boolean(await caches.match(page, { cacheName }));
}

/** Other pages get files as new as they are. */
async function forPage({ clientId, request }) {
  const client = await clients.get(clientId);
  const path = client && new URL(client.url).pathname;
  return PAGES.has(path) || FILES.has(path) ? kept(request.url, request) : fetch(request);
}

async function kept(path, request) {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  // A newer version may have taken over where paths begin in another way, and have thrown this out.
  const cacheName = names.includes(NAME) ? NAME : names.at(-1);
  return (cacheName && (await caches.match(path, { cacheName }))) || fetch(request);
}
