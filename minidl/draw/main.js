/* The page itself: what is drawn, what is asked, and what is shown of it. */

const data = JSON.parse(document.getElementById("data").textContent);
const network = new Network(data);
const find = (id) => document.getElementById(id);

/* What was done, in turn: a stroke {points}, a sample {pixels, label}, or a clearing {}. Undo takes off the last. */
const actions = [];
let drawing = null; // the stroke that is being drawn
let chosen = null; // the class that gradients are of; null: the one that is read
let way = []; // pictures on the way to another reading, the class it leads to, and the place of the one that is shown
let goal = null;
let place = 0;
let colors = palette();

const pad = find("pad");
const bars = new Bars(find("bars"), data.classes, (label) => {
  chosen = chosen === label ? null : label;
  refresh();
});
const views = network.layers.map((layer) => new LayerView(find("layers"), layer));

/* --- what is drawn --- */

/* The strokes since the last clearing, and the sample beneath them. */
function sheet() {
  const from = actions.findLastIndex((action) => !action.points);
  const strokes = actions.slice(from + 1).map((action) => action.points);
  return { sample: actions[from]?.pixels ?? null, strokes: drawing ? [...strokes, drawing] : strokes };
}

function current() {
  const { sample, strokes } = sheet();
  return sample && !strokes.length ? sample : pictureOf(strokes);
}

/* What is done ends the stroke that is being drawn. */
function act(action) {
  lift();
  actions.push(action);
  changed();
}

function lift() {
  if (drawing) actions.push({ points: drawing });
  drawing = null;
  changed();
}

function undo() {
  if (drawing) drawing = null;
  else actions.pop();
  changed();
}

function clear() {
  const { sample, strokes } = sheet();
  if (sample || strokes.length) act({});
}

/* The picture is another one: whatever was to change the network's mind is over. */
function changed() {
  way = [];
  place = 0;
  refresh();
}

/* --- what is shown, once a frame at most --- */

let due = false;
function refresh() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    show();
  });
}

const took = []; // milliseconds of each of the last forwards
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

function show() {
  const drawn = current();
  const seen = way[place] ?? drawn; // what the network gets
  const before = performance.now();
  const values = network.forward(seen);
  if (took.push(performance.now() - before) > 25) took.shift();
  const shares = softmax(values.at(-1));
  const top = argmax(shares);
  const label = chosen ?? top;
  const gradients = network.backward(values, onehot(shares.length, label));
  const empty = !seen.some((share) => share > 0);
  showPad();
  find("invitation").hidden = !empty || pen.shown || drawing !== null;
  bars.show(shares, top, label);
  find("reading").textContent = empty ? "?" : data.classes[top];
  find("sure").textContent = empty ? "draw a digit" : percent(shares[top]);
  showPicture(find("seen"), colors, seen, find("saliency").checked && !empty ? gradients[0] : null);
  for (const name of document.querySelectorAll(".chosen")) name.textContent = data.classes[label];
  const inside = find("gradients").checked ? gradients : values;
  views.forEach((view, i) => view.show(colors, inside[i + 1]));
  find("time").textContent = `${median(took).toFixed(1)} ms`;
  showWay(shares, drawn, seen);
  find("undo").disabled = !actions.length;
  find("clear").disabled = empty && !sheet().strokes.length;
  tellLater(shares, top, label, empty);
}

function showPad() {
  const { sample, strokes } = sheet();
  const context = pad.getContext("2d");
  const side = Math.round(pad.clientWidth * devicePixelRatio) || 280;
  if (pad.width !== side) Object.assign(pad, { width: side, height: side });
  const css = (color) => `rgb(${color.join(" ")})`;
  context.fillStyle = css(colors.paper);
  context.fillRect(0, 0, side, side);
  if (sample && !strokes.length) {
    const small = element("canvas");
    showPicture(small, colors, sample);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, side, side);
  }
  Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: (2 * PEN * side) / SIDE });
  context.strokeStyle = css(colors.ink);
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(stroke[0][0] * side, stroke[0][1] * side);
    for (const [x, y] of stroke) context.lineTo(x * side, y * side);
    context.stroke();
  }
  if (pen.shown) {
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = css(drawing ? colors.above : colors.below);
    context.beginPath();
    context.arc(pen.at[0] * side, pen.at[1] * side, (1.6 * PEN * side) / SIDE, 0, 2 * Math.PI);
    context.stroke();
  }
}

/* For those who hear the page, when nothing has changed for a moment. */
let timer = 0;
function tellLater(shares, top, label, empty) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const second = argmax(shares.map((share, i) => (i === top ? -1 : share)));
    const name = (i) => `${data.classes[i]}, ${percent(shares[i])}`;
    find("told").textContent = empty ? "The pad is empty." : `It reads ${name(top)}; next ${name(second)}.`;
    const what = find("gradients").checked ? `gradients of the score of ${data.classes[label]}` : "outputs";
    views.forEach((view) => view.tell(what));
    find("seen").setAttribute(
      "aria-label",
      `What the network sees${find("saliency").checked ? `, and where ink would raise ${data.classes[label]}` : ""}`,
    );
  }, 500);
}

