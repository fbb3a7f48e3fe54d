// Opens the fold that holds what a link points at, and all of them for paper.
(() => {
  "use strict";
  const show = (node) => {
    for (let fold = node?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  };
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    show(target);
    target.closest("section")?.querySelector(":scope > details.folded-end")?.setAttribute("open", "");
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  addEventListener("DOMContentLoaded", follow);
  addEventListener("beforeprint", () => document.querySelectorAll("details.folded-end").forEach((fold) => (fold.open = true)));
})();
