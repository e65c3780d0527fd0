// The walk back from a loss, op by op: a slider, the way as a list, and of the op where one stands what comes in, by
// which rule, and what goes out. The record is JSON in the page (docs/scrubber.py).
"use strict";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function gradient(title, one) {
  const figure = element("figure", {}, element("figcaption", {}, title + " ", element("span", {}, one.size)));
  if (one.picture) {
    const zoom = Math.max(1, Math.min(12, Math.floor(360 / one.width)));
    figure.append(element("img", {
      src: "data:image/png;base64," + one.picture, alt: one.text, style: `width: ${one.width * zoom}px`,
    }));
  }
  figure.append(element("code", {}, one.text));
  return figure;
}

function standing(step) {
  const goes = step.outgoing.map((one) => element("div", { class: "sent" },
    gradient(`to ${one.argument} → ${one.to}`, one), element("pre", { tabindex: 0 }, one.rule)));
  return [
    element("p", {}, element("strong", {}, step.name), ` ${step.meaning}`,
      ...(step.module ? [" ", element("em", {}, step.module)] : [])),
    element("div", { class: "flow" }, gradient("comes in", step.incoming), element("div", {}, ...goes)),
  ];
}

function scrubber(place) {
  const steps = JSON.parse(place.querySelector("script").textContent);
  const slider = element("input", { type: "range", min: 0, max: steps.length - 1, value: 0, "aria-label": "step" });
  const back = element("button", { type: "button" }, "◀ back");
  const on = element("button", { type: "button" }, "on ▶");
  const said = element("output");
  const stand = element("div", { class: "stand", "aria-live": "polite" });
  const way = element("ol", {}, ...steps.map((step, number) => {
    const button = element("button", { type: "button" }, step.name);
    button.addEventListener("click", () => go(number));
    return element("li", {}, button);
  }));
  const layers = [...new Set(steps.map((step) => step.module).filter(Boolean))];
  const jump = element("select", { "aria-label": "jump to layer" }, element("option", { value: "" }, "jump to layer"),
    ...layers.map((layer) => element("option", {}, layer)));

  function go(number) {
    slider.value = number;
    said.textContent = `step ${number + 1} of ${steps.length}`;
    back.disabled = number === 0;
    on.disabled = number === steps.length - 1;
    [...way.children].forEach((item, i) => {
      if (i === number) item.firstChild.setAttribute("aria-current", "step");
      else item.firstChild.removeAttribute("aria-current");
    });
    stand.replaceChildren(...standing(steps[number]));
  }

  slider.addEventListener("input", () => go(Number(slider.value)));
  back.addEventListener("click", () => go(Number(slider.value) - 1));
  on.addEventListener("click", () => go(Number(slider.value) + 1));
  jump.addEventListener("change", () => {
    if (jump.value) go(steps.findIndex((step) => step.module === jump.value));
    jump.value = "";
  });
  place.append(element("div", { class: "controls" }, back, slider, on, said), way, stand);
  if (layers.length > 1) place.querySelector(".controls").append(jump);
  go(0);
}

document.querySelectorAll(".scrubber").forEach(scrubber);
