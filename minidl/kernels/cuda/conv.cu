// Convolution: columns for matrix products (im2col) and back (col2im), depthwise convolution, bias and relu.
#include "window.cuh"

// What the window sees, as columns (groups, images, out_height, out_width, kh, kw, channels of a group), 0 beyond the
// image. A thread copies one element of them.
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

// The adjoint of im2col, as a gather: a thread adds up what all windows saw of one element (n, y, x, c) of the images.
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

// A thread computes one output (n, oy, ox, o); the weights are (outputs, kh, kw).
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

// The gradient of the images, as a gather: a thread computes that of one element (n, y, x, c).
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

// The gradient of the weights in parts (parts, kh, kw, outputs): a thread sums that of one weight over one run of
// `length` of all places, of which there are `places`, counted (n, oy, ox).
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

// Adds a bias to each channel, if there is one, then relu, if asked for. A thread changes one element of (…, channels).
template <typename T>
__global__ void bias_relu(T* z, const T* bias, int relu, int channels, int n) {
  int index = thread_index();
  if (index >= n) return;
  wide<T> value = z[index];
  if (bias) value += (wide<T>)bias[index % channels];
  z[index] = (T)(relu && value < 0 ? 0 : value);
}

// The gradient g of relu where its result z is not 0. A thread copies one element (n, y, x, c).
template <typename T>
__global__ void relu_gradient(const T* g, Strides strides, const T* z, T* dy, int height, int width, int channels,
                              int n) {
  int index = thread_index();
  if (index >= n) return;
  Element at(index, height, width, channels);
  dy[index] = (wide<T>)z[index] != 0 ? g[strides.at(at.n, at.c, at.y, at.x)] : (T)0;
}
