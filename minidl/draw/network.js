/* The network: its layers one after another, forward for the scores, and back for the gradient. */

function decode(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function floats(base64) {
  const bytes = new DataView(decode(base64).buffer);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => bytes.getFloat32(4 * i, true));
}

class Network {
  constructor({ layers, numbers, mean, std }) {
    const all = floats(numbers);
    const own = ({ tensors }) => Object.entries(tensors).map(([name, [from, to]]) => [name, all.subarray(from, to)]);
    this.layers = layers.map((layer) => ({ ...layer, ...Object.fromEntries(own(layer)) }));
    this.parameters = all.length;
    Object.assign(this, { mean, std });
  }

  /* What each layer gives for a picture of pixels in [0, 1]: values[0] goes into the network, the last are scores. */
  forward(pixels) {
    const values = [pixels.map((pixel) => (pixel - this.mean) / this.std)];
    for (const layer of this.layers) values.push(kinds[layer.kind].forward(layer, values.at(-1)));
    return values;
  }

  /* The gradient of Σ towards[c] · score[c] at each of these values; the one at the pixels in the place of the first. */
  backward(values, towards) {
    const gradients = [Float32Array.from(towards)];
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const layer = this.layers[i];
      gradients.unshift(kinds[layer.kind].backward(layer, gradients[0], values[i], values[i + 1]));
    }
    gradients[0] = gradients[0].map((g) => g / this.std);
    return gradients;
  }
}

/* Scores as shares of one. */
function softmax(scores) {
  const top = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const range = (values) =>
  values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
const argmax = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
const onehot = (length, i) => Float32Array.from({ length }, (_, j) => (i === j ? 1 : 0));
