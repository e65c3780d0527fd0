// What all kernels share. A kernel is a template over T: float, double, __half, or, where it moves
// and compares alone, long long.
#include <cuda_fp16.h>

// The type to compute in: a sum of halves would lose count at 2,048.
template <typename T> struct Wide { typedef T type; };
template <> struct Wide<__half> { typedef float type; };
template <typename T> using wide = typename Wide<T>::type;

// The place of a thread among all, along the first dimension of blocks and grid.
__device__ inline int thread_index() {
  return blockIdx.x * blockDim.x + threadIdx.x;
}
