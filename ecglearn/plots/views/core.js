// What every view is made of: elements, packed arrays, a softmax, native controls. This file and the
// ones after it are one text: a classic script in the page, and part of the widget's module.
"use strict";
const EcgViews = { kinds: {} };
{
  const SVG = "http://www.w3.org/2000/svg";

  const fill = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false)
        node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null));
    return node;
  };
  EcgViews.svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS(SVG, tag), attributes, children);
  EcgViews.html = (tag, attributes = {}, ...children) =>
    fill(document.createElement(tag), attributes, children);
  EcgViews.set = (node, attributes) => fill(node, attributes, []);

  // {shape, scale, bytes: base64 of int8} -> numbers by their indices; `row` gives the last axis.
  EcgViews.array = ({ shape, scale, bytes }) => {
    const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    const values = new Int8Array(raw.buffer);
    const place = (index) => index.reduce((sum, i, axis) => sum * shape[axis] + i, 0);
    const last = shape[shape.length - 1];
    return {
      shape,
      at: (...index) => values[place(index)] * scale,
      row: (...index) => {
        const begin = place(index) * last;
        return Array.from(values.subarray(begin, begin + last), (value) => value * scale);
      },
    };
  };

  EcgViews.range = (count) => Array.from({ length: count }, (_, k) => k);
  EcgViews.softmax = (row, temperature) => {
    const top = Math.max(...row);
    const weights = row.map((value) => Math.exp((value - top) / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };
  EcgViews.best = (row) => row.indexOf(Math.max(...row));
  EcgViews.mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  let ids = 0;
  EcgViews.id = () => `ecg-view-${++ids}`;

  // A labelled native slider. `says` turns its value into the words beside it.
  EcgViews.slider = ({ label, max, min = 0, step = 1, value, says, on, name }) => {
    const id = EcgViews.id();
    const told = EcgViews.html("output", { for: id });
    const input = EcgViews.html("input", { type: "range", id, min, max, step, "data-name": name });
    const show = (now) => {
      input.value = now;
      told.textContent = says(Number(now));
      input.setAttribute("aria-valuetext", told.textContent);
    };
    input.addEventListener("input", () => on(Number(input.value)));
    show(value);
    const node = EcgViews.html(
      "div",
      { class: "ev-slider" },
      EcgViews.html("label", { for: id }, label),
      input,
      told,
    );
    return { node, show, input };
  };

  EcgViews.choice = ({ label, options, value, on, name }) => {
    const id = EcgViews.id();
    const select = EcgViews.html(
      "select",
      { id, "data-name": name, onchange: () => on(select.value) },
      options.map(([key, text]) =>
        EcgViews.html("option", { value: key, selected: key === String(value) }, text),
      ),
    );
    const words = EcgViews.html("label", { for: id }, label);
    return { node: EcgViews.html("div", { class: "ev-choice" }, words, select), select };
  };

  EcgViews.button = (text, on, attributes = {}) =>
    EcgViews.html("button", { type: "button", onclick: on, ...attributes }, text);

  // Play: a step every `pause` ms. Who asked for less motion presses once for each step.
  EcgViews.player = ({ label, pause, step, attributes = {} }) => {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    let timer = 0;
    const words = () => (still.matches ? `Next: ${label}` : timer ? "Pause" : `Play ${label}`);
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = words();
    };
    const press = () => {
      if (still.matches) step(true);
      else if (timer) stop();
      else {
        step(true);
        timer = setInterval(() => step(false) || stop(), pause);
        button.textContent = words();
      }
    };
    const button = EcgViews.button("", press, attributes);
    button.textContent = words();
    still.addEventListener("change", stop);
    return { node: button, press, stop, playing: () => timer !== 0 };
  };

  // A polite live region: it speaks when the reader has come to rest.
  EcgViews.speaker = () => {
    const node = EcgViews.html("p", { class: "ev-says", role: "status", "aria-live": "polite" });
    let timer = 0;
    const say = (text) => {
      clearTimeout(timer);
      if (node.textContent === "") node.textContent = text;
      timer = setTimeout(() => node.textContent === text || (node.textContent = text), 250);
    };
    return { node, say };
  };

  // Draws anew whenever the width changed; pages put a view into columns, tabs and phones.
  EcgViews.fit = (element, draw) => {
    let width = 0;
    const look = () => {
      const now = Math.round(element.clientWidth);
      if (now > 0 && now !== width) draw((width = now));
    };
    new ResizeObserver(look).observe(element);
    look();
  };

  EcgViews.draw = (element, data) => {
    element.classList.add("ecg-view");
    element.setAttribute("role", "group");
    if (!element.hasAttribute("aria-label")) element.setAttribute("aria-label", data.label);
    element.replaceChildren();
    EcgViews.kinds[data.kind](element, data);
    element.dataset.drawn = "true";
  };
}
