// Phase x phase: a beat along the left edge, the cine along the bottom, encoders side by side, and a
// dial that lets the cine start later. Data: `AlignmentView` in contract.py.
{
  const { svg, html, range, set, softmax, best, mean } = EcgViews;
  const percent = (share) => `${Math.round(100 * share)} %`;
  const NARROW = 600;

  // Target P of the soft loss for a cine that starts `roll` phases later; see losses.phase_target.
  const target = (steps, sigma, roll) =>
    range(steps).map((k) => {
      const gaps = range(steps).map((column) => Math.abs(k - ((column + roll) % steps)) / (steps - 1));
      const weights = gaps.map((gap) => (sigma ? Math.exp(-0.5 * (gap / sigma) ** 2) : Number(gap === 0)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return weights.map((weight) => weight / total);
    });
  const localLoss = (maps, wanted, temperature) =>
    mean(
      maps.map((row, k) => {
        const found = softmax(row, temperature);
        return -found.reduce((sum, weight, t) => sum + wanted[k][t] * Math.log(weight), 0);
      }),
    );

  EcgViews.kinds.alignment = (element, data) => {
    const steps = data.steps;
    const maps = EcgViews.array(data.maps);
    const peaks = EcgViews.array(data.best);
    const means = data.mean && EcgViews.array(data.mean.maps);
    for (const patient of data.patients)
      if (patient.contour) patient.outline = EcgViews.array(patient.contour);
    const last = data.moments.length - 1;
    const state = {
      patient: 0, moment: last, roll: 0, row: data.row ?? 4, column: null, shown: "cosine",
      temperature: data.temperature, sigma: data.sigma, outline: false,
    };
    let panels = [];
    let curves = [];

    const truth = (row) => (row - state.roll + steps) % steps;
    const one = () => state.patient < data.patients.length;
    const matrix = (model) =>
      range(steps).map((row) =>
        one()
          ? maps.row(model, state.moment, state.patient, state.roll, row)
          : means.row(model, state.moment, state.roll, row),
      );
    const peak = (model, row, values) =>
      one() ? peaks.at(model, state.moment, state.patient, state.roll, row) : best(values[row]);
    const right = (model, values) =>
      range(steps).filter((row) => peak(model, row, values) === truth(row)).length;

    // What changes with the state in words; each claim is counted, none is written down.
    const verdict = (model, k, found) => {
      const count = `${model.short}: ${found.right} of ${steps} pieces find their frame`;
      if (!state.roll) return count;
      if (found.right > found.stayed) return `${count}; the diagonal moves with the heart`;
      return `${count}, ${found.stayed} still point where their frame used to be`;
    };
    const sentence = (found) => {
      const counts = data.models.map((model, k) => verdict(model, k, found[k]));
      const start = state.roll
        ? `The cine starts ${state.roll} of ${steps} phases later. `
        : "The cine starts at the R wave. ";
      const whole = one() ? "" : "Rows of the mean map. ";
      const row = state.row;
      let end = "";
      if (one()) {
        const phase = data.patients[state.patient].phases[row];
        end = ` Piece ${row + 1} lies in ${phase}`;
        end += phase === "diastasis"
          ? ": the heart stands still, so its frames look alike, and a block of similar cells is physiology, not failure."
          : ".";
      }
      const all = counts.map((text) => text[0].toUpperCase() + text.slice(1));
      return `${start}${whole}${all.join(". ")}.${end}`;
    };

    const says = EcgViews.speaker();
    const change = (changes) => {
      Object.assign(state, changes);
      paint();
    };
    const player = EcgViews.player({
      label: "training",
      pause: 900,
      attributes: { "data-name": "play" },
      step: (first) => {
        const next = state.moment === last ? (first ? 0 : last) : state.moment + 1;
        change({ moment: next });
        return next < last;
      },
    });
    const moveMoment = (by) => {
      player.stop();
      change({ moment: Math.min(last, Math.max(0, state.moment + by)) });
    };
    const dial = EcgViews.slider({
      label: "Cine starts later by", max: steps - 1, value: 0, name: "roll",
      says: (roll) => `${roll} of ${steps} phases`,
      on: (roll) => change({ roll, column: null }),
    });
    const training = EcgViews.slider({
      label: "Training", max: last, value: last, name: "moment",
      says: (moment) => (data.moments[moment] ? `after pass ${data.moments[moment]}` : "untrained"),
      on: (moment) => (player.stop(), change({ moment })),
    });
    const piece = EcgViews.slider({
      label: "Piece of the beat", min: 1, max: steps, value: state.row + 1, name: "row",
      says: (row) => `${row} of ${steps}`,
      on: (row) => change({ row: row - 1, column: null }),
    });
    const heat = EcgViews.slider({
      label: "Temperature τ", min: 2, max: 100, value: Math.round(state.temperature * 100),
      name: "temperature", says: (hundredth) => (hundredth / 100).toFixed(2),
      on: (hundredth) => change({ temperature: hundredth / 100 }),
    });
    const breadth = EcgViews.slider({
      label: "Width σ of the target", max: 50, value: Math.round(state.sigma * 100), name: "sigma",
      says: (hundredth) => (hundredth / 100).toFixed(2),
      on: (hundredth) => change({ sigma: hundredth / 100 }),
    });
    const who = EcgViews.choice({
      label: "Patient", value: 0, name: "patient",
      options: [
        ...data.patients.map((patient, k) => [String(k), patient.name]),
        ...(data.mean ? [[String(data.patients.length), `mean of ${data.mean.count} patients`]] : []),
      ],
      on: (patient) => {
        state.patient = Number(patient);
        state.column = null;
        build(element.clientWidth);
      },
    });
    const shown = EcgViews.choice({
      label: "Colour shows", value: "cosine", name: "shown",
      options: [["cosine", "cosine"], ["softmax", "softmax of each row"], ["target", "target P of the loss"]],
      on: (kind) => change({ shown: kind }),
    });
    const outline = html("input", { type: "checkbox", "data-name": "outline", onchange: () => change({ outline: outline.checked }) });
    const outlined = html("label", { class: "ev-check" }, outline, " outline of the cavity (true)");
    const stage = html("div", { class: "ev-stage" });
    const small = data.small;
    element.append(
      html("div", { class: "ev-dial" }, dial.node),
      small ? "" : html("div", { class: "ev-controls" },
        training.node,
        html("div", { class: "ev-buttons" }, player.node,
          EcgViews.button("‹ back", () => moveMoment(-1), { "data-name": "back" }),
          EcgViews.button("forward ›", () => moveMoment(1), { "data-name": "forward" })),
        who.node, piece.node),
      EcgViews.legend([["ring", "the true frame of a piece"], ["dot", "the frame found most alike"], ["alike", "alike"], ["unlike", "unlike"]]),
      says.node,
      stage,
      small ? "" : html("details", { class: "ev-more" },
        html("summary", {}, "Temperature, target, outline"),
        html("div", { class: "ev-controls" }, shown.node, heat.node, breadth.node, outlined)),
    );
    element.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "p" || event.target.closest("select")) return;
      if (!small) player.press();
    });

    const panel = (model, k, width) => {
      const edge = one() ? Math.min(84, Math.max(64, Math.round(width * 0.2))) : 56;
      const cell = Math.floor((width - edge - 2) / steps);
      const tall = cell * steps;
      const bar = 34;
      const patient = data.patients[state.patient];
      const grid = EcgViews.grid({
        rows: steps, columns: steps, width: cell, height: cell,
        label: `${model.name}: pieces of the beat by cine frames. Arrow keys move, P plays the training.`,
        on: (row, column) => change({ row, column }),
      });
      const bars = EcgViews.bars({ columns: steps, width: cell, height: bar });
      const beat = one() && EcgViews.beat({ ...patient, signal: patient.beat, width: edge - 6, height: tall, rows: steps });
      const strip = one() ? range(steps).map((c) => EcgViews.frame({ patient, size: cell - 1, attributes: { x: edge + c * cell + 0.5, y: tall + bar + 8 } })) : [];
      const numbers = range(steps).map((c) => svg("text", { class: "ev-tick", x: edge + (c + 0.5) * cell, y: tall + bar + 20, "text-anchor": "middle" }, ""));
      const rows = one() ? [] : range(steps).map((r) => svg("text", { class: "ev-tick", x: edge - 5, y: (r + 0.5) * cell + 4, "text-anchor": "end" }, String(r + 1)));
      const chosen = svg("rect", { class: "ev-chosen", width: cell, height: cell + 1, y: tall + bar + 7 });
      const caption = svg("text", { class: "ev-tick", x: edge, y: tall + bar + cell + 24 });
      const height = tall + bar + cell + 30;
      const sides = [
        [one() ? "lead II ↓" : "piece ↓", tall + 14],
        ["softmax", tall + bar + 3],
        [one() ? "" : "frame →", tall + bar + 20],
      ].map(([text, y]) => svg("text", { class: "ev-tick", x: edge - 8, y, "text-anchor": "end" }, text));
      set(grid.node, { transform: `translate(${edge} 0)` });
      set(bars.node, { transform: `translate(${edge} ${tall + 4})` });
      if (!one()) chosen.style.display = "none";
      const plot = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height },
        beat ? beat.node : "", rows, grid.node, bars.node, strip.map((f) => f.node), one() ? "" : numbers, sides, chosen, caption);
      const count = html("p", { class: "ev-count", "data-name": `count-${k}` });
      const size = Math.min(132, Math.floor((width - 16) / 2));
      const large = one() ? ["found", "true"].map((name) => {
        const frame = EcgViews.frame({ patient, size });
        const words = html("figcaption", {});
        return { name, words, frame, node: html("figure", { class: `ev-large ev-large-${name}` }, frame.node, words) };
      }) : [];
      const node = html("section", { class: "ev-panel", style: `width:${width}px` },
        html("p", { class: "ev-heading" }, model.name, html("small", {}, model.note ?? "")),
        plot, count, html("div", { class: "ev-frames" }, large.map((part) => part.node)));
      const show = () => {
        const values = matrix(k);
        const row = state.row;
        const at = state.column ?? peak(k, row, values);
        const weights = softmax(values[row], state.temperature);
        const wanted = target(steps, state.sigma, state.roll);
        const seen = { cosine: () => values, softmax: () => values.map((line) => softmax(line, state.temperature)), target: () => wanted }[state.shown]();
        const reach = state.shown === "cosine" ? data.reach : Math.max(...seen.flat());
        grid.paint({ values: seen, reach, row, column: at, ring: truth, dot: (r) => peak(k, r, values) });
        bars.paint(weights);
        const hits = right(k, values);
        const share = one() ? "" : `; over the single patients ${data.mean.right[k][state.moment][state.roll].toFixed(2)} of the pieces`;
        const words = `right for ${hits} of ${steps} pieces${share}`;
        count.textContent = words;
        count.dataset.value = hits;
        caption.textContent = state.roll ? `cine, first frame ${percent(state.roll / steps)} of a beat after R` : "cine, first frame at R";
        strip.forEach((frame, c) => frame.show((c + state.roll) % steps, false));
        numbers.forEach((text, c) => (text.textContent = String(((c + state.roll) % steps) + 1)));
        set(chosen, { x: edge + at * cell });
        if (beat) beat.mark(row);
        for (const { name, frame, words: told } of large) {
          const column = name === "true" ? truth(row) : at;
          frame.show((column + state.roll) % steps, state.outline && patient.outline);
          told.textContent = name === "true" ? "○ true frame of this piece"
            : `${at === peak(k, row, values) ? "● found most alike" : "under the pointer"}: cosine ${values[row][at].toFixed(2)}, softmax ${percent(weights[at])}`;
        }
        node.dataset.loss = localLoss(values, wanted, state.temperature).toFixed(3);
        const stayed = range(steps).filter((r) => peak(k, r, values) === r).length;
        return { right: hits, stayed, loss: node.dataset.loss };
      };
      return { node, show };
    };

    const build = (width) => {
      const narrow = width < NARROW;
      const gap = 20;
      const each = narrow ? width : Math.floor((width - gap * (data.models.length - 1)) / data.models.length);
      element.classList.toggle("ev-narrow", narrow);
      panels = data.models.map((model, k) => panel(model, k, Math.min(each, 520)));
      const size = { width: narrow ? width : Math.min(360, (width - gap) / 2), height: 120 };
      const end = data.moments[last];
      const most = Math.ceil(Math.max(0, ...data.models.flatMap((model) => model.loss ?? [])));
      curves = small || !data.mean || last === 0 ? [] : [
        EcgViews.curves({ title: "loss while training", lines: data.models, end, top: most, ...size }),
        EcgViews.curves({ title: `right phase, ${data.mean.count} patients, at this dial`, lines: data.models, end, top: 1, ...size }),
      ];
      const key = html("ul", { class: "ev-legend" }, data.models.map((model, k) =>
        html("li", {}, svg("svg", { width: 30, height: 10, "aria-hidden": "true" }, svg("path", { class: `ev-line ev-line-${k}`, d: "M0 5H30" })), ` ${model.short}`)));
      stage.replaceChildren(
        html("div", { class: "ev-panels" }, panels.map((part) => part.node)),
        curves.length ? html("div", { class: "ev-curves" }, curves.map((curve) => curve.node), key) : "",
        html("p", { class: "ev-loss" }),
      );
      paint();
    };

    const paint = () => {
      const found = panels.map((part) => part.show());
      dial.show(state.roll);
      training.show(state.moment);
      piece.show(state.row + 1);
      const now = data.moments[state.moment];
      if (curves.length) {
        curves[0].paint(data.models.map((model) => (model.loss ?? []).map((loss, k) => [k + 1, loss])), now);
        curves[1].paint(data.models.map((_, k) => data.moments.map((moment, m) => [moment, data.mean.right[k][m][state.roll]])), now);
      }
      const loss = data.models.map((model, k) => `${model.short} ${found[k].loss}`).join(", ");
      stage.querySelector(".ev-loss").textContent = state.shown === "cosine" ? ""
        : `Local loss from ECG to cine at τ = ${state.temperature.toFixed(2)} against the target at σ = ${state.sigma.toFixed(2)}: ${loss}.`;
      says.say(sentence(found));
    };
    EcgViews.fit(element, build);
  };
}
