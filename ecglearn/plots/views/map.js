// Words x time, leads x time, features x features: one grid whose edges are what it is about. Cases
// (patients), layers (what the colour shows) and moments (of training) are chosen. Data: `MapView`.
{
  const { svg, html, range, set, best, mean } = EcgViews;
  const number = (value) => (Math.abs(value) >= 10 ? value.toFixed(0) : value.toFixed(2));

  EcgViews.kinds.map = (element, data) => {
    for (const one of data.cases) {
      one.arrays = one.layers.map(EcgViews.array);
      one.lines = one.traces && EcgViews.array(one.traces);
      one.wanted = one.truth && EcgViews.array(one.truth);
    }
    const last = data.moments.length - 1;
    const state = { at: 0, layer: 0, moment: last, row: data.cases[0].start ?? 0, column: null };
    let show = () => {};
    const now = () => data.cases[state.at];
    const count = () => now().rows.length;
    const columns = data.columns.length;
    const values = () => range(count()).map((row) => now().arrays[state.layer].row(Math.min(state.moment, now().arrays[state.layer].shape[0] - 1), row));
    const truth = () => (now().wanted ? range(count()).map((row) => now().wanted.row(row)) : null);
    const some = (row) => Math.max(...row) > 0;

    const sentence = (found, wanted) => {
      if (data.tells === "diagonal") {
        const on = mean(found.map((row, k) => row[k]));
        const off = mean(found.flatMap((row, k) => row.filter((_, t) => t !== k)).map(Math.abs));
        return `Mean on the diagonal ${on.toFixed(2)}, mean size beside it ${off.toFixed(2)}.`;
      }
      if (data.tells === "covered" && wanted) {
        const whole = wanted.flat();
        const all = whole.reduce((sum, share) => sum + share, 0);
        const held = found.flat().reduce((sum, share, k) => sum + share * whole[k], 0) / all;
        return `${data.layers[state.layer].name}: ${Math.round(100 * held)} % of the evidence lies there; the same number of cells at random would hold ${Math.round(100 * mean(found.flat()))} %.`;
      }
      const name = now().rows[state.row];
      const row = found[state.row];
      const words = `${data.rowName} “${name}”: strongest at ${data.columns[best(row)]}, ${number(Math.max(...row))} ${data.unit}.`;
      if (!wanted) return words;
      if (!some(wanted[state.row])) return `${words} ${data.without}`;
      const known = range(count()).filter((k) => some(wanted[k]));
      const hits = known.filter((k) => best(found[k]) === best(wanted[k])).length;
      const here = best(row) === best(wanted[state.row]) ? "and there the evidence is strongest too" : `but the evidence is strongest at ${data.columns[best(wanted[state.row])]}: it looks elsewhere`;
      return `${words.slice(0, -1)}, ${here}. In this ${data.caseName}, ${hits} of ${known.length} such rows look at their evidence.`;
    };

    const says = EcgViews.speaker();
    const change = (changes) => (Object.assign(state, changes), show());
    const player = EcgViews.player({
      label: "training", pause: 800, attributes: { "data-name": "play" },
      step: (first) => {
        const next = state.moment === last ? (first ? 0 : last) : state.moment + 1;
        change({ moment: next });
        return next < last;
      },
    });
    const training = last > 0 && EcgViews.slider({
      label: "Training", max: last, value: last, name: "moment",
      says: (moment) => String(data.moments[moment]),
      on: (moment) => (player.stop(), change({ moment })),
    });
    const cases = data.cases.length > 1 && EcgViews.choice({
      label: data.caseLabel, value: 0, name: "case",
      options: data.cases.map((one, k) => [String(k), one.name]),
      on: (at) => {
        Object.assign(state, { at: Number(at), row: data.cases[at].start ?? 0, column: null });
        build(element.clientWidth);
      },
    });
    const layers = data.layers.length > 1 && EcgViews.choice({
      label: "Colour shows", value: 0, name: "layer",
      options: data.layers.map((one, k) => [String(k), one.name]),
      on: (layer) => change({ layer: Number(layer) }),
    });
    const rows = EcgViews.slider({
      label: data.rowName, min: 1, max: count(), value: state.row + 1, name: "row",
      says: (row) => now().rows[row - 1],
      on: (row) => change({ row: row - 1, column: null }),
    });
    const stage = html("div", { class: "ev-stage" });
    const signs = data.marks ? [["ring", data.marks[0]], ["dot", data.marks[1]]] : [];
    const about = html("p", { class: "ev-about" });
    element.append(
      html("div", { class: "ev-controls" },
        cases ? cases.node : "", layers ? layers.node : "",
        training ? training.node : "", training ? html("div", { class: "ev-buttons" }, player.node) : "",
        data.tells === "rows" ? rows.node : ""),
      EcgViews.legend([...signs, ["alike", data.high], ...(data.low ? [["unlike", data.low]] : [])]),
      says.node, about, stage,
    );
    element.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() === "p" && training && !event.target.closest("select")) player.press();
    });

    const build = (width) => {
      const one = now();
      set(rows.input, { max: count() });
      const narrow = width < 600;
      element.classList.toggle("ev-narrow", narrow);
      const longest = Math.max(...one.rows.map((name) => name.length));
      const edge = Math.min(narrow ? 96 : 150, 14 + longest * 7);
      const square = data.tells === "diagonal";
      const cellWidth = square ? Math.min(26, (width - edge - 2) / columns) : (width - edge - 2) / columns;
      const cellHeight = square ? cellWidth : one.lines ? (narrow ? 26 : 34) : 22;
      const tall = count() * cellHeight;
      const strip = one.strip ? { bars: 54, signal: 84 } : null;
      const height = tall + (strip ? strip.bars + strip.signal + 46 : 30);
      const grid = EcgViews.grid({
        rows: count(), columns, width: cellWidth, height: cellHeight,
        label: `${data.label}. Arrow keys move.`,
        on: (row, column) => change({ row, column }),
      });
      set(grid.node, { transform: `translate(${edge} 0)` });
      const apart = Math.ceil(12 / cellHeight); // rows of which one has its name
      const names = one.rows.filter((_, k) => k % apart === 0).map((name, i) => {
        const k = i * apart;
        const shown = name.length * 7 > edge ? `${name.slice(0, Math.floor(edge / 7) - 1)}…` : name;
        return svg("text", { class: "ev-row", x: edge - 6, y: (k + 0.5) * cellHeight + 4, "text-anchor": "end" }, shown, svg("title", {}, name));
      });
      const trace = (signal, base, room) => {
        const reach = Math.max(0.4, ...signal.map(Math.abs));
        const step = (columns * cellWidth) / (signal.length - 1);
        return signal.map((value, k) => `${k ? "L" : "M"}${(edge + k * step).toFixed(1)} ${(base - (value / reach) * room).toFixed(1)}`).join("");
      };
      const lines = one.lines ? range(count()).map((k) => svg("path", { class: "ev-trace ev-thin", d: trace(one.lines.row(k), (k + 0.5) * cellHeight, cellHeight * 0.46) })) : [];
      const each = Math.max(1, Math.ceil(columns / Math.floor((columns * cellWidth) / 56)));
      const tickTop = strip ? tall + strip.bars + strip.signal + 34 : tall + 14;
      const ticks = data.columns.flatMap((name, k) => (k % each ? [] : [svg("text", { class: "ev-tick", x: edge + (k + 0.5) * cellWidth, y: tickTop, "text-anchor": "middle" }, name)]));
      const bars = strip && EcgViews.bars({ columns, width: cellWidth, height: strip.bars });
      const wantedLine = svg("path", { class: "ev-wanted" });
      const band = svg("rect", { class: "ev-band", y: tall + 8, height: strip ? strip.bars + strip.signal + 10 : 0, width: cellWidth });
      const extra = strip ? [
        band, svg("g", { transform: `translate(${edge} ${tall + 8})` }, bars.node, wantedLine),
        svg("path", { class: "ev-trace", d: trace(one.strip.signal, tall + strip.bars + 14 + strip.signal * 0.6, strip.signal * 0.55) }),
        svg("text", { class: "ev-tick", x: edge - 6, y: tall + 24, "text-anchor": "end" }, "its row"),
        svg("text", { class: "ev-tick", x: edge - 6, y: tall + strip.bars + 14 + strip.signal * 0.6, "text-anchor": "end" }, one.strip.name),
      ] : [];
      const caption = svg("text", { class: "ev-tick", x: edge, y: tickTop + 15 }, data.columnName);
      const mark = svg("rect", { class: "ev-hair", x: 1, width: edge - 3, height: cellHeight });
      stage.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height }, grid.node, lines, names, mark, extra, ticks, caption));
      about.textContent = one.note ?? "";
      show = () => {
        const found = values();
        const wanted = truth();
        const layer = data.layers[state.layer];
        const row = state.row;
        const marked = data.marks && state.layer === 0;
        grid.paint({
          values: found, reach: layer.reach ?? Math.max(1e-9, ...found.flat().map(Math.abs)), row, column: state.column,
          ring: (k) => (marked && wanted && some(wanted[k]) ? best(wanted[k]) : null),
          dot: (k) => (marked ? best(found[k]) : null),
        });
        set(mark, { y: row * cellHeight });
        if (strip) {
          const top = Math.max(...found[row], ...(wanted ? wanted[row] : []), 1e-9);
          bars.paint(found[row].map((value) => Math.max(0, value) / top));
          const line = wanted && some(wanted[row]) ? wanted[row].map((value, k) => `${k ? "L" : "M"}${(k * cellWidth).toFixed(1)} ${(strip.bars * (1 - value / top)).toFixed(1)}h${cellWidth.toFixed(1)}`).join("") : "";
          set(wantedLine, { d: line });
          set(band, { x: edge + (state.column ?? best(found[row])) * cellWidth });
        }
        rows.show(row + 1);
        if (training) training.show(state.moment);
        const cell = state.column === null ? "" : ` Cell ${now().rows[row]}, ${data.columns[state.column]}: ${number(found[row][state.column])}.`;
        says.say(sentence(found, wanted) + cell);
      };
      show();
    };
    EcgViews.fit(element, build);
  };
}
