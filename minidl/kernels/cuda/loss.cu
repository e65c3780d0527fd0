// Softmax and cross-entropy of scores x (rows, classes) against labels. A block has a row: thread t of it has the
// classes t, t + blockDim.x, …
#include "sums.cuh"

// The largest `value` in a block of whole warps, in every thread.
template <typename R> __device__ R block_max(R value) {
  __shared__ R warps[32];
  for (int step = 16; step; step /= 2) value = max(value, __shfl_xor_sync(0xffffffff, value, step));
  __syncthreads();  // whoever still reads the values of the time before
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  for (int warp = 0; warp < blockDim.x / 32; warp++) value = max(value, warps[warp]);
  return value;
}

// The weight of a class: 1 where there is no `weight`.
template <typename T> __device__ wide<T> class_weight(const T* weight, long long label) {
  return weight ? (wide<T>)weight[label] : 1;
}

// The weight of a row's label: NaN for a label out of range, so that it can't be missed; 0 for one to ignore.
template <typename T>
__device__ wide<T> label_weight(const T* weight, long long label, int classes, int ignore) {
  if (label == ignore) return 0;
  return label < 0 || label >= classes ? (wide<T>)nan("") : class_weight(weight, label);
}

// loss = −w_y · (1 − s) · ln p_y − s/C · Σ_c w_c · ln p_c of each row, with p = softmax(x), the label y, weights w and
// the smoothing s over C classes; and w_y, its weight in the mean: as `pairs` (rows, 2), or the loss alone as `each`
// (rows,). A row to ignore has 0 of both. For the way back it keeps the row's maximum, and ln Σ exp(x − maximum).
template <typename T>
__global__ void cross_entropy(const T* x, const long long* labels, const T* weight, T* each, wide<T>* pairs,
                              wide<T>* row_max, wide<T>* log_sums, int classes, int ignore, double smoothing) {
  int row = blockIdx.x;
  long long label = labels[row];
  x += (size_t)row * classes;
  wide<T> largest = x[0], sum = 0, even = 0;
  for (int c = threadIdx.x; c < classes; c += blockDim.x) largest = max(largest, (wide<T>)x[c]);
  largest = block_max(largest);
  for (int c = threadIdx.x; c < classes; c += blockDim.x) sum += exp((wide<T>)x[c] - largest);
  wide<T> log_sum = log(block_sum(sum));
  if (smoothing) {
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
      even += class_weight(weight, c) * (log_sum - ((wide<T>)x[c] - largest));
    even = block_sum(even);
  }
  if (threadIdx.x) return;
  wide<T> counts = label_weight(weight, label, classes, ignore), loss = 0, spread = smoothing / classes;
  if (isnan(counts)) loss = counts;
  else if (label != ignore)
    loss = counts * (log_sum - ((wide<T>)x[label] - largest)) * (1 - (wide<T>)smoothing) + spread * even;
  row_max[row] = largest;
  log_sums[row] = log_sum;
  if (each) each[row] = loss;
  if (pairs) pairs[2 * row] = loss, pairs[2 * row + 1] = counts;
}

// z = Σ loss / divisor, of all rows; the divisor is kept: Σ w_y for the mean, 1 for the sum. One block.
template <typename T>
__global__ void reduce_losses(const wide<T>* pairs, T* z, wide<T>* divisor, int rows, int mean) {
  wide<T> loss = 0, weight = 0;
  for (int row = threadIdx.x; row < rows; row += blockDim.x) loss += pairs[2 * row], weight += pairs[2 * row + 1];
  loss = block_sum(loss);
  weight = block_sum(weight);
  if (threadIdx.x) return;
  divisor[0] = mean ? weight : 1;
  z[0] = loss / divisor[0];
}

// ∂x_c = e · (w_y · (1 − s) · (p_c − [c = y]) + s/C · (p_c · Σ_k w_k − w_c)), (rows, classes), with e = g / divisor,
// or the row's own g where there is none; 0 in a row to ignore.
template <typename T>
__global__ void cross_entropy_gradient(const T* g, const wide<T>* divisor, const T* x, const long long* labels,
                                       const T* weight, const wide<T>* row_max, const wide<T>* log_sums, T* dx,
                                       int classes, int ignore, double smoothing) {
  int row = blockIdx.x;
  long long label = labels[row];
  wide<T> e = divisor ? (wide<T>)g[0] / divisor[0] : (wide<T>)g[row];
  if (label == ignore) e = 0;
  wide<T> sharp = e * label_weight(weight, label, classes, ignore) * (1 - (wide<T>)smoothing);
  wide<T> even = e * (wide<T>)(smoothing / classes), weights = 0;
  if (smoothing) {
    for (int c = threadIdx.x; c < classes; c += blockDim.x) weights += class_weight(weight, c);
    weights = block_sum(weights);
  }
  for (int c = threadIdx.x; c < classes; c += blockDim.x) {
    size_t i = (size_t)row * classes + c;
    wide<T> p = exp((wide<T>)x[i] - row_max[row] - log_sums[row]);
    dx[i] = sharp * (p - (c == label)) + even * (p * weights - class_weight(weight, c));
  }
}
