// A beat along an edge, a strip of cine frames, one large frame, bars, and curves of training.
{
  const { svg, html, range, set } = EcgViews;

  // Lead II from R to R, time running down. The scale is that of P and T; a taller R is cut.
  EcgViews.beat = ({ signal, waves, width, height, rows }) => {
    const inner = signal.slice(Math.round(signal.length * 0.13), Math.round(signal.length * 0.94));
    const reach = Math.max(0.12, ...inner.map(Math.abs)) * 1.5;
    const names = 26; // pixels for the names of the waves
    const rest = names + (width - names) * 0.3;
    const across = (value) => rest + Math.max(-0.4, Math.min(1, value / reach)) * (width - rest - 2);
    const down = (share) => share * height;
    const path = (from, to) =>
      range(to - from + 1)
        .map((k) => {
          const at = from + k;
          const y = down(at / (signal.length - 1)).toFixed(1);
          return `${k ? "L" : "M"}${across(signal[at]).toFixed(1)} ${y}`;
        })
        .join("");
    const last = signal.length - 1;
    const piece = svg("path", { class: "ev-piece" });
    const band = svg("rect", { class: "ev-band", width, height: height / rows });
    const words = waves.map(({ name, at }) => {
      const y = Math.min(height - 3, Math.max(11, down(at) + 4));
      return svg("text", { class: "ev-wave", x: 1, y }, name);
    });
    const node = svg("g", {}, band, svg("path", { class: "ev-trace", d: path(0, last) }), piece, words);
    const mark = (row) => {
      const [from, to] = [(row / rows) * last, ((row + 1) / rows) * last].map(Math.round);
      set(piece, { d: path(from, to) });
      set(band, { y: (row * height) / rows });
    };
    return { node, mark };
  };

  // One picture out of a strip: a window that slides over it. The outline of the cavity lies on it.
  EcgViews.frame = ({ patient, size, attributes = {} }) => {
    const pixels = patient.pixels;
    const picture = svg("image", { href: patient.frames, width: pixels * patient.count, height: pixels });
    const line = svg("polygon", { class: "ev-cavity" });
    const node = svg("svg", { width: size, height: size, ...attributes }, picture, line);
    const show = (k, outline) => {
      set(node, { viewBox: `${k * pixels} 0 ${pixels} ${pixels}` });
      line.style.display = outline ? "" : "none";
      if (!outline) return;
      const xs = patient.outline.row(k, 0);
      const ys = patient.outline.row(k, 1);
      set(line, { points: xs.map((x, i) => `${(k * pixels + x).toFixed(1)},${ys[i].toFixed(1)}`).join(" ") });
    };
    return { node, show };
  };

  EcgViews.bars = ({ columns, width, height }) => {
    const bars = range(columns).map((k) =>
      svg("rect", { class: "ev-bar", x: k * width + width * 0.15, width: width * 0.7 }),
    );
    const line = svg("line", { class: "ev-rule", x2: columns * width, y1: height, y2: height });
    const node = svg("g", {}, bars, line);
    const paint = (weights) =>
      bars.forEach((bar, k) => set(bar, { y: height - weights[k] * height, height: weights[k] * height }));
    return { node, paint };
  };

  // Lines over training that are named at their ends, with a mark at the present moment.
  EcgViews.curves = ({ title, lines, end, top, width, height, digits = 2 }) => {
    const box = { left: 34, right: 8, top: 22, bottom: 20 };
    const inner = { width: width - box.left - box.right, height: height - box.top - box.bottom };
    const x = (moment) => box.left + (moment / end) * inner.width;
    const y = (value) => box.top + inner.height - (value / top) * inner.height;
    const paths = lines.map((_, k) => svg("path", { class: `ev-line ev-line-${k}` }));
    const now = svg("line", { class: "ev-now", y1: box.top, y2: box.top + inner.height });
    const node = svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
      svg("text", { class: "ev-title", x: 0, y: 13 }, title),
      svg("line", { class: "ev-rule", x1: box.left, x2: x(end), y1: y(0), y2: y(0) }),
      svg("text", { class: "ev-tick", x: box.left - 4, y: y(0) + 4, "text-anchor": "end" }, "0"),
      svg("text", { class: "ev-tick", x: box.left - 4, y: y(top) + 8, "text-anchor": "end" }, String(top)),
      svg("text", { class: "ev-tick", x: box.left, y: height - 4 }, "pass 0"),
      svg("text", { class: "ev-tick", x: x(end), y: height - 4, "text-anchor": "end" }, String(end)),
      now,
      paths,
    );
    const paint = (series, moment) => {
      series.forEach((points, k) => {
        const steps = points.map(([at, value], i) => `${i ? "L" : "M"}${x(at).toFixed(1)} ${y(Math.min(top, value)).toFixed(1)}`);
        set(paths[k], { d: steps.join("") });
      });
      set(now, { x1: x(moment), x2: x(moment) });
    };
    return { node, paint, digits };
  };

  // A legend in shapes, not in colours alone.
  EcgViews.legend = (names) => {
    const sign = {
      ring: () => svg("g", { class: "ev-ring" }, svg("circle", { class: "ev-ink", cx: 8, cy: 8, r: 5.5 })),
      dot: () => svg("g", { class: "ev-dot" }, svg("circle", { class: "ev-ink", cx: 8, cy: 8, r: 3 })),
      alike: () => svg("rect", { class: "ev-cell", x: 2, y: 2, width: 12, height: 12 }),
      unlike: () => svg("rect", { class: "ev-cell ev-unlike", x: 2, y: 2, width: 12, height: 12 }),
    };
    const entry = ([kind, text]) =>
      html("li", {}, svg("svg", { width: 16, height: 16, "aria-hidden": "true" }, sign[kind]()), ` ${text}`);
    return html("ul", { class: "ev-legend" }, names.map(entry));
  };
}
