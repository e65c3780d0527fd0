// Pooling over windows of images (N, C, H, W).
#include "window.cuh"

// An array of unsigned integers, of 1, 2 or 4 bytes each.
struct Integers {
  void* data;
  int bytes;

  __device__ unsigned get(long long i) const {
    return bytes == 1 ? ((unsigned char*)data)[i] : bytes == 2 ? ((unsigned short*)data)[i] : ((unsigned*)data)[i];
  }
  __device__ void set(long long i, unsigned value) const {
    if (bytes == 1) ((unsigned char*)data)[i] = value;
    else if (bytes == 2) ((unsigned short*)data)[i] = value;
    else ((unsigned*)data)[i] = value;
  }
};

// maxima[n, oy, ox, c] = max_ij x[n, c, row(oy, i), column(ox, j)] + bias[c], not below 0 if relu is asked for; maxima
// and bias may be null. chosen[n, oy, ox, c] = i · kw + j of the first maximum, and kh · kw, which is nowhere, if relu
// does not let it through. Padding is never chosen; NaN counts as largest, and of several the last. A thread for each
// window.
template <typename T>
__global__ void max_pool(const T* x, Strides strides, Window window, const T* bias, int relu, T* maxima,
                         void* chosen, int bytes, int channels, int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, window.out_height, window.out_width, channels);
  wide<T> best = 0;
  int which = -1;
  for (int i = 0; i < window.kh; i++)
    for (int j = 0; j < window.kw; j++) {
      int row = window.row(at.y, i), column = window.column(at.x, j);
      if (!window.inside(row, column)) continue;
      wide<T> value = x[strides.at(at.n, at.c, row, column)];
      if (bias) value = (T)(value + (wide<T>)bias[at.c]);  // rounded: what is equal then is a tie
      if (which < 0 || value > best || value != value) best = value, which = i * window.kw + j;
    }
  Integers{chosen, bytes}.set(index, relu && best <= 0 ? window.kh * window.kw : max(which, 0));
  if (maxima) maxima[index] = (T)(relu && best < 0 ? 0 : best);
}

// z[n, oy, ox, c] = x[n, c, row(oy, i), column(ox, j)], i · kw + j = chosen[n, c, oy, ox]. A thread for each window.
template <typename T>
__global__ void max_pool_take(const T* x, Strides strides, Window window, void* chosen, int bytes,
                              Strides chosen_strides, T* z, int channels, int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, window.out_height, window.out_width, channels);
  unsigned which = Integers{chosen, bytes}.get(chosen_strides.at(at.n, at.c, at.y, at.x));
  int i = which / window.kw, j = which % window.kw;
  int row = window.row(at.y, i), column = window.column(at.x, j);
  z[index] = i < window.kh && window.inside(row, column) ? x[strides.at(at.n, at.c, row, column)] : (T)0;
}

// z[n, oy, ox, c] = Σ_ij x[n, c, row(oy, i), column(ox, j)]. A thread for each window.
template <typename T>
__global__ void sum_pool(const T* x, Strides strides, Window window, T* z, int channels, int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, window.out_height, window.out_width, channels);
  wide<T> sum = 0;
  for (int i = 0; i < window.kh; i++)
    for (int j = 0; j < window.kw; j++) {
      int row = window.row(at.y, i), column = window.column(at.x, j);
      if (window.inside(row, column)) sum += (wide<T>)x[strides.at(at.n, at.c, row, column)];
    }
  z[index] = (T)sum;
}

// ∂x[n, y, x, c] = Σ g[n, c, oy, ox] over all windows that see it: row(oy, i) = y and column(ox, j) = x. Only over
// those that chose it, i · kw + j, if `chosen` is not null. As a gather: a thread for each element of the images.
template <typename T>
__global__ void pool_backward(const T* g, Strides g_strides, Window window, void* chosen, int bytes,
                              Strides chosen_strides, T* image, int channels, int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, window.height, window.width, channels);
  wide<T> sum = 0;
  for (int i = 0; i < window.kh; i++)
    for (int j = 0; j < window.kw; j++) {
      int oy = window.output_row(at.y, i), ox = window.output_column(at.x, j);
      if (oy < 0 || ox < 0) continue;
      if (chosen && Integers{chosen, bytes}.get(chosen_strides.at(at.n, at.c, oy, ox)) != i * window.kw + j) continue;
      sum += (wide<T>)g[g_strides.at(at.n, at.c, oy, ox)];
    }
  image[index] = (T)sum;
}
