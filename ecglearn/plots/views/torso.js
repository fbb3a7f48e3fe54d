// Ten electrodes and twelve leads: choose a lead, see between which electrodes it is measured and what
// one beat looks like in it, with its waves named. Data: `TorsoView`.
{
  const { svg, html, set } = EcgViews;
  // electrodes on a torso of 200 x 230, seen from the front: the patient's left is on the right
  const PLACES = {
    RA: [22, 62], LA: [178, 62], LL: [146, 214], RL: [54, 214],
    V1: [88, 108], V2: [112, 108], V3: [124, 121], V4: [137, 134], V5: [154, 134], V6: [168, 134],
  };
  // where a name stands beside its electrode; below it where none is given
  const BESIDE = { RA: [0, -10], LA: [0, -10], LL: [22, 4], RL: [-22, 4], V1: [0, -10], V2: [0, -10], V3: [10, -8] };
  const TORSO = "M78 26C80 44 66 48 44 52C28 55 16 62 8 92L24 98C30 86 34 82 38 84C44 120 46 170 42 226H158C154 170 156 120 162 84C166 82 170 86 176 98L192 92C184 62 172 55 156 52C134 48 120 44 122 26Z";

  EcgViews.kinds.torso = (element, data) => {
    const beats = EcgViews.array(data.beats);
    const state = { lead: data.leads.findIndex((lead) => lead.name === data.start) };
    let show = () => {};
    const says = EcgViews.speaker();
    const choose = (lead) => ((state.lead = lead), show());
    const buttons = data.leads.map((lead, k) =>
      EcgViews.button(lead.name, () => choose(k), { "data-name": `lead-${lead.name}`, class: "ev-lead" }));
    const stage = html("div", { class: "ev-stage" });
    element.append(html("div", { class: "ev-buttons", role: "group", "aria-label": "leads" }, buttons), says.node, stage);

    const build = (width) => {
      const narrow = width < 600;
      element.classList.toggle("ev-narrow", narrow);
      const side = narrow ? Math.min(width, 280) : Math.round(width * 0.36);
      const marks = Object.fromEntries(Object.entries(PLACES).map(([name, [x, y]]) => [
        name,
        svg("g", { class: "ev-electrode" }, svg("circle", { cx: x, cy: y, r: 6.5 }),
          svg("text", { x: x + (BESIDE[name]?.[0] ?? 0), y: y + (BESIDE[name]?.[1] ?? 19), "text-anchor": "middle" }, name)),
      ]));
      const arrow = svg("path", { class: "ev-arrow", "marker-end": "url(#ev-head)" });
      const head = svg("defs", {}, svg("marker", { id: "ev-head", viewBox: "0 0 10 10", refX: 8, refY: 5, markerWidth: 5, markerHeight: 5, orient: "auto" }, svg("path", { class: "ev-tip", d: "M0 0L10 5L0 10Z" })));
      const torso = svg("svg", { viewBox: "0 0 200 232", width: side, height: side * 1.16 }, head,
        svg("circle", { class: "ev-body", cx: 100, cy: 18, r: 17 }), svg("path", { class: "ev-body", d: TORSO }),
        svg("path", { class: "ev-heart", d: "M104 96C124 92 140 112 128 138C116 142 96 128 96 112Z" }), arrow, Object.values(marks));
      const plotWidth = narrow ? width : width - side - 20;
      const plotHeight = narrow ? 220 : Math.round(side * 1.1);
      const [from, to] = data.seconds;
      const x = (time) => ((time - from) / (to - from)) * plotWidth;
      const [low, high] = data.range;
      const y = (value) => 24 + ((high - value) / (high - low)) * (plotHeight - 30);
      const lines = [];
      for (let time = Math.ceil(from / 0.04) * 0.04; time < to; time += 0.04)
        lines.push(svg("line", { class: Math.abs(time / 0.2 - Math.round(time / 0.2)) < 0.01 ? "ev-paper ev-large-square" : "ev-paper", x1: x(time), x2: x(time), y1: 24, y2: plotHeight }));
      for (let value = Math.ceil(low / 0.1) * 0.1; value < high; value += 0.1)
        lines.push(svg("line", { class: Math.abs(value / 0.5 - Math.round(value / 0.5)) < 0.01 ? "ev-paper ev-large-square" : "ev-paper", x1: 0, x2: plotWidth, y1: y(value), y2: y(value) }));
      const spans = data.waves.map(({ name, from: begin, to: end }, k) => [
        svg("rect", { class: `ev-span ev-span-${k % 2}`, x: x(begin), width: x(end) - x(begin), y: 24, height: plotHeight - 24 }),
        svg("text", { class: "ev-wave ev-named", x: (x(begin) + x(end)) / 2, y: 16, "text-anchor": "middle" }, name),
      ]);
      const curve = svg("path", { class: "ev-trace ev-thick" });
      const plot = svg("svg", { viewBox: `0 0 ${plotWidth} ${plotHeight}`, width: plotWidth, height: plotHeight }, lines, spans, curve);
      const about = html("p", { class: "ev-about" }, "One large square: 200 ms by 0.5 mV. Mean of the record's beats.");
      stage.replaceChildren(html("div", { class: "ev-panels" }, torso, html("div", { style: `width:${plotWidth}px` }, plot, about)));
      show = () => {
        const lead = data.leads[state.lead];
        buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(k === state.lead)));
        for (const [name, mark] of Object.entries(marks)) {
          const kind = lead.plus.includes(name) ? " ev-plus" : lead.minus.includes(name) ? " ev-minus" : "";
          set(mark, { class: `ev-electrode${kind}` });
        }
        const middle = (names) => [0, 1].map((axis) => names.reduce((sum, name) => sum + PLACES[name][axis], 0) / names.length);
        const [begin, end] = [middle(lead.minus), middle(lead.plus)];
        const length = Math.hypot(end[0] - begin[0], end[1] - begin[1]);
        const stop = [0, 1].map((axis) => end[axis] - ((end[axis] - begin[axis]) / length) * 9);
        set(arrow, { d: `M${begin.join(" ")}L${stop.join(" ")}` });
        const values = beats.row(state.lead);
        set(curve, { d: values.map((value, k) => `${k ? "L" : "M"}${x(from + (k / (values.length - 1)) * (to - from)).toFixed(1)} ${y(value).toFixed(1)}`).join("") });
        const peak = values.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
        says.say(`Lead ${lead.name}: the voltage at ${lead.plus.join(" and ")} minus ${lead.minus.length > 1 ? `the mean of ${lead.minus.join(", ")}` : lead.minus[0]}. Its largest deflection here is ${peak.toFixed(1)} mV, ${peak > 0 ? "upwards: the heart's arrow points its way" : "downwards: the arrow points away from it"}.`);
        element.dataset.peak = peak.toFixed(2);
      };
      show();
    };
    EcgViews.fit(element, build);
  };
}
