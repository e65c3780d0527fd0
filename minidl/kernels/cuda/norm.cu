// Batch normalisation of a matrix (rows, columns): images in memory that is channels last, a column for each channel.
//
// Everywhere a thread (x, y) of a block works on one column, blockIdx.x · blockDim.x + x, and on every blockDim.y-th
// row of the part blockIdx.y, a run of `height` rows. What the parts sum is put together by a second kernel, in double.
#include "sums.cuh"

// The mean of a part, and Σ (x − mean)²: in two passes over it, since Σ x² − n · mean² is all rounding where means are
// large. Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", eq. 1.7.
template <typename T>
__global__ void part_moments(const T* x, double* means, double* squares, int rows, int columns, int height) {
  int column = thread_index(), first = blockIdx.y * height, last = min(first + height, rows), n = last - first;
  wide<T> sum = 0, off = 0, square = 0;
  if (column < columns)
    for (int row = first + threadIdx.y; row < last; row += blockDim.y) sum += (wide<T>)x[row * columns + column];
  wide<T> mean = column_sum(sum) / n;
  if (column < columns)
    for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
      wide<T> apart = (wide<T>)x[row * columns + column] - mean;
      off += apart;
      square += apart * apart;
    }
  off = column_sum(off) / n;  // what rounding left of the mean
  square = column_sum(square) - n * off * off;
  if (threadIdx.y == 0 && column < columns) {
    means[blockIdx.y * columns + column] = (double)mean + off;
    squares[blockIdx.y * columns + column] = square;
  }
}

// The mean and the biased variance of each column, and 1 / √(variance + eps). Eq. 1.5 of the same, for many parts.
template <typename T>
__global__ void whole_moments(const double* means, const double* squares, T* mean, T* var, double* centre,
                              double* inverse, int rows, int columns, int height, double eps) {
  int column = thread_index(), parts = (rows + height - 1) / height;
  double sum = 0, square = 0;
  if (column < columns)
    for (int part = threadIdx.y; part < parts; part += blockDim.y)
      sum += min(height, rows - part * height) * means[part * columns + column];
  sum = column_sum(sum) / rows;
  if (column < columns)
    for (int part = threadIdx.y; part < parts; part += blockDim.y) {
      double apart = means[part * columns + column] - sum;
      square += squares[part * columns + column] + min(height, rows - part * height) * apart * apart;
    }
  square = column_sum(square) / rows;
  if (threadIdx.y == 0 && column < columns) {
    mean[column] = centre[column] = sum;
    var[column] = square;
    inverse[column] = 1 / sqrt(square + eps);
  }
}

// What becomes of the x of a channel: scale · (x − centre) + shift. The centre is the mean as R can hold it.
template <typename R> struct Channel {
  R centre, scale, shift;
  double rest;  // of the mean

  template <typename T>
  __device__ Channel(const double* mean, const double* inverse, const T* weight, const T* bias, int column) {
    double slope = weight ? inverse[column] * (double)(R)weight[column] : inverse[column];
    centre = mean[column];
    rest = mean[column] - centre;
    scale = slope;
    shift = (bias ? (double)(R)bias[column] : 0) - slope * rest;
  }

  template <typename T> __device__ T of(T x) const { return fma(scale, (R)x - centre, shift); }
};

// Also relu, if asked for.
template <typename T>
__global__ void normalize(const T* x, const T* weight, const T* bias, const double* mean, const double* inverse, T* z,
                          int rows, int columns, int height, int relu) {
  int column = thread_index(), first = blockIdx.y * height, last = min(first + height, rows);
  if (column >= columns) return;
  Channel<wide<T>> channel(mean, inverse, weight, bias, column);
  for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
    T value = channel.of(x[row * columns + column]);
    z[row * columns + column] = relu && (wide<T>)value < 0 ? (T)0 : value;
  }
}

// g where relu let x through, else 0.
template <typename T> __device__ wide<T> relu_gradient(T g, T x, const Channel<wide<T>>& channel, int relu) {
  return relu && !((wide<T>)channel.of(x) > 0) ? 0 : (wide<T>)g;
}

// Σ g and Σ g · (x − centre) of each part.
template <typename T>
__global__ void part_gradients(const T* g, const T* x, const T* weight, const T* bias, const double* mean,
                               const double* inverse, double* sums, double* products, int rows, int columns, int height,
                               int relu) {
  int column = thread_index(), first = blockIdx.y * height, last = min(first + height, rows);
  wide<T> sum = 0, product = 0;
  if (column < columns) {
    Channel<wide<T>> channel(mean, inverse, weight, bias, column);
    for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
      T value = x[row * columns + column];
      wide<T> kept = relu_gradient(g[row * columns + column], value, channel, relu);
      sum += kept;
      product += kept * ((wide<T>)value - channel.centre);
    }
  }
  sum = column_sum(sum);
  product = column_sum(product);
  if (threadIdx.y == 0 && column < columns) {
    sums[blockIdx.y * columns + column] = sum;
    products[blockIdx.y * columns + column] = product;
  }
}

// The gradients of weight and bias: Σ g · x̂, with x̂ = (x − mean) · inverse, and Σ g; both in double too.
template <typename T>
__global__ void whole_gradients(const double* sums, const double* products, const double* mean, const double* inverse,
                                T* dweight, T* dbias, double* total, double* dot, int columns, int parts) {
  int column = thread_index();
  double sum = 0, product = 0;
  if (column < columns)
    for (int part = threadIdx.y; part < parts; part += blockDim.y) {
      sum += sums[part * columns + column];
      product += products[part * columns + column];
    }
  sum = column_sum(sum);
  product = column_sum(product);
  if (threadIdx.y == 0 && column < columns) {
    double rest = mean[column] - (wide<T>)mean[column];
    dbias[column] = total[column] = sum;
    dweight[column] = dot[column] = inverse[column] * (product - rest * sum);
  }
}

// scale · (g − mean(g) − x̂ · mean(g · x̂)), by rows: scale · g + slope · (x − centre) + offset.
template <typename T>
__global__ void input_gradient(const T* g, const T* x, const T* weight, const T* bias, const double* mean,
                               const double* inverse, const double* total, const double* dot, T* dx, int rows,
                               int columns, int height, int relu) {
  int column = thread_index(), first = blockIdx.y * height, last = min(first + height, rows);
  if (column >= columns) return;
  Channel<wide<T>> channel(mean, inverse, weight, bias, column);
  double steep = -inverse[column] * dot[column] / rows;
  wide<T> slope = channel.scale * steep, offset = -channel.scale * (total[column] / rows + steep * channel.rest);
  for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
    T value = x[row * columns + column];
    wide<T> kept = relu_gradient(g[row * columns + column], value, channel, relu);
    dx[row * columns + column] = channel.scale * kept + slope * ((wide<T>)value - channel.centre) + offset;
  }
}

// Running statistics moved towards those of a batch, by a share: a thread a channel.
template <typename T>
__global__ void move_running_statistics(T* running_mean, T* running_var, const T* mean, const T* var, double share,
                                        double unbiased, int n) {
  int i = thread_index();
  if (i >= n) return;
  wide<T> stay = 1 - share, come = share, factor = unbiased;
  running_mean[i] = (wide<T>)running_mean[i] * stay + (wide<T>)mean[i] * come;
  running_var[i] = (wide<T>)running_var[i] * stay + (wide<T>)var[i] * factor * come;
}
