/* Numbers as colours: one colour for what is above nothing, another for what is below, none for nothing. */

/* The page's colours, as [red, green, blue], of the theme that is on. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim().split(/\s+/).map(Number);
  return { nothing: color("nothing"), above: color("above"), below: color("below"), ink: color("ink"), paper: color("paper"), page: color("page") };
}

const between = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);

/* A number as a share of the largest there is, in [-1, 1]. */
function diverging({ nothing, above, below }, share) {
  return between(nothing, share > 0 ? above : below, Math.min(Math.abs(share), 1) ** 0.7);
}

/* Paints a canvas of width × height, pixel by pixel. */
function paint(canvas, width, height, colorOf) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set([...colorOf(i), 255], 4 * i);
  context.putImageData(image, 0, 0);
}

/* The largest magnitude. */
function extent(values) {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}
