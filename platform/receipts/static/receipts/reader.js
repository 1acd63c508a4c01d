/** QR codes read from pictures, by zxing in WebAssembly.  Loaded only when there is a picture. */

import { prepareZXingModule, readBarcodes } from "../vendor/zxing-wasm/reader/index.js";
import { gettext } from "./words.js";

// What a phone's camera makes; larger pictures are scaled down to it.
const MAX_PIXELS = 12_000_000;
// A small drawing is enlarged to this.
const MIN_SIDE = 800;

prepareZXingModule({
  // Without this it would ask another site.
  overrides: {
    locateFile: (/** @type {string} */ name) =>
      new URL(`../vendor/zxing-wasm/reader/${name}`, import.meta.url).href,
  },
  // While the camera starts, or the picture is opened.
  fireImmediately: true,
}).catch(() => {}); // said when it is needed

/** A file is no picture that this browser can open; the message says so. */
export class PictureError extends Error {
  name = "PictureError";
}

/**
 * Return the texts of all QR codes, each once.
 * @param {ImageData} pixels
 * @returns {Promise<string[]>}
 */
export async function readCodes(pixels) {
  const found = await readBarcodes(pixels, { formats: ["QRCode"], tryHarder: true });
  return [...new Set(found.map((code) => code.text))];
}

/**
 * Return the texts of all QR codes in a picture.
 * @param {Blob} file
 * @returns {Promise<string[]>}
 * @throws {PictureError}
 */
export async function readPicture(file) {
  return readCodes(await pixelsOf(file));
}

/** @param {Blob} file */
async function pixelsOf(file) {
  if (await isPDF(file)) {
    throw new PictureError(gettext("This is a PDF file, and browsers do not open those as pictures. Open it, and hold the camera of this device over its code, or save a picture of the screen and choose that."));
  }
  const image = new Image();
  image.src = await dataUrl(file);
  try {
    await image.decode();
  } catch {
    throw new PictureError(
      file.type === "image/svg+xml"
        ? gettext("This SVG drawing is damaged, or your browser cannot draw it. Use a PNG or JPEG file, or paste the text.")
        : gettext("This is not a picture that your browser can open. Use a PNG or JPEG file, or paste the text."),
    );
  }
  const { naturalWidth: width, naturalHeight: height } = image;
  const most = Math.sqrt(MAX_PIXELS / (width * height));
  const scale = Math.min(most, Math.max(1, MIN_SIDE / Math.min(width, height)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, width * scale);
  canvas.height = Math.max(1, height * scale);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  // Behind what is transparent.
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/**
 * Whether it begins as PDF files do (ISO 32000-2, section 7.5.2), whatever it is called.
 * @param {Blob} file
 */
async function isPDF(file) {
  return new TextDecoder().decode(await file.slice(0, 5).arrayBuffer()) === "%PDF-";
}

/**
 * @param {Blob} file
 * @returns {Promise<string>}
 */
function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new PictureError(gettext("The file cannot be read.")));
    reader.readAsDataURL(file);
  });
}
