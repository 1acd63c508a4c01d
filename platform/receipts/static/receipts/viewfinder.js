/** What a camera sees, read until it is stopped, with its switches: which one, and its light. */

import { Camera, cameras } from "./camera.js";
import { readCodes } from "./reader.js";

const CHOICE = "countersign.camera";

/** The switches of a page's camera.  Each is shown only where the device has what it switches. */
export class Viewfinder {
  /** @type {Camera | null} */
  #camera = null;
  #isChanging = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {HTMLSelectElement} choice Which camera; in an element that is hidden with it.
   * @param {HTMLButtonElement} light With aria-pressed.
   */
  constructor(video, choice, light) {
    this.video = video;
    this.choice = choice;
    this.light = light;
    choice.onchange = () => {
      remember(choice.value);
      this.#isChanging = true;
      this.#camera?.stop();
    };
    light.onclick = async () => {
      const isOn = light.ariaPressed === "true";
      light.ariaPressed = String((await this.#camera?.light(!isOn)) ?? false);
    };
  }

  /**
   * Yield the texts of the codes that are seen, whenever they are others than before.
   * @returns {AsyncGenerator<string[]>} It ends when it is stopped.
   * @throws {import("./camera.js").CameraError}
   */
  async *codes() {
    let seen = "";
    try {
      do {
        this.#isChanging = false;
        const camera = (this.#camera = new Camera(this.video, "environment", recall()));
        for await (const pixels of camera.frames()) {
          const texts = await readCodes(pixels);
          if (texts.length && texts.join() !== seen) {
            seen = texts.join();
            yield texts;
          }
          this.#showSwitches(camera);
        }
      } while (this.#isChanging);
    } finally {
      this.#camera = null;
      this.#hideSwitches();
    }
  }

  /** Give the camera back. */
  stop() {
    this.#isChanging = false;
    this.#camera?.stop();
  }

  /** @param {Camera} camera */
  async #showSwitches(camera) {
    if (this.choice.dataset.shown === camera.id) return;
    this.choice.dataset.shown = camera.id;
    this.light.ariaPressed = "false";
    this.light.hidden = !camera.hasLight;
    const all = await cameras();
    this.choice.replaceChildren(...all.map(({ id, name }) => new Option(name, id)));
    this.choice.value = camera.id;
    /** @type {HTMLElement} */ (this.choice.parentElement).hidden = all.length < 2;
  }

  #hideSwitches() {
    delete this.choice.dataset.shown;
    this.light.hidden = true;
    /** @type {HTMLElement} */ (this.choice.parentElement).hidden = true;
  }
}

function recall() {
  try {
    return localStorage.getItem(CHOICE) ?? "";
  } catch {
    return ""; // this browser keeps nothing
  }
}

/** @param {string} id Of the camera to begin with from now on. */
function remember(id) {
  try {
    localStorage.setItem(CHOICE, id);
  } catch {
    // Then it begins with the usual one next time.
  }
}
