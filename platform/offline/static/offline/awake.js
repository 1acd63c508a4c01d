/** The screen of this device while somebody stands before it. */

/**
 * Keep it on until this is over; a page that is out of sight loses it, and asks again afterwards.
 * @param {AbortSignal} signal
 */
export function stayAwake(signal) {
  const ask = async () => {
    if (document.hidden) return;
    const lock = await navigator.wakeLock?.request("screen").catch(() => null);
    if (signal.aborted) await lock?.release();
    else signal.addEventListener("abort", () => lock?.release(), { once: true });
  };
  document.addEventListener("visibilitychange", ask, { signal });
  ask();
}
