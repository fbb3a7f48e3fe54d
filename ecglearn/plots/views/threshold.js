// Scores of those who have a finding and of those who do not, a threshold to drag, and the ROC curve
// that it walks along. Data: `ThresholdView`.
{
  const { svg, html, range, set } = EcgViews;

  EcgViews.kinds.threshold = (element, data) => {
    const state = { finding: 0, at: 0 };
    let show = () => {};
    const now = () => data.findings[state.finding];
    // every score as a share of the range of all, 0 to 1000, so that one slider serves all findings
    const value = () => {
      const { low, high } = now();
      return low + (state.at / 1000) * (high - low);
    };
    const count = (scores) => scores.filter((score) => score >= value()).length;
    const says = EcgViews.speaker();
    const change = (changes) => (Object.assign(state, changes), show());
    const middle = () => 500;
    state.at = middle();
    const slider = EcgViews.slider({
      label: "Threshold", max: 1000, step: 5, value: state.at, name: "threshold",
      says: () => value().toFixed(2), on: (at) => change({ at }),
    });
    const which = EcgViews.choice({
      label: "Finding", value: 0, name: "finding",
      options: data.findings.map((one, k) => [String(k), one.name]),
      on: (finding) => {
        Object.assign(state, { finding: Number(finding), at: middle() });
        build(element.clientWidth);
      },
    });
    const stage = html("div", { class: "ev-stage" });
    element.append(html("div", { class: "ev-controls ev-one" }, which.node, slider.node), says.node, stage);

    const build = (width) => {
      const narrow = width < 600;
      element.classList.toggle("ev-narrow", narrow);
      const one = now();
      const side = narrow ? Math.min(width, 300) : Math.min(300, Math.floor(width * 0.42));
      const left = narrow ? width : width - side - 20;
      const tall = 120;
      const bins = 30;
      const heights = (scores) => {
        const counts = new Array(bins).fill(0);
        for (const score of scores) counts[Math.min(bins - 1, Math.floor(((score - one.low) / (one.high - one.low)) * bins))] += 1;
        const top = Math.max(...counts, 1);
        return counts.map((number) => number / top);
      };
      const row = (scores, base, name) => {
        const bars = heights(scores).map((share, k) => svg("rect", { class: "ev-bar", x: (k / bins) * left + 1, width: left / bins - 2, y: base - share * (tall - 30), height: share * (tall - 30), "data-bin": k }));
        return { bars, node: [bars, svg("text", { class: "ev-row", x: 2, y: base - tall + 22 }, name), svg("line", { class: "ev-rule", x2: left, y1: base, y2: base })] };
      };
      const have = row(one.positive, tall, `have it (${one.positive.length})`);
      const not = row(one.negative, 2 * tall + 10, `do not (${one.negative.length})`);
      const line = svg("line", { class: "ev-now", y1: 6, y2: 2 * tall + 14 });
      const height = 2 * tall + 34;
      const scores = svg("svg", { width: left, height, viewBox: `0 0 ${left} ${height}` }, have.node, not.node, line,
        svg("text", { class: "ev-tick", x: 0, y: height - 4 }, "score →"), svg("text", { class: "ev-tick", x: left, y: height - 4, "text-anchor": "end" }, "called positive right of the line"));
      const place = (share) => 34 + share * (side - 44);
      const up = (share) => 10 + (1 - share) * (side - 44);
      // one point for every score, from the strictest threshold to the loosest
      const all = [...one.positive.map((score) => [score, 1]), ...one.negative.map((score) => [score, 0])].sort((a, b) => b[0] - a[0]);
      let [hits, false_] = [0, 0];
      const points = [[0, 0], ...all.map(([, there]) => {
        if (there) hits += 1;
        else false_ += 1;
        return [false_ / one.negative.length, hits / one.positive.length];
      })];
      const path = points.map(([x, y], k) => `${k ? "L" : "M"}${place(x).toFixed(1)} ${up(y).toFixed(1)}`).join("");
      const spot = svg("g", { class: "ev-dot" }, svg("circle", { class: "ev-halo", r: 7 }), svg("circle", { class: "ev-ink", r: 5.5 }));
      const roc = svg("svg", { width: side, height: side, viewBox: `0 0 ${side} ${side}` },
        svg("path", { class: "ev-area", d: `${path}L${place(1)} ${up(0)}L${place(0)} ${up(0)}Z` }),
        svg("path", { class: "ev-diagonal", d: `M${place(0)} ${up(0)}L${place(1)} ${up(1)}` }),
        svg("path", { class: "ev-trace ev-thick", d: path }), spot,
        svg("text", { class: "ev-tick", x: place(0.5), y: side - 6, "text-anchor": "middle" }, "false alarms (of those without)"),
        svg("text", { class: "ev-tick", transform: `translate(14 ${up(0.5)}) rotate(-90)`, "text-anchor": "middle" }, "found (of those with)"),
        svg("text", { class: "ev-row", x: place(0.42), y: up(0.16) }, `area: AUROC ${one.auroc.toFixed(2)}`));
      stage.replaceChildren(html("div", { class: "ev-panels" }, scores, roc));
      show = () => {
        slider.show(state.at);
        set(line, { x1: (state.at / 1000) * left, x2: (state.at / 1000) * left });
        for (const { bars } of [have, not])
          bars.forEach((bar, k) => set(bar, { class: (k + 0.5) / bins >= state.at / 1000 ? "ev-bar" : "ev-bar ev-other" }));
        const found = count(one.positive);
        const alarms = count(one.negative);
        for (const circle of spot.children) set(circle, { cx: place(alarms / one.negative.length), cy: up(found / one.positive.length) });
        element.dataset.found = found;
        element.dataset.alarms = alarms;
        says.say(`At ${value().toFixed(2)}: ${found} of ${one.positive.length} with ${one.name} are found, ${alarms} of ${one.negative.length} without it are false alarms. AUROC ${one.auroc.toFixed(2)} is the chance that a patient with it scores higher than one without.`);
      };
      show();
    };
    EcgViews.fit(element, build);
  };
}
