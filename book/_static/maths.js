// A displayed formula that is wider than its column is set smaller, down to two thirds; what is wider
// still scrolls in its own box.
(() => {
  "use strict";
  const LEAST = 0.67;
  const fit = (box) => {
    box.style.fontSize = "";
    if (!box.clientWidth || box.scrollWidth <= box.clientWidth) return;
    const share = Math.max(LEAST, (box.clientWidth / box.scrollWidth) * 0.99);
    box.style.fontSize = `${Math.floor(share * parseFloat(getComputedStyle(box).fontSize) * 100) / 100}px`;
  };
  addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    const widths = new WeakMap();
    // also when a fold opens or a phone is turned
    const watch = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        if (widths.get(target) === target.clientWidth) continue;
        widths.set(target, target.clientWidth);
        fit(target);
      }
    });
    document.querySelectorAll('mjx-container[display="true"]').forEach((box) => watch.observe(box));
  });
})();
