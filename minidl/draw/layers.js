/* Layers, each beside its derivative, in float32.

   A layer is an object with the numbers that it has learned, and with the shapes of what comes in, `input`, and of what
   goes out, `shape`: [channels, height, width], or [features]. Values lie in flat arrays, row by row, plane by plane.

     forward(layer, x)         y, what the layer makes of x
     backward(layer, g, x, y)  the gradient at x, from the gradient g at y: what a change of x would do to the score */

const count = (shape) => shape.reduce((product, n) => product * n, 1);

/* --- dense: y = W x + b; each output sees every input --- */

const linear = {
  forward({ weight, bias, shape: [outputs] }, x) {
    const y = new Float32Array(outputs);
    for (let o = 0; o < outputs; o++) y[o] = bias[o] + dot(weight, o * x.length, x);
    return y;
  },
  backward({ weight, shape: [outputs] }, g, x) {
    const into = new Float32Array(x.length);
    for (let o = 0, k = 0; o < outputs; o++) for (let i = 0; i < x.length; i++) into[i] += weight[k++] * g[o];
    return into;
  },
};

/* Σ weight[from + i] · x[i]. */
function dot(weight, from, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += weight[from + i] * x[i];
  return sum;
}

/* --- convolution: at each position of a window, a dense layer sees the part of the image under it --- */

const conv2d = {
  forward(layer, x) {
    const { weight, bias, shape } = layer;
    const y = new Float32Array(count(shape));
    const patch = new Float32Array(weight.length / shape[0]);
    positions(layer, (places, at, [first, last]) => {
      for (let i = 0; i < patch.length; i++) patch[i] = places[i] < 0 ? 0 : x[places[i]];
      for (let filter = first; filter < last; filter++) {
        y[filter * shape[1] * shape[2] + at] = bias[filter] + dot(weight, filter * patch.length, patch);
      }
    });
    return y;
  },
  backward(layer, g, x) {
    const { weight, shape } = layer;
    const into = new Float32Array(x.length);
    const patch = new Float32Array(weight.length / shape[0]);
    positions(layer, (places, at, [first, last]) => {
      patch.fill(0);
      for (let filter = first; filter < last; filter++) {
        const incoming = g[filter * shape[1] * shape[2] + at];
        if (incoming === 0) continue; // as most are, behind a pooling
        for (let i = 0, k = filter * patch.length; i < patch.length; i++) patch[i] += weight[k++] * incoming;
      }
      for (let i = 0; i < patch.length; i++) {
        if (places[i] >= 0) into[places[i]] += patch[i]; // windows overlap: a pixel hears from each that it lies under
      }
    });
    return into;
  },
};

/* Calls visit(places, at, [first, last]) for each position of the window and each group of filters: under the window lie
   the inputs at these places, -1 outside of the image; filters first, …, last - 1 see them, and give output `at` of
   their planes. */
function positions({ input, shape, size, stride, padding, dilation, groups }, visit) {
  const [channels, height, width] = input;
  const [filters, rows, columns] = shape;
  const seen = channels / groups; // channels that a filter sees
  const places = new Int32Array(seen * size[0] * size[1]);
  for (let group = 0; group < groups; group++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let k = 0;
        for (let channel = group * seen; channel < (group + 1) * seen; channel++) {
          for (let i = 0; i < size[0]; i++) {
            for (let j = 0; j < size[1]; j++) {
              const y = row * stride[0] + i * dilation[0] - padding[0];
              const x = column * stride[1] + j * dilation[1] - padding[1];
              const inside = y >= 0 && y < height && x >= 0 && x < width;
              places[k++] = inside ? (channel * height + y) * width + x : -1;
            }
          }
        }
        visit(places, row * columns + column, [(group * filters) / groups, ((group + 1) * filters) / groups]);
      }
    }
  }
}

/* --- pooling: one number for each window --- */

const maxPool = {
  forward(layer, x) {
    const y = new Float32Array(count(layer.shape));
    windows(layer, (to, places) => (y[to] = x[largest(x, places)]));
    return y;
  },
  backward(layer, g, x) {
    const into = new Float32Array(x.length);
    windows(layer, (to, places) => (into[largest(x, places)] += g[to])); // all of it to the one that was the largest
    return into;
  },
};