/* --- the pad: pointers --- */

const pointOf = (event) => {
  const frame = pad.getBoundingClientRect();
  return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
};

pad.addEventListener("pointerdown", (event) => {
  if (event.button || drawing) return;
  pad.setPointerCapture(event.pointerId);
  pen.shown = false;
  drawing = [pointOf(event)];
  changed();
});
pad.addEventListener("pointermove", (event) => {
  if (!drawing || !pad.hasPointerCapture(event.pointerId)) return;
  const events = event.getCoalescedEvents?.() ?? [];
  drawing.push(...(events.length ? events : [event]).map(pointOf));
  changed();
});
for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => drawing && lift());

/* --- the pad: keys --- */

const pen = { at: [0.5, 0.5], shown: false };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

pad.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || (drawing && !pen.shown)) return; // a pointer draws
  const key = event.key;
  if (ARROWS[key]) movePen(ARROWS[key], event.shiftKey ? 4 : 1);
  else if (key === " ") togglePen();
  else if (key === "z" || key === "Backspace") undo();
  else if (key === "c" || key === "Delete") clear();
  else if (key === "s") nextSample();
  else return;
  event.preventDefault();
});
pad.addEventListener("blur", () => {
  if (drawing && pen.shown) lift();
  pen.shown = false;
  refresh();
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey) {
    undo();
    event.preventDefault();
  }
});

function movePen(by, steps) {
  pen.shown = true;
  pen.at = pen.at.map((value, axis) => Math.min(1, Math.max(0, value + (by[axis] * steps) / SIDE)));
  drawing?.push([...pen.at]);
  changed();
}

function togglePen() {
  pen.shown = true;
  if (drawing) return lift();
  drawing = [[...pen.at]];
  changed();
}

/* --- samples --- */

const given = data.samples ?? { pixels: "", labels: [] };
const inks = Float32Array.from(decode(given.pixels), (byte) => byte / 255);
const inkOf = (i) => inks.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE);
const samples = given.labels.map((label, i) => ({ label, pixels: inkOf(i) }));
let next = 0;

function nextSample() {
  if (samples.length) act(samples[next++ % samples.length]);
}

const thumbnails = samples.map((sample) => {
  const canvas = element("canvas");
  const button = element("button", { type: "button", "aria-label": `sample: ${data.classes[sample.label]}` }, canvas);
  button.addEventListener("click", () => act(sample));
  find("samples").append(button);
  return [canvas, sample];
});
find("tests").hidden = !samples.length;

function showSamples() {
  for (const [canvas, { pixels }] of thumbnails) showPicture(canvas, colors, pixels);
}

/* --- what would change its mind --- */

const still = matchMedia("(prefers-reduced-motion: reduce)");
const target = find("target");
data.classes.forEach((name, label) => target.append(element("option", { value: label }, name)));

find("persuade").addEventListener("click", () => {
  goal = Number(target.value);
  const steps = persuade(network, current(), goal);
  way = [];
  const mine = way;
  const more = () => {
    if (way !== mine) return; // something else was drawn meanwhile
    const { value, done } = steps.next();
    if (done) return;
    way.push(value);
    place = way.length - 1;
    if (still.matches) return more();
    show();
    requestAnimationFrame(() => requestAnimationFrame(more));
  };
  more();
  refresh();
});
find("step").addEventListener("input", (event) => {
  place = Number(event.target.value);
  refresh();
});

function showWay(shares, drawn, seen) {
  const top = argmax(shares);
  find("way").hidden = !way.length;
  find("persuade").disabled = !drawn.some((share) => share > 0);
  if (!way.length) {
    const second = argmax(shares.map((share, i) => (i === top ? -1 : share)));
    if (document.activeElement !== target) target.value = second;
    return;
  }
  const steps = way.length - 1;
  Object.assign(find("step"), { max: steps, value: place });
  showPicture(find("changed"), colors, seen);
  showChange(find("change"), colors, drawn, seen);
  const change = seen.map((share, i) => share - drawn[i]);
  const norm = Math.hypot(...change).toFixed(2);
  const failed = place === STEPS && shares[goal] < ENOUGH ? ` It is not convinced after ${steps} steps.` : "";
  find("how").textContent =
    `Step ${place} of ${steps}: ${data.classes[goal]} with ${percent(shares[goal])}.${failed} No pixel has changed ` +
    `by more than ${extent(change).toFixed(2)}, where 1 is full ink; the norm of all changes is ${norm}.`;
}

/* --- the rest --- */

find("undo").addEventListener("click", undo);
find("clear").addEventListener("click", clear);
for (const name of ["saliency", "values", "gradients"]) find(name).addEventListener("change", refresh);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colors = palette();
  showSamples();
  refresh();
});
addEventListener("resize", refresh);
find("size").textContent = network.parameters.toLocaleString("en");
globalThis.minidl = { network, data, softmax, pictureOf, current }; // for a console
showSamples();
show();
