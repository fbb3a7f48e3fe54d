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
