// What does not fit scrolls in its own box: a keyboard must reach the box. So do wide pictures on a
// phone, since their letters would be too small to read. Corners of tables that say nothing are no
// headings.
(() => {
  "use strict";
  const BOXES = "article table, article pre, article mjx-container[display='true'], article .output, .picture";
  const WIDE = 750; // pixels of a picture; narrower ones fit a phone
  const READABLE = 0.66; // of its size: letters of 10 points get 9 pixels

  const reach = () => {
    for (const box of document.querySelectorAll(BOXES)) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      const inner = box.querySelector("a, button, input, [tabindex]");
      if (scrolls && !inner) box.tabIndex = 0;
      else if (box.tabIndex === 0) box.removeAttribute("tabindex");
    }
  };

  const frame = async (picture) => {
    if (!picture.complete) await new Promise((done) => ["load", "error"].forEach((e) => picture.addEventListener(e, done)));
    if (picture.naturalWidth < WIDE) return;
    const box = document.createElement("div");
    box.className = "picture";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "picture, wider than a phone");
    picture.style.setProperty("--readable", `${Math.round(READABLE * picture.naturalWidth)}px`);
    picture.replaceWith(box);
    box.append(picture);
  };

  const tidy = () => {
    for (const heading of document.querySelectorAll("article th")) {
      if (heading.textContent.trim()) continue;
      const cell = document.createElement("td");
      for (const { name, value } of heading.attributes) cell.setAttribute(name, value);
      heading.replaceWith(cell);
    }
    for (const entry of document.querySelectorAll("[role='doc-biblioentry']")) entry.setAttribute("role", "listitem");
    for (const item of document.querySelectorAll("#pst-primary-sidebar .sidebar-primary-item")) {
      const search = item.querySelector(".search-button__button");
      if (!search && !item.querySelector(".navbar-brand")) continue;
      item.setAttribute("role", search ? "search" : "navigation");
      item.setAttribute("aria-label", search ? "open the search" : "start page");
    }
  };

  const start = async () => {
    tidy();
    await Promise.all([...document.querySelectorAll("article figure > img[src*='_images']")].map(frame));
    await window.MathJax?.startup?.promise;
    reach();
    window.addEventListener("resize", reach);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
