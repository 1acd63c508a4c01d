/** The page on which a browser becomes a phone that works without a network. */

import { gettext } from "../receipts/words.js";

/** @param {string} id */
const input = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("set-up"));
// What codes of refusals mean, from the site.
const sentences = JSON.parse(document.getElementById("sentences")?.textContent ?? "{}");

begin();

async function begin() {
  if (!form) return;
  let parts;
  try {
    parts = { ...(await import("./device.js")), ...(await import("./client.js")) };
    if (!(await parts.isAble())) throw new Error("no Ed25519");
  } catch {
    tell(gettext("This browser cannot be used without a network: it lacks the keys that it takes (Ed25519 and X25519), which browsers give pages over https only. Use the newest Firefox, Chrome, Edge or Safari, over https."));
    return;
  }
  const { Device, Client } = parts;
  let device;
  try {
    device = await Device.open("phone");
  } catch {
    input("cannot-store").hidden = false;
    return;
  }
  // Another's payment password would be tried, and locked in the end.
  if (device && device.added?.account !== form.dataset.account) return offerToForget(device, parts);
  // It may have got half of the way before, or come back for another password.
  input("name-field").hidden = Boolean(device);
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const password = input("offline-password").value;
    if (password !== input("offline-again").value) {
      tell(gettext("The two offline passwords are not the same."));
      input("offline-again").focus();
      return;
    }
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    button.disabled = true;
    tell("");
    // Else a browser that is short of room throws page and key away.
    navigator.storage?.persist?.().catch(() => {});
    try {
      const device = (await known(Device)) ?? (await add(parts));
      const client = await Client.register(device, input("payment-password").value);
      if (password) await client.setPassword(input("payment-password").value, password);
      location.assign("/offline");
    } catch (error) {
      tell(describe(error));
      button.disabled = false;
    }
  });
}

/**
 * @param {import("./device.js").Device} device Of another account than the one that is signed in.
 * @param {typeof import("./client.js")} parts
 */
function offerToForget(device, { forgetClient }) {
  input("other").hidden = false;
  input("other-account").textContent = device.added?.account;
  input("forget").addEventListener("click", async () => {
    if (!confirm(gettext("Forget the key of this phone? It authorizes nothing until it is set up anew."))) return;
    await device.forget();
    await forgetClient();
    location.reload();
  });
}

/**
 * Return the device that this browser is already, unless the platform knows it no more.
 * @param {typeof import("./device.js").Device} Device
 */
async function known(Device) {
  const device = await Device.open("phone");
  if (!device) return null;
  try {
    await device.call("GET", "/offline/client");
  } catch (error) {
    const { code } = /** @type {any} */ (error);
    if (code === "device_proof_invalid") return null;
    // Not registered yet; or it was removed as a phone for good, and needs another key.
    if (code === "unknown_client") return (await isRegisteredHere()) ? null : device;
    throw error;
  }
  return device;
}

async function isRegisteredHere() {
  const { Client } = await import("./client.js");
  return Boolean(await Client.open());
}

/** @param {typeof import("./device.js") & typeof import("./client.js")} parts */
async function add({ Device, forgetClient, deviceCode }) {
  const token = String(new FormData(/** @type {HTMLFormElement} */ (form)).get("csrfmiddlewaretoken"));
  const device = await Device.add("phone", { code: await deviceCode(token), title: input("name").value });
  // Not before there is another one.
  await forgetClient();
  return device;
}

/** @param {any} error */
function describe(error) {
  if (error?.name === "RefusedError") return sentences[error.code] ?? error.message;
  console.error(error);
  return gettext("Something went wrong in this browser. Load the page again.");
}

/** @param {string} sentence */
function tell(sentence) {
  input("trouble").hidden = !sentence;
  input("trouble-words").textContent = sentence;
}