const meanPool = {
  forward(layer, x) {
    const y = new Float32Array(count(layer.shape));
    windows(layer, (to, places) => {
      let sum = 0;
      for (const from of places) sum += x[from];
      y[to] = sum / (layer.divisor ?? places.length);
    });
    return y;
  },
  backward(layer, g, x) {
    const into = new Float32Array(x.length);
    windows(layer, (to, places) => {
      for (const from of places) into[from] += g[to] / (layer.divisor ?? places.length); // to each its share
    });
    return into;
  },
};

/* Calls visit(to, places) for each output: the inputs at these places are its window. */
function windows({ input: [channels, height, width], rows, columns }, visit) {
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (const [top, bottom] of rows) {
      for (const [left, right] of columns) {
        const places = [];
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++) places.push((channel * height + y) * width + x);
        visit(to++, places);
      }
    }
  }
}

const largest = (x, places) => places.reduce((best, place) => (x[place] > x[best] ? place : best)); // the first of equals

/* --- batch norm, in evaluation: each channel times a number, plus a number --- */

const scale = {
  forward({ scale, shift }, x) {
    const plane = x.length / scale.length;
    return x.map((value, i) => value * scale[Math.floor(i / plane)] + shift[Math.floor(i / plane)]);
  },
  backward({ scale }, g) {
    const plane = g.length / scale.length;
    return g.map((value, i) => value * scale[Math.floor(i / plane)]);
  },
};

/* --- activations: element by element, each a function of x beside its slope; y is what the function gave --- */

const logistic = (x) => 1 / (1 + Math.exp(-x));
const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

const activations = {
  relu: [(x) => Math.max(x, 0), (x) => (x > 0 ? 1 : 0)],
  leaky_relu: [
    (x, { negative_slope }) => (x > 0 ? x : negative_slope * x),
    (x, y, l) => (x > 0 ? 1 : l.negative_slope),
  ],
  hardtanh: [
    (x, l) => Math.min(Math.max(x, l.min_val), l.max_val),
    (x, y, l) => (x > l.min_val && x < l.max_val ? 1 : 0),
  ],
  elu: [(x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)), (x, y, { alpha }) => (x > 0 ? 1 : y + alpha)],
  selu: [
    (x) => SELU.scale * (x > 0 ? x : SELU.alpha * Math.expm1(x)),
    (x, y) => (x > 0 ? SELU.scale : y + SELU.scale * SELU.alpha),
  ],
  silu: [(x) => x * logistic(x), (x, y) => logistic(x) + y * (1 - logistic(x))],
  gelu: [(x, l) => x * share(x, l)[0], (x, y, l) => share(x, l)[0] + x * share(x, l)[1]],
  softplus: [
    (x, l) => (x * l.beta > l.threshold ? x : Math.log1p(Math.exp(x * l.beta)) / l.beta),
    (x, y, l) => (x * l.beta > l.threshold ? 1 : logistic(x * l.beta)),
  ],
  tanh: [Math.tanh, (x, y) => 1 - y * y],
  sigmoid: [logistic, (x, y) => y * (1 - y)],
};

/* gelu's share of x that passes, and the slope of that share: of the normal distribution, or of its likeness by tanh. */
function share(x, { approximate }) {
  if (approximate === "tanh") {
    const root = Math.sqrt(2 / Math.PI);
    const t = Math.tanh(root * (x + 0.044715 * x ** 3));
    return [(1 + t) / 2, ((1 - t * t) / 2) * root * (1 + 3 * 0.044715 * x * x)];
  }
  return [normal(x), Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)];
}

/* The normal distribution, within 1e-7. Abramowitz & Stegun (1964), 7.1.26. */
function normal(x) {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = (series * Math.exp(-z * z)) / 2;
  return x > 0 ? 1 - tail : tail;
}

const elementwise = ([value, slope]) => ({
  forward: (layer, x) => x.map((v) => value(v, layer)),
  backward: (layer, g, x, y) => g.map((d, i) => d * slope(x[i], y[i], layer)),
});

/* --- by the names that layers have in the page's data --- */

const kinds = { linear, conv2d, scale, max_pool: maxPool, mean_pool: meanPool };
for (const [name, pair] of Object.entries(activations)) kinds[name] = elementwise(pair);
