// Convolution: columns for matrix products (im2col) and back (col2im), depthwise convolution, bias and relu.
#include "window.cuh"

// columns[group, n, oy, ox, i, j, c] = x[n, group · channels + c, row(oy, i), column(ox, j)], or 0 beyond the image. Of
// the `channels` of a group; a thread for each element of columns.
template <typename T>
__global__ void im2col(const T* x, Strides strides, Window window, T* columns, int images, int channels, int n) {
  int index = thread_index();
  if (index >= n) return;
  int c = index % channels, rest = index / channels;
  int j = rest % window.kw;
  rest /= window.kw;
  int i = rest % window.kh;
  rest /= window.kh;
  int ox = rest % window.out_width;
  rest /= window.out_width;
  int oy = rest % window.out_height;
  rest /= window.out_height;
  int image = rest % images, group = rest / images;
  int row = window.row(oy, i), column = window.column(ox, j);
  bool inside = window.inside(row, column);
  columns[index] = inside ? x[strides.at(image, group * channels + c, row, column)] : (T)0;
}

// image[n, y, x, group · channels + c] = Σ columns[group, n, oy, ox, i, j, c] over all that saw it: row(oy, i) = y and
// column(ox, j) = x. The adjoint of im2col, as a gather: a thread for each element of the images.
template <typename T>
__global__ void col2im(const T* columns, Window window, T* image, int images, int groups, int channels, int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, window.height, window.width, groups * channels);
  int group = at.c / channels, c = at.c % channels;
  wide<T> sum = 0;
  for (int i = 0; i < window.kh; i++) {
    int oy = window.output_row(at.y, i);
    if (oy < 0) continue;
    for (int j = 0; j < window.kw; j++) {
      int ox = window.output_column(at.x, j);
      if (ox < 0) continue;
      size_t place = (((size_t)group * images + at.n) * window.out_height + oy) * window.out_width + ox;
      sum += (wide<T>)columns[((place * window.kh + i) * window.kw + j) * channels + c];
    }
  }
  image[index] = (T)sum;
}

// --- depthwise: channel c is convolved alone, for the outputs c · times, …, (c + 1) · times − 1 ---------------------

// z[n, oy, ox, o] = Σ_ij x[n, o / times, row(oy, i), column(ox, j)] · weights[o, i, j]. A thread for each element of z.
template <typename T>
__global__ void depthwise(const T* x, Strides strides, Window window, const T* weights, T* z, int outputs, int times,
                          int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, window.out_height, window.out_width, outputs);
  wide<T> sum = 0;
  for (int i = 0; i < window.kh; i++)
    for (int j = 0; j < window.kw; j++) {
      int row = window.row(at.y, i), column = window.column(at.x, j);
      if (window.inside(row, column))
        sum += (wide<T>)x[strides.at(at.n, at.c / times, row, column)] *
               (wide<T>)weights[(at.c * window.kh + i) * window.kw + j];
    }
  z[index] = (T)sum;
}

// ∂x[n, y, x, c] = Σ g[n, o, oy, ox] · weights[o, i, j], over the outputs o of c and row(oy, i) = y, column(ox, j) = x.
// As a gather: a thread for each element of the images.
template <typename T>
__global__ void depthwise_input_gradient(const T* g, Strides strides, Window window, const T* weights, T* image,
                                         int channels, int times, int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, window.height, window.width, channels);
  wide<T> sum = 0;
  for (int i = 0; i < window.kh; i++)
    for (int j = 0; j < window.kw; j++) {
      int oy = window.output_row(at.y, i), ox = window.output_column(at.x, j);
      if (oy < 0 || ox < 0) continue;
      for (int o = at.c * times; o < (at.c + 1) * times; o++)
        sum += (wide<T>)g[strides.at(at.n, o, oy, ox)] * (wide<T>)weights[(o * window.kh + i) * window.kw + j];
    }
  image[index] = (T)sum;
}

// ∂weights[o, i, j] = Σ g[n, o, oy, ox] · x[n, o / times, row(oy, i), column(ox, j)] over all places (n, oy, ox): as
// parts[part, i, j, o], each over a run of `length` of the `places`. A thread for each element of the parts.
template <typename T>
__global__ void depthwise_weight_gradient(const T* x, Strides x_strides, const T* g, Strides g_strides, Window window,
                                          wide<T>* parts, int outputs, int times, int length, int places, int n) {
  int index = thread_index();
  if (index >= n) return;
  int o = index % outputs, rest = index / outputs;
  int j = rest % window.kw;
  rest /= window.kw;
  int i = rest % window.kh, first = rest / window.kh * length;
  wide<T> sum = 0;
  for (int place = first; place < min(first + length, places); place++) {
    Element at(place, window.out_height, window.out_width, 1);
    int row = window.row(at.y, i), column = window.column(at.x, j);
    if (window.inside(row, column))
      sum += (wide<T>)x[x_strides.at(at.n, o / times, row, column)] * (wide<T>)g[g_strides.at(at.n, o, at.y, at.x)];
  }
  parts[index] = sum;
}

// --- what comes after -----------------------------------------------------------------------------------------------

// z = max(z + bias, 0) of (…, channels), with no bias where it is null, and no maximum without relu. A thread for each
// element.
template <typename T>
__global__ void bias_relu(T* z, const T* bias, int relu, int channels, int n) {
  int index = thread_index();
  if (index >= n) return;
  wide<T> value = z[index];
  if (bias) value += (wide<T>)bias[index % channels];
  z[index] = (T)(relu && value < 0 ? 0 : value);
}

// ∂y[n, y, x, c] = g[n, c, y, x] · [z ≠ 0], of z = relu(y). A thread for each element.
template <typename T>
__global__ void relu_gradient(const T* g, Strides strides, const T* z, T* dy, int height, int width, int channels,
                              int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, height, width, channels);
  dy[index] = (wide<T>)z[index] != 0 ? g[strides.at(at.n, at.c, at.y, at.x)] : (T)0;
}
