// Sums over the rows of a matrix (rows, columns), in parts first, so that a tall matrix gives work to many blocks.
//
// A thread (x, y) of a block sums one column, blockIdx.x · blockDim.x + x, over every blockDim.y-th row of its part;
// then the sums of the threads with this x are put together.
#include "sums.cuh"

template <typename T>
__device__ wide<T> rows_sum(const T* matrix, int first, int last, int columns) {
  int column = thread_index();
  wide<T> sum = 0;
  if (column < columns)
    for (int row = first + threadIdx.y; row < last; row += blockDim.y)
      sum += (wide<T>)matrix[(size_t)row * columns + column];
  return column_sum(sum);
}

// sums[part, column] = Σ matrix[row, column] over the rows of a part, a run of `height`; blockIdx.y is the part.
template <typename T>
__global__ void part_sums(const T* matrix, wide<T>* sums, int rows, int columns, int height) {
  int column = thread_index(), first = blockIdx.y * height;
  wide<T> sum = rows_sum(matrix, first, min(first + height, rows), columns);
  if (threadIdx.y == 0 && column < columns) sums[(size_t)blockIdx.y * columns + column] = sum;
}

// sums[column] = Σ parts[row, column] over all rows.
template <typename T>
__global__ void whole_sums(const wide<T>* parts, T* sums, int rows, int columns) {
  int column = thread_index();
  wide<T> sum = rows_sum(parts, 0, rows, columns);
  if (threadIdx.y == 0 && column < columns) sums[column] = sum;
}

// sums[column] = Σ matrix[row, column] over all rows: both at once, where there are few.
template <typename T>
__global__ void short_sums(const T* matrix, T* sums, int rows, int columns) {
  int column = thread_index();
  wide<T> sum = rows_sum(matrix, 0, rows, columns);
  if (threadIdx.y == 0 && column < columns) sums[column] = sum;
}
