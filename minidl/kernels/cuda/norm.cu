// Batch normalisation of a matrix (rows, columns): images in memory that is channels last, a column for each channel.
//
// Everywhere a thread (x, y) of a block works on one column, blockIdx.x · blockDim.x + x, and on every blockDim.y-th
// row of the part blockIdx.y, a run of `height` rows. What the parts sum is put together by a second kernel, in double.
#include "sums.cuh"

// mean = Σ x / n and M2 = Σ (x − mean)² of each part, (parts, columns): in two passes, since Σ x² − n · mean² is all
// rounding where means are large. Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", 1.7.
template <typename T>
__global__ void part_moments(const T* x, double* part_mean, double* part_m2, int rows, int columns, int height) {
  int column = thread_index(), first = blockIdx.y * height, last = min(first + height, rows), n = last - first;
  wide<T> sum = 0, off = 0, m2 = 0;
  if (column < columns)
    for (int row = first + threadIdx.y; row < last; row += blockDim.y) sum += (wide<T>)x[row * columns + column];
  wide<T> mean = column_sum(sum) / n;
  if (column < columns)
    for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
      wide<T> apart = (wide<T>)x[row * columns + column] - mean;
      off += apart;
      m2 += apart * apart;
    }
  off = column_sum(off) / n;  // what rounding left of the mean
  m2 = column_sum(m2) - n * off * off;
  if (threadIdx.y == 0 && column < columns) {
    part_mean[blockIdx.y * columns + column] = (double)mean + off;
    part_m2[blockIdx.y * columns + column] = m2;
  }
}

// mean = Σ_p n_p · mean_p / n, var = Σ_p (M2_p + n_p · (mean_p − mean)²) / n and rstd = 1 / √(var + eps), (columns,),
// from parts p of n_p rows: 1.5 of the same, for many parts. The batch's mean and variance are these, rounded.
template <typename T>
__global__ void whole_moments(const double* part_mean, const double* part_m2, T* batch_mean, T* batch_var,
                              double* mean, double* rstd, int rows, int columns, int height, double eps) {
  int column = thread_index(), parts = (rows + height - 1) / height;
  double sum = 0, m2 = 0;
  if (column < columns)
    for (int part = threadIdx.y; part < parts; part += blockDim.y)
      sum += min(height, rows - part * height) * part_mean[part * columns + column];
  double average = column_sum(sum) / rows;
  if (column < columns)
    for (int part = threadIdx.y; part < parts; part += blockDim.y) {
      double apart = part_mean[part * columns + column] - average;
      m2 += part_m2[part * columns + column] + min(height, rows - part * height) * apart * apart;
    }
  double var = column_sum(m2) / rows;
  if (threadIdx.y == 0 && column < columns) {
    batch_mean[column] = mean[column] = average;
    batch_var[column] = var;
    rstd[column] = 1 / sqrt(var + eps);
  }
}

// (x − mean) · rstd · weight + bias of a channel as scale · (x − centre) + shift: the centre is the mean as R holds it.
template <typename R> struct Channel {
  R centre, scale, shift;
  double rest;  // of the mean

  template <typename T>
  __device__ Channel(const double* mean, const double* rstd, const T* weight, const T* bias, int column) {
    double slope = weight ? rstd[column] * (double)(R)weight[column] : rstd[column];
    centre = mean[column];
    rest = mean[column] - centre;
    scale = slope;
    shift = (bias ? (double)(R)bias[column] : 0) - slope * rest;
  }

  template <typename T> __device__ T of(T x) const { return fma(scale, (R)x - centre, shift); }
};

// z = (x − mean) · rstd · weight + bias, of x (rows, columns); then max(z, 0), if relu is asked for.
template <typename T>
__global__ void normalize(const T* x, const T* weight, const T* bias, const double* mean, const double* rstd, T* z,
                          int rows, int columns, int height, int relu) {
  int column = thread_index(), first = blockIdx.y * height, last = min(first + height, rows);
  if (column >= columns) return;
  Channel<wide<T>> channel(mean, rstd, weight, bias, column);
  for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
    T value = channel.of(x[row * columns + column]);
    z[row * columns + column] = relu && (wide<T>)value < 0 ? (T)0 : value;
  }
}

