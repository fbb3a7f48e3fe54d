// Linked highlighting inside and between plotly figures, declared in `layout.meta.link`:
//
//   {on: "map",                       name of the trace the reader points at (absent: any trace)
//    highlight: ["ecg-{y}"],          names of shapes, traces, annotations that stand out
//    show: ["frame-{x}"],             names of traces of which only these stay visible
//    style: {opacity: 1},             what "stands out" means
//    page: true,                      look for the names in every figure of the page
//    start: {x: 0, y: 0}}             what is pointed at before the reader does
//
// {x}, {y}, {z}, {row}, {col}, {i}, {name}, {customdata}, {customdata.0} come from the point.
(() => {
  "use strict";
  const former = new WeakMap(); // figure -> rule -> how to undo what the rule last did

  const facts = (point) => {
    const at = point.pointNumber ?? point.pointIndex;
    const [row, col] = Array.isArray(at) ? at : [];
    return { ...point, i: at, row, col, name: point.data.name, customdata: point.customdata };
  };

  const fill = (pattern, values) =>
    pattern.replace(/\{([^}]+)\}/g, (_, path) => path.split(".").reduce((v, key) => v?.[key], values));

  const called = (items, names) =>
    (items ?? []).flatMap((item, k) => (names.has(item.name) || names.has(item.uid) ? [k] : []));

  const read = (object, path) => path.split(".").reduce((value, key) => value?.[key], object) ?? null;

  // One figure: undo what the rule did last, then do it for the new point; one redraw for both.
  const apply = (box, rule, values) => {
    const named = (patterns) => new Set((patterns ?? []).map((pattern) => fill(pattern, values)));
    const bright = named(rule.highlight);
    const seen = named(rule.show);
    const undo = former.get(box) ?? new Map();
    former.set(box, undo);
    const last = undo.get(rule) ?? { layout: {}, traces: [] };
    const layout = { ...last.layout };
    const traces = last.traces.map((change) => ({ ...change }));
    const back = { layout: {}, traces: [] };

    const style = Object.entries(rule.style ?? { opacity: 1 });
    for (const kind of ["shapes", "annotations"]) {
      for (const k of called(box.layout[kind], bright)) {
        for (const [key, value] of style) {
          const path = `${kind}[${k}].${key}`;
          back.layout[path] = path in last.layout ? last.layout[path] : read(box.layout[kind][k], key);
          layout[path] = value;
        }
      }
    }
    const change = (k, key, value) => {
      const old = last.traces.find((c) => c.k === k && c.key === key);
      back.traces.push({ k, key, value: old ? old.value : read(box.data[k], key) });
      traces.push({ k, key, value });
    };
    for (const k of called(box.data, bright)) style.forEach(([key, value]) => change(k, key, value));
    for (const k of called(box.data, seen)) change(k, "visible", true);
    undo.set(rule, back);

    const keys = new Set(traces.map((c) => c.key));
    for (const key of keys) {
      // The later change of a trace wins: first the undoing, then what stands out now.
      const value = new Map(traces.filter((c) => c.key === key).map((c) => [c.k, c.value]));
      window.Plotly.restyle(box, { [key]: [...value.values()] }, [...value.keys()]);
    }
    if (Object.keys(layout).length) window.Plotly.relayout(box, layout);
  };

  const point = (box, rule, values) => {
    const shown = JSON.stringify([...(rule.highlight ?? []), ...(rule.show ?? [])].map((p) => fill(p, values)));
    if (rule.shown === shown) return;
    rule.shown = shown;
    const boxes = rule.page ? document.querySelectorAll('.plotly-static[data-drawn="true"]') : [box];
    boxes.forEach((target) => apply(target, rule, values));
  };

  document.addEventListener("figure-drawn", ({ target: box }) => {
    for (const rule of [box.layout.meta?.link ?? []].flat()) {
      if (rule.start) point(box, rule, rule.start);
      const react = ({ points }) => {
        const hit = points.find((p) => !rule.on || [p.data.name, p.data.uid].includes(rule.on));
        if (hit) point(box, rule, facts(hit));
      };
      box.on("plotly_hover", react);
      box.on("plotly_click", react);
    }
  });
})();
