/* What would change the network's mind: steps of the picture along the gradient, until another class wins. */

const STEP = 0.12; // how far a step goes, as a distance between pictures
const ENOUGH = 0.9; // the probability at which it is convinced
const STEPS = 150; // after which it gives up

/* The pictures on the way from one to the next that the network takes for class `to`; the first is where it begins. */
function* persuade(network, picture, to) {
  for (let step = 0; step <= STEPS; step++) {
    yield picture;
    const values = network.forward(picture);
    const shares = softmax(values.at(-1));
    if (shares[to] >= ENOUGH) return;
    const towards = shares.map((share, label) => (label === to ? 1 - share : -share)); // the slope of log(shares[to])
    const gradient = network.backward(values, towards)[0];
    const length = Math.hypot(...gradient) || 1;
    picture = picture.map((pixel, i) => Math.min(1, Math.max(0, pixel + (STEP * gradient[i]) / length)));
  }
}
