// The least and the largest of an array.

// What lies between two values; NaN, as soon as one is taken up.
template <typename R> struct Range {
  R least, largest;

  __device__ void take(R value) {
    if (value < least || value != value) least = value;
    if (value > largest || value != value) largest = value;
  }
};

// z[b, 0] = min x and z[b, 1] = max x, (blocks, 2), of what the 256 threads of block b go through, and of x[0]. What is
// equal to `ignore` counts as `low`.
template <typename T>
__global__ void extremes(const T* x, T* z, T low, T ignore, int n) {
  __shared__ wide<T> least[256], largest[256];
  auto counted = [=](long long i) { return (wide<T>)((wide<T>)x[i] == (wide<T>)ignore ? low : x[i]); };
  Range<wide<T>> range = {counted(0), counted(0)};
  for (long long i = thread_index(); i < n; i += gridDim.x * blockDim.x) range.take(counted(i));
  least[threadIdx.x] = range.least;
  largest[threadIdx.x] = range.largest;
  for (int half = blockDim.x / 2; half; half /= 2) {
    __syncthreads();
    if (threadIdx.x >= half) continue;
    range.take(least[threadIdx.x + half]);
    range.take(largest[threadIdx.x + half]);
    least[threadIdx.x] = range.least;
    largest[threadIdx.x] = range.largest;
  }
  if (threadIdx.x) return;
  z[2 * blockIdx.x] = (T)range.least;
  z[2 * blockIdx.x + 1] = (T)range.largest;
}
