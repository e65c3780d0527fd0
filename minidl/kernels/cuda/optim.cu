// Optimizers: one launch updates many parameters.
//
// A block updates one chunk of one tensor, thread t of it the elements t, t + blockDim.x, …; the table says which block
// works on which tensor.

constexpr int CHUNK = 1024;  // elements for a block
constexpr int ROWS = 96;     // of a table, which comes by value: arguments have 4 KB

// A tensor: parameter, gradient, up to two arrays of its state, and the first block that works on it.
template <typename T>
struct Row {
  T* p;
  const T* g;
  T *first, *second;
  int size, block;
};

template <typename T>
struct Table {
  Row<T> row[ROWS];
  int rows;
};

// Calls ``update(row, i)`` for each element i that this thread is to update, of the tensor in a row of the table.
template <typename T, typename Update>
__device__ void each(const Table<T>& table, Update update) {
  int k = 0;
  while (k + 1 < table.rows && table.row[k + 1].block <= blockIdx.x) k++;
  int start = (blockIdx.x - table.row[k].block) * CHUNK, n = min(CHUNK, table.row[k].size - start);
  for (int i = threadIdx.x; i < n; i += blockDim.x) update(table.row[k], start + i);
}

// v = momentum · v + (1 − dampening) · d, with d = g + decay · p; p −= lr · v, or lr · (d + momentum · v) in Nesterov's
// form. A `fresh` v is d. Without momentum p −= lr · d, and no v is kept.
template <typename T>
__global__ void sgd(Table<T> table, double lr, double momentum, double dampening, double decay, int nesterov,
                    int fresh) {
  typedef wide<T> R;
  R rate = lr, keep = momentum, take = 1 - dampening, shrink = decay;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = (R)row.g[i] + shrink * p;
    if (keep != 0) {
      R v = fresh ? d : keep * (R)row.first[i] + take * d;
      row.first[i] = (T)v;
      d = nesterov ? d + keep * v : v;
    }
    row.p[i] = (T)(p - rate * d);
  });
}

// m = β₁ · m + (1 − β₁) · d and v = β₂ · v + (1 − β₂) · d², with d = g + decay · p; p −= lr · m / (√v + eps). lr and
// eps come corrected for the start of m, in `first`, and v, in `second`, at 0.
template <typename T>
__global__ void adam(Table<T> table, double lr, double eps, double beta1, double beta2, double decay) {
  typedef wide<T> R;
  R rate = lr, least = eps, keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2, shrink = decay;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = (R)row.g[i] + shrink * p;
    R m = keep1 * (R)row.first[i] + take1 * d, v = keep2 * (R)row.second[i] + take2 * d * d;
    row.first[i] = (T)m;
    row.second[i] = (T)v;
    row.p[i] = (T)(p - rate * m / (sqrt(v) + least));
  });
}
