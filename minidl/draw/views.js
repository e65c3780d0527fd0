/* What is shown of a network: probabilities as bars, pictures of pixels, and of each layer its maps. */

const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;
const times = (shape) => shape.join(" × ");

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* A button for each class, as long as its probability. */
class Bars {
  constructor(list, classes, choose) {
    this.rows = classes.map((name, label) => {
      const row = {
        bar: element("span", { class: "bar" }),
        share: element("span", { class: "share" }),
      };
      row.button = element("button", { type: "button", "aria-pressed": "false" });
      row.button.append(element("span", { class: "name" }, name), element("span", { class: "track" }, row.bar), row.share);
      row.button.addEventListener("click", () => choose(label));
      list.append(element("li", {}, row.button));
      return row;
    });
  }

  show(shares, top, chosen) {
    this.rows.forEach(({ button, bar, share }, label) => {
      bar.style.transform = `scaleX(${shares[label]})`;
      share.textContent = percent(shares[label]);
      button.classList.toggle("top", label === top);
      button.setAttribute("aria-pressed", String(label === chosen));
    });
  }
}

/* A picture in ink, and over it where more ink would raise a score, and where less would. */
function showPicture(canvas, colors, pixels, gradient = null) {
  const largest = gradient ? extent(gradient) || 1 : 1;
  paint(canvas, SIDE, SIDE, (i) => {
    const base = between(colors.paper, colors.ink, pixels[i]);
    if (!gradient) return base;
    const share = gradient[i] / largest;
    return between(base, share > 0 ? colors.above : colors.below, Math.abs(share) ** 0.7 * 0.9);
  });
}

/* How far one picture is from another, pixel by pixel. */
function showChange(canvas, colors, before, after) {
  paint(canvas, SIDE, SIDE, (i) => diverging(colors, after[i] - before[i]));
}

/* A layer's outputs: a small picture for each channel, or a strip of squares for a vector. */
class LayerView {
  constructor(parent, layer) {
    this.shape = layer.shape;
    const maps = layer.shape.length === 3;
    const [channels, height, width] = maps ? layer.shape : [1, ...this.strip(layer.shape[0])];
    Object.assign(this, { channels, height, width });
    this.range = element("span", { class: "range" });
    this.group = element("div", { class: maps ? "maps" : "strip", role: "img" });
    this.group.style.setProperty("--columns", width);
    this.canvases = Array.from({ length: channels }, () => element("canvas", { width, height }));
    this.group.append(...this.canvases);
    const name = element("h3", {}, layer.path || layer.kind, " ", element("code", {}, layer.name));
    parent.append(element("section", { class: "layer" }, element("header", {}, name, element("span", { class: "shape" },
      times(layer.shape)), this.range), this.group));
  }

  /* Rows and columns for so many squares. */
  strip(length) {
    const columns = Math.min(length, 64);
    return [Math.ceil(length / columns), columns];
  }

  show(colors, values) {
    const largest = extent(values) || 1;
    const plane = this.width * this.height;
    this.canvases.forEach((canvas, channel) => {
      paint(canvas, this.width, this.height, (i) => {
        const at = channel * plane + i;
        return at < values.length ? diverging(colors, values[at] / largest) : colors.page;
      });
    });
    this.values = values;
    this.range.textContent = `${short(Math.min(...values))} … ${short(Math.max(...values))}`;
  }

  /* For those who hear the page. */
  tell(what) {
    const plane = this.width * this.height;
    const at = argmax(this.values);
    const unit = this.shape.length === 3 ? `map ${Math.floor(at / plane)} of ${this.channels}` : `unit ${at} of ${this.shape[0]}`;
    this.group.setAttribute("aria-label", `${what}, ${times(this.shape)}: ${this.range.textContent}; largest in ${unit}`);
  }
}

const short = (value) => (value === 0 ? "0" : Math.abs(value) < 0.01 ? value.toExponential(0) : value.toPrecision(2).replace("-", "−"));
