// Sums over the threads of a block.

// The sum of `value` over the threads of a block of whole warps, in every thread. Always in the same order.
template <typename R> __device__ R block_sum(R value) {
  __shared__ R warps[32];
  for (int step = 16; step; step /= 2) value += __shfl_xor_sync(0xffffffff, value, step);
  __syncthreads();  // whoever still reads the sums of the time before
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  value = 0;
  for (int warp = 0; warp < blockDim.x / 32; warp++) value += warps[warp];
  return value;
}

// The sum of `value` over the threads of one threadIdx.x in a block of two dimensions and at most 256 threads, in each
// of them. Always in the same order.
template <typename R> __device__ R column_sum(R value) {
  __shared__ R sums[256];
  __syncthreads();  // whoever still reads the sums of the time before
  sums[threadIdx.y * blockDim.x + threadIdx.x] = value;
  __syncthreads();
  value = 0;
  for (int y = 0; y < blockDim.y; y++) value += sums[y * blockDim.x + threadIdx.x];
  return value;
}
