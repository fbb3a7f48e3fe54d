// A card with a term's explanation when its link is pointed at or reached by the keyboard; a tap
// still follows the link. Escape closes it. What it says comes from the glossary (a-terms.js).
(() => {
  "use strict";
  const key = (hash) =>
    decodeURIComponent(hash)
      .replace(/^#term-/, "")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "");

  let card;

  const close = () => {
    document.querySelector("[aria-describedby='term-card']")?.removeAttribute("aria-describedby");
    card?.remove();
    card = undefined;
  };

  const open = (link) => {
    const text = (window.glossaryTerms ?? {})[key(link.hash)];
    close();
    if (!text) return;
    card = document.createElement("div");
    card.id = "term-card";
    card.className = "term-card";
    card.setAttribute("role", "tooltip");
    card.textContent = text;
    document.body.append(card);
    link.setAttribute("aria-describedby", "term-card");
    const at = link.getBoundingClientRect();
    const left = Math.min(at.left, window.innerWidth - card.offsetWidth - 8);
    const below = at.bottom + card.offsetHeight + 12 < window.innerHeight;
    card.style.left = `${Math.max(8, left) + window.scrollX}px`;
    const top = below ? at.bottom + 6 : at.top - card.offsetHeight - 6;
    card.style.top = `${top + window.scrollY}px`;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const canPoint = window.matchMedia("(hover: hover)").matches;
    for (const link of document.querySelectorAll("article a[href*='glossary.html#term-']")) {
      if (canPoint) {
        link.addEventListener("mouseenter", () => open(link));
        link.addEventListener("mouseleave", close);
      }
      link.addEventListener("focus", () => open(link));
      link.addEventListener("blur", close);
    }
    document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  });
})();
