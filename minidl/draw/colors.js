/* Numbers as colours: one colour for what is above nothing, another for what is below, none for nothing. */

const SHADES = 255; // on either side of nothing

const between = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);
const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // as a canvas has pixels
const strength = (share) => Math.min(Math.abs(share), 1) ** 0.7; // so that little can be seen, too

/* The colours of the theme that is on, [red, green, blue], and what numbers in [-1, 1] are shown in. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const names = ["page", "paper", "ink", "nothing", "above", "below"];
  const colors = Object.fromEntries(
    names.map((name) => [name, style.getPropertyValue(`--${name}`).split(/\s+/).map(Number)]),
  );
  const shade = (_, i) => {
    const share = i / SHADES - 1;
    return packed(between(colors.nothing, share > 0 ? colors.above : colors.below, strength(share)));
  };
  return { ...colors, shades: Uint32Array.from({ length: 2 * SHADES + 1 }, shade) };
}

const shadeOf = ({ shades }, share) => shades[Math.round((Math.min(Math.max(share, -1), 1) + 1) * SHADES)];

/* Paints a canvas of width × height, pixel by pixel, each in the packed colour that colorOf(i) gives. */
function paint(canvas, width, height, colorOf) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colorOf(i);
  context.putImageData(image, 0, 0);
}

/* The largest magnitude. */
function extent(values) {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}
