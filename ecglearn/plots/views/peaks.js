// R peaks to move, miss or find twice: the beats cut out, the beat matrix over the cine's frames, the
// mean beat, and which moment of the ECG the local loss then matches with which frame. Data: `PeakView`.
{
  const { svg, html, range, set, best, mean } = EcgViews;
  const hat = (distance) => Math.max(0, 1 - Math.abs(distance));
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const percent = (share) => `${Math.round(100 * share)} %`;
  const pairs = (peaks) => peaks.slice(1).map((next, k) => [peaks[k], next]);

  // Beats of two tokens or more, and the matrix phases x tokens: signals.beat_matrices.
  const cut = (data, peaks) => {
    const { patch, segments, exact } = data;
    const tokens = Math.floor(data.signal.length / patch);
    const whole = (sample) => Math.floor(sample / patch);
    const inside = peaks.filter((peak) => peak >= 0 && peak < tokens * patch);
    const beats = pairs(inside).filter(([from, to]) => whole(to) - whole(from) >= 2);
    const place = ([from, to], phase) => {
      const count = whole(to) - whole(from);
      if (!exact) return whole(from) + Math.min(Math.max(0, phase * count - 0.5), count - 1);
      return Math.min(tokens - 1, Math.max(0, (from + phase * (to - from) - (patch - 1) / 2) / patch));
    };
    const matrix = range(segments).map((k) => {
      const places = beats.map((beat) => place(beat, (k + 0.5) / segments));
      return range(tokens).map((n) => total(places.map((at) => hat(at - n))) / Math.max(1, beats.length));
    });
    return { beats, matrix };
  };

  // P: which frame each phase should match; losses.phase_target.
  const wanted = ({ segments, circular }, sigma) =>
    range(segments).map((k) => {
      const gap = (t) => (circular ? Math.min(Math.abs(k - t), segments - Math.abs(k - t)) / (segments / 2) : Math.abs(k - t) / (segments - 1));
      const weights = range(segments).map((t) => (sigma ? Math.exp(-0.5 * (gap(t) / sigma) ** 2) : Number(k === t)));
      return weights.map((weight) => weight / total(weights));
    });

  // Which moment of its beat each token is, by the R peaks as found: tokens x phases.
  const moments = (data) => {
    const { patch, segments, peaks } = data;
    return range(Math.floor(data.signal.length / patch)).map((n) => {
      const centre = n * patch + (patch - 1) / 2;
      const last = peaks.length - 2;
      const k = Math.max(0, Math.min(last, peaks.filter((peak) => peak <= centre).length - 1));
      const at = ((centre - peaks[k]) / (peaks[k + 1] - peaks[k])) * segments - 0.5;
      return range(segments).map((m) => Math.max(...[-1, 0, 1].map((turn) => hat(at - m + turn * segments))));
    });
  };

  EcgViews.kinds.peaks = (element, data) => {
    const { segments: steps, fs } = data;
    const truth = moments(data);
    const movable = range(data.peaks.length - 2).map((k) => k + 1);
    const state = { peak: movable[Math.floor(movable.length / 2)], shift: 0, mode: "moved", sigma: data.sigma, row: null, column: null };
    let show = () => {};
    const change = (changes) => (Object.assign(state, changes), show());

    // as far as a quarter of a second before the neighbours, in steps of 20 ms
    const reach = () => {
      const room = (other) => (Math.abs(other - data.peaks[state.peak]) / fs) * 1000 - 250;
      return [-1, 1].map((side) => side * Math.max(0, Math.min(400, Math.floor(room(data.peaks[state.peak + side]) / 20) * 20)));
    };
    const bounded = (shift) => Math.max(reach()[0], Math.min(reach()[1], Math.round(shift / 20) * 20));
    const peaks = () => {
      const all = [...data.peaks];
      if (state.mode === "missed") all.splice(state.peak, 1);
      else if (state.mode === "twice") all.splice(state.peak + 1, 0, data.t_waves[state.peak]);
      else all[state.peak] += Math.round((state.shift / 1000) * fs);
      return all;
    };
    const mixed = (matrix) => {
      const target = wanted(data, state.sigma);
      return range(steps).map((m) => {
        const held = matrix.map((row) => total(row.map((weight, n) => weight * truth[n][m])));
        return range(steps).map((t) => total(held.map((share, k) => share * target[k][t])) / Math.max(1e-9, total(held)));
      });
    };
    const near = (map) => mean(map.map((row, m) => total([-1, 0, 1].map((step) => row[(m + step + steps) % steps]))));
    const beat = (beats, points = 105) =>
      range(points).map((k) => mean(beats.map(([from, to]) => {
        const at = Math.min(data.signal.length - 1.001, from + (k / (points - 1)) * (to - from));
        const [low, share] = [Math.floor(at), at % 1];
        return data.signal[low] * (1 - share) + data.signal[low + 1] * share;
      })));
    const asFound = cut(data, data.peaks);
    const meanFound = beat(asFound.beats);

    const says = EcgViews.speaker();
    const sentence = (beats, map) => {
      const name = `R peak ${state.peak + 1}`;
      const late = `${Math.abs(state.shift)} ms ${state.shift > 0 ? "late" : "early"}`;
      const stretched = state.shift > 0 ? "the beat before it is too long, the one after too short" : "the beat before it is too short, the one after too long";
      const happened = state.mode === "missed" ? `${name} is missed: two beats count as one.`
        : state.mode === "twice" ? `The T wave after R peak ${state.peak + 1} counts as an R peak: one beat counts as two.`
        : state.shift ? `${name} is ${late}: ${stretched}.` : "All R peaks as found.";
      const there = state.row === null ? "" : ` Moment ${state.row + 1} of the ECG with frame ${state.column + 1}: weight ${map[state.row][state.column].toFixed(2)}.`;
      return `${happened} ${beats.length} beats; of what the local loss asks, ${percent(near(map))} matches a moment with its own frame or a neighbour.${there}`;
    };

    const which = EcgViews.choice({
      label: "R peak", value: state.peak, name: "peak", options: movable.map((k) => [String(k), String(k + 1)]),
      on: (peak) => change({ peak: Number(peak), shift: 0, mode: "moved" }),
    });
    const slider = EcgViews.slider({
      label: "Move it by", min: reach()[0], max: reach()[1], step: 20, value: 0, name: "shift",
      says: (shift) => `${shift > 0 ? "+" : ""}${shift} ms`, on: (shift) => change({ shift, mode: "moved" }),
    });
    const spread = EcgViews.slider({
      label: "σ of the target", max: 0.3, step: 0.05, value: state.sigma, name: "sigma",
      says: (sigma) => sigma.toFixed(2), on: (sigma) => change({ sigma }),
    });
    const modes = { moved: "as found", missed: "miss it", twice: "T wave as an R peak" };
    const buttons = Object.entries(modes).map(([mode, words]) => [mode, EcgViews.button(words, () => change({ mode, shift: 0 }), { "data-name": mode })]);
    const stage = html("div", { class: "ev-stage" });
    element.append(
      html("div", { class: "ev-buttons" }, which.node, buttons.map(([, button]) => button)),
      html("div", { class: "ev-controls ev-one" }, slider.node, spread.node),
      says.node, stage,
    );

    const build = (wide) => {
      const narrow = wide < 600;
      element.classList.toggle("ev-narrow", narrow);
      const edge = 44;
      const tall = { ecg: 118, row: 12 };
      const tokens = asFound.matrix[0].length;
      const across = (sample) => edge + (sample / (tokens * data.patch)) * (wide - edge - 2);
      const gridTop = tall.ecg + 6;
      const height = gridTop + steps * tall.row + 20;
      const [low, high] = [Math.min(...data.signal), Math.max(...data.signal)];
      const up = (value) => 26 + ((high - value) / (high - low)) * (tall.ecg - 34);
      const trace = svg("path", { class: "ev-trace", d: data.signal.map((value, k) => `${k ? "L" : "M"}${across(k).toFixed(1)} ${up(value).toFixed(1)}`).join("") });
      const spans = svg("g");
      const token = (wide - edge - 2) / tokens;
      const cells = range(steps).map((k) => range(tokens).map((n) => svg("rect", { class: "ev-cell", x: edge + n * token, y: gridTop + k * tall.row, width: token - 0.5, height: tall.row - 0.5 })));
      const rule = svg("rect", { class: "ev-ground", x: edge, y: gridTop, width: wide - edge - 2, height: steps * tall.row });
      const thumb = (steps * tall.row) / 4;
      const films = range(4).map((k) => {
        const film = EcgViews.frame({ patient: data, size: Math.min(thumb - 2, edge - 6), attributes: { x: 2, y: gridTop + k * thumb } });
        film.show(Math.floor(((k + 0.5) / 4) * steps), false);
        return film.node;
      });
      const handles = data.peaks.map((peak, k) => {
        const line = svg("line", { y1: 14, y2: gridTop + steps * tall.row });
        const name = svg("text", { class: "ev-row", y: 11, "text-anchor": "middle" }, `R${k + 1}`);
        const grip = svg("rect", { class: "ev-grip", y: 0, width: 30, height: tall.ecg });
        const node = svg("g", { class: "ev-r" }, line, name, movable.includes(k) ? grip : []);
        let from = null;
        const shift = (event) => bounded(from.shift + ((event.clientX - from.x) / (across(fs) - across(0))) * 1000);
        grip.addEventListener("pointerdown", (event) => {
          if (state.peak !== k || state.mode !== "moved") change({ peak: k, shift: 0, mode: "moved" });
          from = { x: event.clientX, shift: state.shift };
          grip.setPointerCapture(event.pointerId);
        });
        grip.addEventListener("pointermove", (event) => from && change({ shift: shift(event) }));
        for (const end of ["pointerup", "pointercancel"]) grip.addEventListener(end, () => (from = null));
        return { node, move: (at, kind) => {
          set(node, { class: `ev-r ${kind}` });
          set(line, { x1: across(at), x2: across(at) });
          set(name, { x: across(at) });
          set(grip, { x: across(at) - 15 });
        } };
      });
      const second = svg("g", { class: "ev-r ev-r-moved" }, svg("line", { y1: 14, y2: gridTop + steps * tall.row }), svg("text", { class: "ev-row", y: 11, "text-anchor": "middle" }, "R?"));
      const seconds = range(Math.floor(data.signal.length / fs) + 1).map((k) => svg("text", { class: "ev-tick", x: Math.min(wide - 8, across(k * fs)), y: height - 4, "text-anchor": "middle" }, `${k} s`));
      const strip = svg("svg", { width: wide, height, viewBox: `0 0 ${wide} ${height}`, "aria-hidden": "true" }, spans, rule, cells.flat(), films, seconds, trace,
        handles.map((handle) => handle.node), second);

      const side = narrow ? wide : Math.floor((wide - 24) / 2);
      const cell = Math.floor((Math.min(side, 330) - 62) / steps);
      const beatWidth = narrow ? wide : wide - 62 - steps * cell - 30;
      const beatTall = 170;
      const small = beatWidth / steps;
      const y = (value) => 8 + ((high - value) / (high - low)) * (beatTall - 16);
      const curve = (values) => values.map((value, k) => `${k ? "L" : "M"}${((k / (values.length - 1)) * beatWidth).toFixed(1)} ${y(value).toFixed(1)}`).join("");
      const meanNow = svg("path", { class: "ev-piece ev-thick" });
      const beatFilms = range(steps).map((k) => {
        const film = EcgViews.frame({ patient: data, size: small - 1, attributes: { x: k * small, y: beatTall } });
        film.show(k, false);
        return film.node;
      });
      const beatPlot = svg("svg", { width: beatWidth, height: beatTall + small + 4, viewBox: `0 0 ${beatWidth} ${beatTall + small + 4}`, "aria-hidden": "true" },
        meanNow, svg("path", { class: "ev-trace", "stroke-dasharray": "5 3", d: curve(meanFound) }), beatFilms);
      const grid = EcgViews.grid({ rows: steps, columns: steps, width: cell, height: cell, label: "Moments of the ECG by frames of the cine. Arrow keys move.", on: (row, column) => change({ row, column }) });
      set(grid.node, { transform: "translate(60 0)" });
      const edgeBeat = EcgViews.beat({ signal: meanFound, waves: [], width: 58, height: grid.height, rows: steps });
      const map = svg("svg", { width: grid.width + 62, height: grid.height + 18, viewBox: `0 0 ${grid.width + 62} ${grid.height + 18}` }, edgeBeat.node, grid.node,
        svg("text", { class: "ev-tick", x: 60, y: grid.height + 14 }, "frames of the cine; left: the beat as found"));
      stage.replaceChildren(strip,
        html("p", { class: "ev-about" }, "Lead II and its beats; below, the frame that each token is matched with."),
        html("div", { class: "ev-panels" },
        html("section", { style: `width:${beatWidth}px` }, html("p", { class: "ev-heading" }, "The mean beat", html("small", {}, "red: with these R peaks; dashed: as found")), beatPlot),
        html("section", { style: `width:${grid.width + 62}px` }, html("p", { class: "ev-heading" }, "The target, by true moments", html("small", {}, "rows: the ECG; columns: frames it is to match")), map)),
        EcgViews.legend([["ring", "its own frame"], ["dot", "asked for most"]]));

      show = () => {
        const now = peaks();
        const { beats, matrix } = cut(data, now);
        const map = mixed(matrix);
        const target = wanted(data, state.sigma);
        const asked = range(steps).map((t) => range(tokens).map((n) => total(matrix.map((row, k) => row[n] * target[k][t]))));
        const most = Math.max(...asked.flat(), 1e-9);
        cells.forEach((row, t) => row.forEach((one, n) => set(one, { "fill-opacity": (asked[t][n] / most).toFixed(3) })));
        spans.replaceChildren(...beats.map(([from, to], k) => svg("rect", { class: `ev-span ev-span-${k % 2}`, x: across(from), width: across(to) - across(from), y: 14, height: tall.ecg - 14 })));
        handles.forEach((handle, k) => {
          const mine = k === state.peak;
          const at = mine && state.mode === "moved" ? data.peaks[k] + (state.shift / 1000) * fs : data.peaks[k];
          handle.move(at, !mine ? "" : state.mode === "missed" ? "ev-gone" : "ev-r-moved");
        });
        second.style.display = state.mode === "twice" ? "" : "none";
        for (const name of ["x1", "x2"]) set(second.firstChild, { [name]: across(data.t_waves[state.peak]) });
        set(second.lastChild, { x: across(data.t_waves[state.peak]) });
        set(meanNow, { d: beats.length ? curve(beat(beats)) : "" });
        grid.paint({ values: map, reach: Math.max(...map.flat()), row: state.row, column: state.column, ring: (k) => k, dot: (k) => best(map[k]) });
        edgeBeat.mark(state.row ?? 0);
        edgeBeat.node.classList.toggle("ev-unmarked", state.row === null);
        which.select.value = String(state.peak);
        set(slider.input, { min: reach()[0], max: reach()[1] });
        slider.show(state.shift);
        spread.show(state.sigma);
        for (const [mode, button] of buttons) button.setAttribute("aria-pressed", String(mode === state.mode && !(mode === "moved" && state.shift)));
        element.dataset.near = near(map).toFixed(4);
        element.dataset.beats = beats.length;
        says.say(sentence(beats, map));
      };
      show();
    };
    EcgViews.fit(element, build);
  };
}