// g where relu let x through, or where it is NaN; else 0.
template <typename T> __device__ wide<T> relu_gradient(T g, T x, const Channel<wide<T>>& channel, int relu) {
  return relu && (wide<T>)channel.of(x) <= 0 ? 0 : (wide<T>)g;
}

// Σ g and Σ g · (x − centre) of each part, (parts, columns); here and below g is 0 where relu gave 0.
template <typename T>
__global__ void part_gradients(const T* g, const T* x, const T* weight, const T* bias, const double* mean,
                               const double* rstd, double* part_sum_g, double* part_sum_gx, int rows, int columns,
                               int height, int relu) {
  int column = thread_index(), first = blockIdx.y * height, last = min(first + height, rows);
  wide<T> sum_g = 0, sum_gx = 0;
  if (column < columns) {
    Channel<wide<T>> channel(mean, rstd, weight, bias, column);
    for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
      T value = x[row * columns + column];
      wide<T> kept = relu_gradient(g[row * columns + column], value, channel, relu);
      sum_g += kept;
      sum_gx += kept * ((wide<T>)value - channel.centre);
    }
  }
  sum_g = column_sum(sum_g);
  sum_gx = column_sum(sum_gx);
  if (threadIdx.y == 0 && column < columns) {
    part_sum_g[blockIdx.y * columns + column] = sum_g;
    part_sum_gx[blockIdx.y * columns + column] = sum_gx;
  }
}

// ∂weight = Σ g · x̂ and ∂bias = Σ g, (columns,), with x̂ = (x − mean) · rstd; both in double, too.
template <typename T>
__global__ void whole_gradients(const double* part_sum_g, const double* part_sum_gx, const double* mean,
                                const double* rstd, T* dweight, T* dbias, double* sum_g, double* sum_g_xhat,
                                int columns, int parts) {
  int column = thread_index();
  double g = 0, gx = 0;
  if (column < columns)
    for (int part = threadIdx.y; part < parts; part += blockDim.y) {
      g += part_sum_g[part * columns + column];
      gx += part_sum_gx[part * columns + column];
    }
  g = column_sum(g);
  gx = column_sum(gx);
  if (threadIdx.y == 0 && column < columns) {
    double rest = mean[column] - (wide<T>)mean[column];
    dbias[column] = sum_g[column] = g;
    dweight[column] = sum_g_xhat[column] = rstd[column] * (gx - rest * g);
  }
}

// ∂x = weight · rstd · (g − Σ g / n − x̂ · Σ g · x̂ / n), (rows, columns): scale · g + slope · (x − centre) + offset.
template <typename T>
__global__ void input_gradient(const T* g, const T* x, const T* weight, const T* bias, const double* mean,
                               const double* rstd, const double* sum_g, const double* sum_g_xhat, T* dx, int rows,
                               int columns, int height, int relu) {
  int column = thread_index(), first = blockIdx.y * height, last = min(first + height, rows);
  if (column >= columns) return;
  Channel<wide<T>> channel(mean, rstd, weight, bias, column);
  double steep = -rstd[column] * sum_g_xhat[column] / rows;
  wide<T> slope = channel.scale * steep, offset = -channel.scale * (sum_g[column] / rows + steep * channel.rest);
  for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
    T value = x[row * columns + column];
    wide<T> kept = relu_gradient(g[row * columns + column], value, channel, relu);
    dx[row * columns + column] = channel.scale * kept + slope * ((wide<T>)value - channel.centre) + offset;
  }
}

// running += share · (batch − running), for the mean and for the variance · unbiased, (n,): a thread for each channel.
template <typename T>
__global__ void move_running(T* running_mean, T* running_var, const T* mean, const T* var, double share,
                             double unbiased, int n) {
  int i = thread_index();
  if (i >= n) return;
  wide<T> stay = 1 - share, come = share, factor = unbiased;
  running_mean[i] = (wide<T>)running_mean[i] * stay + (wide<T>)mean[i] * come;
  running_var[i] = (wide<T>)running_var[i] * stay + (wide<T>)var[i] * factor * come;
}
