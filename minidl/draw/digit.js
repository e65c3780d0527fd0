/* From strokes to a picture, as MNIST's digits were made: scaled to fit a box of 20×20 pixels, smooth at the edges, and
   moved so that the ink's centre of mass lies in the middle of 28×28 pixels. A stroke is a list of points [x, y]. */

const SIDE = 28;
const BOX = 20;
const PEN = 1.15; // the radius of the pen, in pixels
const SOFT = 0.75; // half the width of the edge, over which ink fades
const DOT = 5; // what is smaller than this, on a pad of 28 pixels, is not made larger

/* The picture, 784 shares of ink in [0, 1], of strokes on a pad of width 1. */
function pictureOf(strokes) {
  const points = strokes.flat();
  if (!points.length) return new Float32Array(SIDE * SIDE);
  const [[left, right], [top, bottom]] = [0, 1].map((axis) => range(points.map((point) => point[axis])));
  const zoom = (BOX - 2 * PEN) / Math.max(right - left, bottom - top, DOT / SIDE);
  const middle = [(left + right) / 2, (top + bottom) / 2];
  const moved = (by) =>
    strokes.map((s) => s.map((p) => [0, 1].map((axis) => (p[axis] - middle[axis]) * zoom + by[axis])));
  const [x, y] = centerOfMass(ink(moved([SIDE / 2, SIDE / 2])));
  return ink(moved([SIDE - x, SIDE - y]));
}

/* How much ink each pixel has: what of the pen has passed over its middle. */
function ink(strokes) {
  const picture = new Float32Array(SIDE * SIDE);
  for (const stroke of strokes) {
    stroke.forEach((end, i) => {
      const start = stroke[Math.max(i - 1, 0)];
      const reach = PEN + SOFT;
      const [first, last] = [0, 1]
        .map((axis) => [
          Math.max(0, Math.floor(Math.min(start[axis], end[axis]) - reach)),
          Math.min(SIDE - 1, Math.ceil(Math.max(start[axis], end[axis]) + reach)),
        ])
        .reduce(([a, b], [c, d]) => [
          [a, c],
          [b, d],
        ]);
      for (let y = first[1]; y <= last[1]; y++) {
        for (let x = first[0]; x <= last[0]; x++) {
          const share = (PEN + SOFT - distance([x + 0.5, y + 0.5], start, end)) / (2 * SOFT);
          const at = y * SIDE + x;
          picture[at] = Math.max(picture[at], Math.min(share, 1));
        }
      }
    });
  }
  return picture;
}

/* From a point to the line between two others. */
function distance(point, start, end) {
  const along = [end[0] - start[0], end[1] - start[1]];
  const away = [point[0] - start[0], point[1] - start[1]];
  const length = along[0] ** 2 + along[1] ** 2;
  const part = length ? Math.min(1, Math.max(0, (along[0] * away[0] + along[1] * away[1]) / length)) : 0;
  return Math.hypot(away[0] - part * along[0], away[1] - part * along[1]);
}

function centerOfMass(picture) {
  let [mass, x, y] = [0, 0, 0];
  picture.forEach((share, i) => {
    mass += share;
    x += share * ((i % SIDE) + 0.5);
    y += share * (Math.floor(i / SIDE) + 0.5);
  });
  return [x / mass, y / mass];
}
