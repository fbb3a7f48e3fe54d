// Tables of class "sortable": a click on a heading sorts, words in the box filter the rows. Without
// this script they are plain tables.
(() => {
  "use strict";

  // "0.71 [0.69, 0.73]" sorts by 0.71, words by their letters, empty cells come last.
  const value = (cell) => {
    const text = cell?.textContent.trim() ?? "";
    const number = Number.parseFloat(text.replaceAll(",", ""));
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };

  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    if (typeof a === typeof b) return a < b ? -1 : Number(a > b);
    return typeof a === "number" ? -1 : 1;
  };

  const sortBy = (table, column, heading) => {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, key: value(row.cells[column]) }));
    rows.sort((a, b) => (up || a.key === "" || b.key === "" ? 1 : -1) * compare(a.key, b.key));
    body.append(...rows.map(({ row }) => row));
  };

  const filter = (table, words, told) => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    told.textContent = `${shown} of ${table.tBodies[0].rows.length} rows`;
  };

  const enliven = (table) => {
    const box = document.createElement("input");
    box.type = "search";
    box.placeholder = "filter rows by words";
    box.setAttribute("aria-label", "filter the rows of the table below");
    const told = document.createElement("span");
    told.setAttribute("role", "status");
    const tools = document.createElement("div");
    tools.className = "table-tools";
    tools.append(box, told);
    table.before(tools);
    box.addEventListener("input", () => filter(table, box.value, told));
    filter(table, "", told);
    for (const cell of table.tBodies[0].querySelectorAll("td")) {
      cell.classList.toggle("long", cell.textContent.length > 40);
    }
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sortBy(table, column, heading));
    });
  };

  const start = () => document.querySelectorAll("table.sortable").forEach(enliven);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
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
