// Cells in rows and columns: blue is alike, orange unlike, strength is opacity, so that nothing is the
// ground of either theme. A ring marks the truth of a row and a dot the best; a cross-hair what is
// pointed at.
{
  const { svg, range, set } = EcgViews;

  EcgViews.grid = ({ rows, columns, width, height, label, on }) => {
    const left = (column) => column * width;
    const top = (row) => row * height;
    const cells = range(rows).map((row) =>
      range(columns).map((column) =>
        svg("rect", {
          class: "ev-cell",
          x: left(column) + 0.5,
          y: top(row) + 0.5,
          width: width - 1,
          height: height - 1,
        }),
      ),
    );
    const small = Math.min(width, height);
    const mark = (name, radius) =>
      range(rows).map((row) =>
        svg("g", { class: `ev-${name}` }, [
          svg("circle", { class: "ev-halo", r: radius, cy: top(row) + height / 2 }),
          svg("circle", { class: "ev-ink", r: radius, cy: top(row) + height / 2 }),
        ]),
      );
    const rings = mark("ring", small * 0.34);
    const dots = mark("dot", small * 0.15);
    const across = svg("rect", { class: "ev-hair", x: 0, width: columns * width, height });
    const down = svg("rect", { class: "ev-hair", y: 0, width, height: rows * height });
    const node = svg(
      "g",
      { class: "ev-grid", tabindex: 0, role: "application", "aria-label": label },
      svg("rect", { class: "ev-ground", width: columns * width, height: rows * height }),
      cells,
      across,
      down,
      rings,
      dots,
    );

    const cellAt = (event) => {
      const box = node.querySelector(".ev-ground").getBoundingClientRect();
      const share = [(event.clientY - box.y) / box.height, (event.clientX - box.x) / box.width];
      const [row, column] = [Math.floor(share[0] * rows), Math.floor(share[1] * columns)];
      return [Math.min(rows - 1, Math.max(0, row)), Math.min(columns - 1, Math.max(0, column))];
    };
    let now = [0, 0];
    const point = (row, column) => on(row, column);
    node.addEventListener("pointermove", (event) => {
      const [row, column] = cellAt(event);
      if (event.pointerType === "mouse" && (row !== now[0] || column !== now[1])) point(row, column);
    });
    node.addEventListener("click", (event) => point(...cellAt(event)));
    const moves = {
      ArrowUp: () => [Math.max(0, now[0] - 1), now[1]],
      ArrowDown: () => [Math.min(rows - 1, now[0] + 1), now[1]],
      ArrowLeft: () => [now[0], Math.max(0, now[1] - 1)],
      ArrowRight: () => [now[0], Math.min(columns - 1, now[1] + 1)],
      Home: () => [now[0], 0],
      End: () => [now[0], columns - 1],
    };
    node.addEventListener("keydown", (event) => {
      if (!moves[event.key]) return;
      event.preventDefault();
      point(...moves[event.key]());
    });

    // values: rows of numbers; ring and dot: a column for each row, or null
    const paint = ({ values, reach, row, column, ring = () => null, dot = () => null }) => {
      now = [row ?? 0, column ?? 0];
      values.forEach((line, i) =>
        line.forEach((value, j) =>
          set(cells[i][j], {
            class: value < 0 ? "ev-cell ev-unlike" : "ev-cell",
            "fill-opacity": Math.min(1, Math.abs(value) / reach).toFixed(3),
          }),
        ),
      );
      const place = (marks, where) =>
        marks.forEach((one, i) => {
          const at = where(i);
          one.style.display = at === null ? "none" : "";
          for (const circle of one.children) set(circle, { cx: left(at ?? 0) + width / 2 });
        });
      place(rings, ring);
      place(dots, dot);
      across.style.display = row === null ? "none" : "";
      down.style.display = column === null ? "none" : "";
      set(across, { y: top(row ?? 0) });
      set(down, { x: left(column ?? 0) });
    };
    return { node, paint, width: columns * width, height: rows * height };
  };
}
