/** Whether somebody had all lines of a list in view. */

// At the foot of the screen, where the hint lies that there is more.
const COVERED = "0px 0px -96px 0px";

export class LineWatch {
  /**
   * @param {Element[]} lines
   * @param {() => void} then Called once, when each was in view to its last character.
   */
  constructor(lines, then) {
    const unseen = new Set(lines.map(endOf));
    this.observer = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) unseen.delete(target);
      }
      if (unseen.size) return;
      this.stop();
      then();
    }, { rootMargin: COVERED });
    for (const end of unseen) this.observer.observe(end);
  }

  stop() {
    this.observer.disconnect();
  }
}

/**
 * Return what stands behind the last character of a line; a line may be higher than the screen.
 * @param {Element} line
 */
function endOf(line) {
  const end = document.createElement("i");
  end.className = "token-end";
  line.append(end);
  return end;
}
