// Leads to take away: every answer to all 4,096 sets is in the data, so that the page needs no model.
// Data: `LeadSetView`; bit k of a set says whether lead k is there.
{
  const { svg, html, range, set } = EcgViews;

  EcgViews.kinds.leads = (element, data) => {
    for (const patient of data.patients) {
      patient.scores = EcgViews.array(patient.scores);
      patient.lines = EcgViews.array(patient.traces);
    }
    const full = (1 << data.leads.length) - 1;
    const state = { patient: 0, set: full };
    const has = (k) => Boolean(state.set & (1 << k));
    let show = () => {};
    const says = EcgViews.speaker();
    const change = (changes) => (Object.assign(state, changes), show());
    const who = EcgViews.choice({
      label: "Patient", value: 0, name: "patient",
      options: data.patients.map((patient, k) => [String(k), patient.name]),
      on: (patient) => {
        state.patient = Number(patient);
        build(element.clientWidth);
      },
    });
    const bits = (names) => names.reduce((sum, name) => sum | (1 << data.leads.indexOf(name)), 0);
    const limbs = bits(["I", "II", "III", "aVR", "aVL", "aVF"]);
    const presets = [["all twelve", full], ["limb leads", limbs], ["chest leads", full & ~limbs], ["lead I (a watch)", bits(["I"])], ["I and V1 to V3", bits(["I", "V1", "V2", "V3"])]];
    const toggles = data.leads.map((lead, k) =>
      EcgViews.button(lead, () => change({ set: state.set ^ (1 << k) || 1 << k }), { "data-name": `lead-${lead}`, "aria-pressed": "true", class: "ev-lead" }));
    const stage = html("div", { class: "ev-stage" });
    element.append(
      html("div", { class: "ev-controls" }, who.node),
      html("div", { class: "ev-buttons", role: "group", "aria-label": "leads that the model gets" }, toggles),
      html("div", { class: "ev-buttons ev-presets", role: "group", "aria-label": "common sets of leads" },
        presets.map(([name, leads]) => EcgViews.button(name, () => change({ set: leads })))),
      says.node, stage,
      html("p", { class: "ev-about" }, "● and blue: the patient has it. Line: the score with all leads. Unit: standard deviations over the test patients."),
    );

    const build = (width) => {
      const patient = data.patients[state.patient];
      const narrow = width < 600;
      element.classList.toggle("ev-narrow", narrow);
      const paperWidth = narrow ? width : Math.round(width * 0.28);
      const high = 26;
      const reach = 0.7 * Math.max(...data.leads.flatMap((_, k) => patient.lines.row(k).map(Math.abs)));
      const trace = (k) => {
        const signal = patient.lines.row(k);
        const step = (paperWidth - 40) / (signal.length - 1);
        return signal.map((value, i) => `${i ? "L" : "M"}${(38 + i * step).toFixed(1)} ${((k + 0.5) * high - (value / reach) * high * 0.48).toFixed(1)}`).join("");
      };
      const lines = data.leads.map((lead, k) =>
        svg("g", { class: "ev-strip" }, svg("text", { class: "ev-row", x: 32, y: (k + 0.5) * high + 4, "text-anchor": "end" }, lead), svg("path", { class: "ev-trace ev-thin", d: trace(k) })));
      const ecg = svg("svg", { width: paperWidth, height: high * 12, viewBox: `0 0 ${paperWidth} ${high * 12}` }, lines);
      const panelWidth = narrow ? width : Math.floor((width - paperWidth - 20 - 14 * (data.models.length - 1)) / data.models.length);
      const rowHigh = 40;
      const box = { left: 8, right: 8 };
      const inner = panelWidth - box.left - box.right;
      const zero = box.left + (inner * -data.low) / (data.high - data.low);
      const x = (score) => box.left + (inner * (Math.max(data.low, Math.min(data.high, score)) - data.low)) / (data.high - data.low);
      const panels = data.models.map((model, m) => {
        const rows = data.findings.map((finding, f) => {
          const bar = svg("rect", { class: "ev-bar", y: f * rowHigh + 18, height: 14 });
          const ghost = svg("line", { class: "ev-ghost", y1: f * rowHigh + 15, y2: f * rowHigh + 35 });
          const room = Math.floor((inner - 34) / 6.1);
          const there = patient.has.includes(finding);
          const name = `${there ? "● " : ""}${finding}`;
          const short = name.length > room ? `${name.slice(0, room - 1)}…` : name;
          const word = svg("text", { class: "ev-row ev-small", x: box.left, y: f * rowHigh + 13 }, short, svg("title", {}, name));
          const figure = svg("text", { class: "ev-row ev-small", x: box.left + inner, y: f * rowHigh + 13, "text-anchor": "end" });
          return { bar, ghost, word, figure, there };
        });
        const node = html("section", { class: "ev-panel", style: `width:${panelWidth}px` },
          html("p", { class: "ev-heading" }, model),
          svg("svg", { width: panelWidth, height: data.findings.length * rowHigh + 22, viewBox: `0 0 ${panelWidth} ${data.findings.length * rowHigh + 22}` },
            svg("line", { class: "ev-rule", x1: zero, x2: zero, y1: 0, y2: data.findings.length * rowHigh }),
            rows.map(({ bar, ghost, word, figure }) => [bar, ghost, word, figure]),
            svg("text", { class: "ev-tick", x: zero, y: data.findings.length * rowHigh + 16, "text-anchor": "middle" }, "average patient")));
        return { node, rows, m };
      });
      stage.replaceChildren(html("div", { class: "ev-answers" }, ecg, html("div", { class: "ev-panels" }, panels.map((panel) => panel.node))));
      show = () => {
        toggles.forEach((button, k) => button.setAttribute("aria-pressed", String(has(k))));
        lines.forEach((line, k) => line.classList.toggle("ev-gone", !has(k)));
        const told = panels.map(({ rows, m }) => {
          const scores = patient.scores.row(m, state.set);
          const whole = patient.scores.row(m, full);
          rows.forEach(({ bar, ghost, figure, there }, f) => {
            const [from, to] = [zero, x(scores[f])].sort((a, b) => a - b);
            set(bar, { x: from, width: Math.max(1, to - from), class: there ? "ev-bar" : "ev-bar ev-other" });
            set(ghost, { x1: x(whole[f]), x2: x(whole[f]) });
            figure.textContent = `${scores[f] >= 0 ? "+" : "−"}${Math.abs(scores[f]).toFixed(1)}`;
            bar.dataset.value = scores[f].toFixed(2);
          });
          const own = data.findings.findIndex((finding) => patient.has.includes(finding));
          return own < 0 ? "" : `${data.models[m]}: ${data.findings[own]} ${scores[own].toFixed(1)} (all leads ${whole[own].toFixed(1)})`;
        });
        const count = range(data.leads.length).filter(has).length;
        says.say(`${count} of 12 leads. ${told.filter(Boolean).join("; ")}.`);
      };
      show();
    };
    EcgViews.fit(element, build);
  };
}
