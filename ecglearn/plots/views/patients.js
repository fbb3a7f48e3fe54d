// Patient x patient: ECGs along the left edge, cines along the bottom; a row opens into the films that
// its ECG finds, best first, out of all candidates. Data: `RetrievalView`.
{
  const { svg, html, range, set, best } = EcgViews;

  EcgViews.kinds.patients = (element, data) => {
    const cosines = EcgViews.array(data.cosines);
    const near = EcgViews.array(data.near);
    const people = data.people;
    const size = data.rows.length;
    const state = { row: Math.floor(size / 2), column: null };
    let show = () => {};
    const says = EcgViews.speaker();
    const change = (changes) => (Object.assign(state, changes), show());
    const rows = EcgViews.slider({
      label: "ECG of patient", min: 1, max: size, value: state.row + 1, name: "row",
      says: (row) => `${row}: ${people[data.rows[row - 1]].name}`,
      on: (row) => change({ row: row - 1, column: null }),
    });
    const stage = html("div", { class: "ev-stage" });
    element.append(
      html("div", { class: "ev-controls ev-one" }, rows.node),
      EcgViews.legend([["ring", "the same patient"], ["dot", "the cine found most alike"], ["alike", "alike"], ["unlike", "unlike"]]),
      says.node, stage,
    );
    const trace = (signal, width, height) => {
      const reach = Math.max(0.6, ...signal.map(Math.abs));
      const step = width / (signal.length - 1);
      return signal.map((value, k) => `${k ? "L" : "M"}${(k * step).toFixed(1)} ${(height * 0.62 - (value / reach) * height * 0.55).toFixed(1)}`).join("");
    };

    const build = (width) => {
      const narrow = width < 600;
      element.classList.toggle("ev-narrow", narrow);
      const mapWidth = narrow ? width : Math.floor(width * 0.52);
      const edge = 78;
      const cell = Math.floor((mapWidth - edge) / size);
      const tall = size * cell;
      const grid = EcgViews.grid({
        rows: size, columns: size, width: cell, height: cell,
        label: `${data.label}. Arrow keys move.`, on: (row, column) => change({ row, column }),
      });
      set(grid.node, { transform: `translate(${edge} 0)` });
      const beats = data.rows.map((who, k) => svg("g", { transform: `translate(0 ${k * cell})` }, svg("path", { class: "ev-trace ev-thin", d: trace(people[who].signal, edge - 6, cell) })));
      const mark = svg("rect", { class: "ev-hair", x: 0.5, width: edge - 3, height: cell });
      const films = data.rows.map((who, k) => EcgViews.frame({ patient: people[who], size: cell - 1, attributes: { x: edge + k * cell, y: tall + 4 } }));
      for (const film of films) film.show(0, false);
      const height = tall + cell + 24;
      const map = svg("svg", { width: mapWidth, height, viewBox: `0 0 ${mapWidth} ${height}` }, beats, mark, grid.node, films.map((film) => film.node),
        svg("text", { class: "ev-tick", x: edge, y: height - 4 }, "cines; left edge: lead II"));
      const sideWidth = narrow ? width : width - mapWidth - 24;
      const signal = svg("path", { class: "ev-trace" });
      const title = html("p", { class: "ev-heading" });
      const list = html("ol", { class: "ev-found" });
      const side = html("section", { style: `width:${sideWidth}px` }, title,
        svg("svg", { width: sideWidth, height: 74, viewBox: `0 0 ${sideWidth} 74` }, signal), list);
      stage.replaceChildren(html("div", { class: "ev-panels" }, map, side));
      show = () => {
        const values = range(size).map((row) => cosines.row(row));
        const row = state.row;
        grid.paint({ values, reach: data.reach, row, column: state.column, ring: (k) => k, dot: (k) => best(values[k]) });
        set(mark, { y: row * cell });
        rows.show(row + 1);
        const person = people[data.rows[row]];
        set(signal, { d: trace(person.signal, sideWidth, 74) });
        title.replaceChildren(`${person.name}`, html("small", {}, `${data.measure} ${person.value} ${data.unit}; its own film, and those its ECG finds among ${data.candidates}:`));
        const found = data.found[row];
        const entries = [[data.rows[row], -1], ...found.people.map((who, k) => [who, k])];
        list.replaceChildren(...entries.map(([who, k]) => {
          const other = people[who];
          const pair = [0, 1].map((frame) => {
            const film = EcgViews.frame({ patient: other, size: Math.min(76, Math.floor((sideWidth - 150) / 2)) });
            film.show(frame, false);
            return film.node;
          });
          const own = who === data.rows[row];
          const alike = k >= 0 && near.at(row, k);
          const words = `${data.measure} ${other.value} ${data.unit}${k < 0 ? ", its own film" : own ? ", the same patient" : alike ? ", alike" : ""}`;
          return html("li", { class: own ? "ev-own" : "" }, html("span", { class: "ev-place" }, k < 0 ? "○" : `${k + 1}.`), html("span", { class: "ev-pair" }, pair), html("span", {}, `${own ? "○ " : alike ? "✓ " : ""}${words}`));
        }));
        const alike = range(found.people.length).filter((k) => near.at(row, k)).length;
        const other = state.column === null || state.column === row ? "" : ` With the cine of ${people[data.rows[state.column]].name}: cosine ${values[row][state.column].toFixed(2)}.`;
        says.say(`The ECG of patient ${row + 1} (${person.name}) finds its own cine at rank ${found.rank} of ${data.candidates}. Of the ${found.people.length} films on top, ${alike} have ${data.measure} within half a standard deviation.${other}`);
        element.dataset.rank = found.rank;
      };
      show();
    };
    EcgViews.fit(element, build);
  };
}
