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

  const channels = (text) => {
    const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
    if (hex) return hex.slice(1).map((part) => parseInt(part, 16));
    return (/^rgb\((\d+), ?(\d+), ?(\d+)\)$/.exec(text) ?? []).slice(1).map(Number);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const dark = () => document.documentElement.dataset.theme === "dark";

  // On the dark ground a line drawn for white paper is mixed with white until it stands out 4.5:1.
  const legible = (text) => {
    const rgb = channels(text);
    if (rgb.length !== 3) return text;
    const ground = luminance([18, 18, 18]) + 0.05;
    for (let share = 0; share <= 1; share += 0.05) {
      const mixed = rgb.map((c) => Math.round(c + (255 - c) * share));
      if ((luminance(mixed) + 0.05) / ground >= 4.5) return `rgb(${mixed.join(", ")})`;
    }
    return text;
  };
  // The same for every line and marker in a part of a figure; what is no such colour stays as it is.
  const shaded = (part, key = "") => {
    if (typeof part === "string") return /^(line|marker)?\.?color$/.test(key) ? legible(part) : part;
    if (Array.isArray(part)) return typeof part[0] === "number" ? part : part.map((one) => shaded(one, key));
    if (part === null || typeof part !== "object" || ArrayBuffer.isView(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([name, one]) => [name, shaded(one, name)]));
  };
  // A figure that brings its own ground, paper or a map, keeps the colours made for it.
  const own = ({ data, layout = {} }) => layout.plot_bgcolor || data.some(({ type }) => /heatmap|image|contour/.test(type ?? ""));
  const inTheme = (box, part) => (dark() && !own(box.bookFigure) ? shaded(part) : part);

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
    const move = () => {
      const { method, args } = steps[input.value];
      window.Plotly[method](box, ...inTheme(box, args));
      show();
    };
    input.addEventListener("input", move);
    show();
    const play = box.bookFigure.layout?.meta?.play && player(input, move);
    return make("div", { className: "figure-slider" }, input, told, ...(play ? [play] : []));
  };

  // Plays a slider once to its end; who asked for less motion presses once for each step.
  const player = (input, move) => {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    let timer = 0;
    const words = () => (still.matches ? "Next" : timer ? "Pause" : "Play");
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = words();
    };
    const step = () => {
      const last = Number(input.value) === Number(input.max);
      if (last && timer) return stop();
      input.value = last ? input.min : Number(input.value) + 1;
      move();
    };
    const button = make("button", { type: "button", textContent: words(), className: "figure-play" });
    button.addEventListener("click", () => {
      if (still.matches || timer) return timer ? stop() : step();
      step();
      timer = setInterval(step, 400);
      button.textContent = words();
    });
    input.addEventListener("pointerdown", stop);
    input.addEventListener("keydown", stop);
    still.addEventListener("change", stop);
    return button;
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
        window.Plotly[method](box, ...inTheme(box, args));
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
    box.bookFigure = figure;
    delete layout.width; // the column decides, on a phone too
    delete layout.height; // the box has it
    const Plotly = await loadPlotly();
    controls(box, layout);
    stacked(box, layout);
    Object.assign(layout, { autosize: true, template: themed(box.bookTemplate) });
    // a swipe that starts on a figure scrolls the page; only ECG paper is moved about
    layout.dragmode = layout.meta?.drag ?? false;
    if (layout.dragmode) box.classList.add("figure-dragged");
    await Plotly.newPlot(box, inTheme(box, figure.data), layout, { displayModeBar: false, responsive: false });
    if (figure.frames) await Plotly.addFrames(box, inTheme(box, figure.frames));
    new ResizeObserver(() => Plotly.Plots.resize(box)).observe(box.parentElement);
    box.dataset.drawn = "true";
    box.dispatchEvent(new CustomEvent("figure-drawn", { bubbles: true }));
  };

  const COLOURS = ["line.color", "marker.color", "marker.line.color"];
  const recolour = async (box) => {
    const { data, frames } = box.bookFigure;
    if (own(box.bookFigure)) return;
    for (const [k, trace] of data.entries()) {
      const found = COLOURS.map((path) => [path, path.split(".").reduce((part, name) => part?.[name], trace)]);
      const changes = found.filter(([, value]) => value !== undefined).map(([path, value]) => [path, [inTheme(box, { color: value }).color]]);
      if (changes.length) await window.Plotly.restyle(box, Object.fromEntries(changes), [k]);
    }
    if (frames) await window.Plotly.addFrames(box, inTheme(box, frames), [...frames.keys()]);
    // back to where the reader had moved it
    for (const input of box.previousElementSibling?.querySelectorAll(".figure-slider input") ?? [])
      input.dispatchEvent(new Event("input"));
  };
  const repaint = async () => {
    for (const box of document.querySelectorAll('.plotly-static[data-drawn="true"]')) {
      await window.Plotly.relayout(box, { template: themed(box.bookTemplate) });
      await recolour(box);
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
