/* What is shown of a network: probabilities as bars, pictures of pixels, and of each layer its maps. */

const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;
const times = (shape) => shape.join(" × ");

function short(value) {
  const text = value === 0 || Math.abs(value) >= 0.01 ? String(Number(value.toPrecision(2))) : value.toExponential(0);
  return text.replaceAll("-", "−");
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* A button for each class, with a bar as long as its probability. */
class Bars {
  constructor(list, classes, choose) {
    this.rows = classes.map((name, label) => {
      const bar = element("span", { class: "bar" });
      const share = element("span", { class: "share" });
      const parts = [element("span", { class: "name" }, name), element("span", { class: "track" }, bar), share];
      const button = element("button", { type: "button" }, ...parts);
      button.addEventListener("click", () => choose(label));
      list.append(element("li", {}, button));
      return { button, bar, share };
    });
  }

  show(shares, top, chosen) {
    this.rows.forEach(({ button, bar, share }, label) => {
      bar.style.width = `${100 * shares[label]}%`;
      share.textContent = percent(shares[label]);
      button.classList.toggle("top", label === top);
      button.setAttribute("aria-pressed", String(label === chosen));
    });
  }
}

/* A picture in ink, and over it where more ink would raise a score, and where it would lower it. */
function showPicture(canvas, colors, pixels, gradient = null) {
  const largest = gradient ? extent(gradient) || 1 : 1;
  paint(canvas, SIDE, SIDE, (i) => {
    const ink = between(colors.paper, colors.ink, pixels[i]);
    if (!gradient) return packed(ink);
    return packed(between(ink, gradient[i] > 0 ? colors.above : colors.below, 0.9 * strength(gradient[i] / largest)));
  });
}

/* How far one picture is from another, pixel by pixel. */
function showChange(canvas, colors, before, after) {
  paint(canvas, SIDE, SIDE, (i) => shadeOf(colors, after[i] - before[i]));
}

/* What a layer gives: a small picture for each channel, or a strip of squares for a vector. */
class LayerView {
  constructor(parent, layer) {
    this.shape = layer.shape;
    this.maps = layer.shape.length === 3;
    const across = Math.min(layer.shape.at(-1), 64);
    const [channels, height, width] = this.maps ? layer.shape : [1, Math.ceil(layer.shape[0] / across), across];
    Object.assign(this, { channels, height, width });
    this.range = element("span");
    this.group = element("div", { class: this.maps ? "maps" : "strip", role: "img", "aria-label": "outputs" });
    this.group.style.setProperty("--across", width);
    this.canvases = Array.from({ length: channels }, () => element("canvas", { width, height }));
    this.group.append(...this.canvases);
    const name = element("h3", {}, layer.path, " ", element("code", {}, layer.name));
    const said = element("p", {}, `${times(layer.shape)}, `, this.range);
    parent.append(element("section", { class: "layer" }, element("header", {}, name, said), this.group));
    if (this.maps) new ResizeObserver(([{ contentRect }]) => this.arrange(contentRect.width)).observe(this.group);
  }

  /* Maps in rows of the same length, where their number allows it. */
  arrange(room) {
    const most = Math.max(1, Math.min(this.channels, Math.floor(room / Math.max(28, room / 26, 1.3 * this.width))));
    let columns = most;
    while (this.channels % columns) columns--;
    this.group.style.setProperty("--columns", columns * 2 > most ? columns : most);
  }

  show(colors, values) {
    this.values = values;
    const largest = extent(values) || 1;
    const plane = this.width * this.height;
    const empty = packed(colors.page); // squares at the end of a strip
    this.canvases.forEach((canvas, channel) => {
      const first = channel * plane;
      paint(canvas, this.width, this.height, (i) =>
        first + i < values.length ? shadeOf(colors, values[first + i] / largest) : empty,
      );
    });
    const [low, high] = range(values);
    this.range.textContent = `${short(low)} … ${short(high)}`;
  }

  /* The same in words. */
  tell(what) {
    const at = argmax(this.values);
    const place = this.maps
      ? `map ${Math.floor(at / (this.width * this.height)) + 1} of ${this.channels}`
      : `unit ${at + 1} of ${this.shape[0]}`;
    this.group.setAttribute("aria-label", `${what}, ${this.range.textContent}; the largest in ${place}`);
  }
}
