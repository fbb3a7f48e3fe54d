// Draws the plotly figures of a page: each when it comes near the window, in the colours of the
// theme, as wide as its column. plotly.js itself is loaded only by pages that have a figure.
(() => {
  "use strict";
  const engine = new URL("../vendor/plotly.min.js", document.currentScript.src).href;
  let loading;

  const loadPlotly = () => {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = engine;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error(`cannot load ${engine}`));
      document.head.append(script);
    });
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
        sliderdefaults: { bgcolor: surface, bordercolor: border, tickcolor: text },
        updatemenudefaults: { bgcolor: surface, bordercolor: border, font: { color: text } },
      },
    };
  };

  const draw = async (box) => {
    const figure = JSON.parse(box.nextElementSibling.textContent);
    const layout = figure.layout ?? {};
    box.bookTemplate = layout.template;
    delete layout.width; // the column decides, on a phone too
    Object.assign(layout, { autosize: true, template: themed(box.bookTemplate) });
    const Plotly = await loadPlotly();
    await Plotly.newPlot(box, figure.data, layout, { displaylogo: false, responsive: false });
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
