// Draws the plotly figures of a page: each when it comes near the window, in the colours of the
// theme, as wide as its column. plotly.js is loaded only by pages that have a figure, and travels
// packed. Sliders and buttons of a figure become native controls above it: keyboard, screen reader
// and phone reach those.
(() => {
  "use strict";
  const packed = new URL("../vendor/plotly.packed.js", document.currentScript.src).href;
  let loading;

  const loadScript = (address) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`cannot load ${address}`));
      document.head.append(script);
    });

  const unpack = (content) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  const loadPlotly = () => {
    loading ??= (async () => {
      await loadScript(packed);
      const text = await unpack(window.packedPlotly);
      delete window.packedPlotly;
      await loadScript(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
      return window.Plotly;
    })();
    return loading;
  };

  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--pst-color-${name}`).trim();

  // What the author set in the figure stands; the theme only fills the template beneath it.
  const themed = (template) => {
    const [text, border, surface] = ["text-base", "border", "surface"].map(colour);
    const axis = { gridcolor: border, zerolinecolor: border, linecolor: border, tickcolor: border };
    const layout = template?.layout ?? {};
    return {
      ...template,
      layout: {
        ...layout,
        margin: { l: 60, r: 20, t: 40, b: 50 },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        font: { ...layout.font, color: text },
        xaxis: { ...layout.xaxis, ...axis },
        yaxis: { ...layout.yaxis, ...axis },
        hoverlabel: { ...layout.hoverlabel, bgcolor: surface, font: { color: text } },
      },
    };
  };

  const make = (tag, attributes, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };

  // One slider of the figure as a range: each step is a call of plotly.
  const range = (box, slider, number) => {
    const { steps, active = 0, currentvalue = {} } = slider;
    const id = `${box.id}-slider-${number}`;
    const told = make("output", {});
    told.setAttribute("for", id);
    const input = make("input", { type: "range", id, min: 0, max: steps.length - 1, value: active });
    const words = (k) => `${currentvalue.prefix ?? ""}${steps[k].label}${currentvalue.suffix ?? ""}`;
    const show = () => {
      told.textContent = words(input.value);
      input.setAttribute("aria-valuetext", told.textContent);
    };
    input.setAttribute("aria-label", (currentvalue.prefix ?? "").trim() || "step");
    input.addEventListener("input", () => {
      const { method, args } = steps[input.value];
      window.Plotly[method](box, ...args);
      show();
    });
    show();
    return make("div", { className: "figure-slider" }, input, told);
  };

  const buttons = (box, menu) => {
    const group = make("div", { className: "figure-buttons" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "what the figure shows");
    menu.buttons.forEach(({ label, method, args }, k) => {
      const button = make("button", { type: "button", textContent: label });
      button.setAttribute("aria-pressed", String(k === (menu.active ?? 0)));
      button.addEventListener("click", () => {
        for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
        window.Plotly[method](box, ...args);
      });
      group.append(button);
    });
    return group;
  };

  let count = 0;
  const controls = (box, layout) => {
    const menus = [layout.updatemenus ?? []].flat();
    const sliders = [layout.sliders ?? []].flat();
    if (!menus.length && !sliders.length) return;
    box.id ||= `figure-${++count}`;
    const parts = [...menus.map((menu) => buttons(box, menu)), ...sliders.map((one, k) => range(box, one, k))];
    box.before(make("div", { className: "figure-controls" }, ...parts));
    delete layout.updatemenus;
    delete layout.sliders;
    const margin = layout.margin ?? {};
    layout.margin = { ...margin, t: Math.min(margin.t ?? 40, layout.title?.text ? 60 : 40), b: Math.min(margin.b ?? 50, 60) };
  };

  // Below 600 pixels panels that stand side by side stand under one another.
  const stacked = (box, layout) => {
    const axes = Object.keys(layout).filter((key) => /^xaxis\d*$/.test(key) && layout[key].domain);
    const columns = new Set(axes.map((key) => layout[key].domain[0].toFixed(2)));
    const rows = new Set(axes.map((key) => (layout[`y${key.slice(1)}`]?.domain ?? [0])[0].toFixed(2)));
    if (box.clientWidth >= 600 || columns.size < 2 || rows.size > 1) return;
    const order = axes.toSorted((a, b) => layout[a].domain[0] - layout[b].domain[0]);
    const gap = 0.5 / order.length / 2;
    const share = (1 - gap * (order.length - 1)) / order.length;
    order.forEach((key, k) => {
      const y = `y${key.slice(1)}`;
      const old = layout[key].domain;
      const low = (order.length - 1 - k) * (share + gap);
      for (const note of layout.annotations ?? []) {
        if (note.xref !== "paper" || note.x < old[0] - 1e-6 || note.x > old[1] + 1e-6 || note.moved) continue;
        Object.assign(note, { x: 0.5, y: low + share, moved: true });
      }
      layout[key] = { ...layout[key], domain: [0, 1] };
      layout[y] = { ...layout[y], domain: [low, low + share] };
    });
    box.style.height = `${Math.round(box.clientHeight * order.length * 0.72)}px`;
  };

  const draw = async (box) => {
    const { type, textContent } = box.nextElementSibling;
    const figure = JSON.parse(type === "text/plain" ? await unpack(textContent) : textContent);
    const layout = figure.layout ?? {};
    box.bookTemplate = layout.template;
    delete layout.width; // the column decides, on a phone too
    delete layout.height; // the box has it
    const Plotly = await loadPlotly();
    controls(box, layout);
    stacked(box, layout);
    Object.assign(layout, { autosize: true, template: themed(box.bookTemplate) });
    // a swipe that starts on a figure scrolls the page; only ECG paper is moved about
    layout.dragmode = layout.meta?.drag ?? false;
    if (layout.dragmode) box.classList.add("figure-dragged");
    await Plotly.newPlot(box, figure.data, layout, { displayModeBar: false, responsive: false });
    if (figure.frames) await Plotly.addFrames(box, figure.frames);
    new ResizeObserver(() => Plotly.Plots.resize(box)).observe(box.parentElement);
    box.dataset.drawn = "true";
    box.dispatchEvent(new CustomEvent("figure-drawn", { bubbles: true }));
  };

  const repaint = () => {
    for (const box of document.querySelectorAll('.plotly-static[data-drawn="true"]')) {
      window.Plotly.relayout(box, { template: themed(box.bookTemplate) });
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const near = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          near.unobserve(target);
          draw(target);
        }
      },
      { rootMargin: "600px" },
    );
    document.querySelectorAll(".plotly-static").forEach((box) => near.observe(box));
    new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  });
})();
