{% load static %}// ggwave turns frames into sound and back.  It evaluates code that it makes up, so it runs in this
// worker, whose policy allows that and no network, and never in a page.

// Its WebAssembly stands in its own file, which it would fetch as an address.
self.fetch = () => Promise.reject(new Error("nothing is fetched here"));
importScripts("{% static 'vendor/ggwave/ggwave.js' %}");

// Longer frames it would cut without a word.
const MAX_FRAME = 140;
const VOLUME = 50;
const silent = () => {};

const starting = ggwave_factory({ print: silent, printErr: silent });
let ggwave, instance, protocol;

/** @param {number} sampleRate Of what is played and heard. */
function start(sampleRate) {
  ggwave.disableLog();
  const { GGWAVE_PROTOCOL_AUDIBLE_FASTEST: fastest, ...others } = ggwave.ProtocolId;
  protocol = fastest;
  for (const other of Object.values(others)) {
    if (typeof other === "object") ggwave.rxToggleProtocol(other, 0);
  }
  const F32 = ggwave.SampleFormat.GGWAVE_SAMPLE_FORMAT_F32;
  const parameters = ggwave.getDefaultParameters();
  Object.assign(parameters, { sampleFormatInp: F32, sampleFormatOut: F32 });
  Object.assign(parameters, { sampleRateInp: sampleRate, sampleRateOut: sampleRate });
  instance = ggwave.init(parameters);
}

/** @param {Uint8Array} frame */
function encode(frame) {
  if (frame.length < 1 || frame.length > MAX_FRAME) throw new Error("no such frame");
  // A view of its memory, which the next call overwrites.
  const sound = ggwave.encode(instance, frame, protocol, VOLUME).slice();
  if (!sound.length) throw new Error("nothing was encoded");
  const samples = new Float32Array(sound.buffer);
  postMessage({ samples }, [samples.buffer]);
}

/** @param {Float32Array} samples A piece of what is heard, as long as the one before. */
function decode(samples) {
  const found = ggwave.decode(instance, new Int8Array(samples.buffer));
  if (found.length) postMessage({ frame: new Uint8Array(found) });
}

self.onmessage = async ({ data }) => {
  try {
    ggwave = await starting;
    if (data.sampleRate) start(data.sampleRate);
    else if (data.encode) encode(data.encode);
    else decode(data.decode);
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
