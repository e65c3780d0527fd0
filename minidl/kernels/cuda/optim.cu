// Optimizers: one launch updates many parameters.
//
// A block updates one chunk of one tensor, thread t of it the elements t, t + blockDim.x, …; the table says which block
// works on which tensor.

constexpr int CHUNK = 1024;  // elements for a block
constexpr int ROWS = 80;     // of a table, which comes by value: arguments have 4 KB

// A tensor: parameter, gradient, up to three arrays of its state, and the first block that works on it.
template <typename T>
struct Row {
  T* p;
  const T* g;
  T *first, *second, *third;
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

// The gradient of an element, with weight decay: g + decay · p.
template <typename T>
__device__ wide<T> decayed(const Row<T>& row, int i, wide<T> decay) {
  wide<T> g = row.g[i];
  return decay != 0 ? g + decay * (wide<T>)row.p[i] : g;
}

// v = momentum · v + (1 − dampening) · d, with d = g + decay · p; p −= lr · v, or lr · (d + momentum · v) in Nesterov's
// form. A `fresh` v is d. Without momentum p −= lr · d, and no v is kept.
template <typename T>
__global__ void sgd(Table<T> table, double lr, double momentum, double dampening, double decay, int nesterov,
                    int fresh) {
  typedef wide<T> R;
  R rate = lr, keep = momentum, take = 1 - dampening, pull = decay;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = decayed(row, i, pull);
    if (keep != 0) {
      R v = fresh ? d : keep * (R)row.first[i] + take * d;
      row.first[i] = (T)v;
      d = nesterov ? d + keep * v : v;
    }
    row.p[i] = (T)(p - rate * d);
  });
}

// A running mean, which keeps this share of itself, moved to x.
template <typename T>
__device__ wide<T> averaged(T& mean, wide<T> x, wide<T> keep, wide<T> take) {
  wide<T> moved = keep * (wide<T>)mean + take * x;
  mean = (T)moved;
  return moved;
}

// The larger of two numbers; NaN if one of them is.
template <typename R>
__device__ R larger(R a, R b) {
  return a > b || a != a ? a : b;
}

// m = β₁ · m + (1 − β₁) · d and v = β₂ · v + (1 − β₂) · d², with d = g + decay · p; p = shrink · p − lr · m / (√v + eps),
// with amsgrad by the largest v so far. lr and eps come corrected for the start of m and v, in `first` and `second`, at 0.
template <typename T>
__global__ void adam(Table<T> table, double lr, double eps, double beta1, double beta2, double decay, double shrink,
                     int amsgrad) {
  typedef wide<T> R;
  R rate = lr, least = eps, keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2, pull = decay,
    left = shrink;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = decayed(row, i, pull);
    R m = averaged(row.first[i], d, keep1, take1), v = averaged(row.second[i], d * d, keep2, take2);
    if (amsgrad) row.third[i] = (T)(v = larger<R>(v, (R)row.third[i]));
    row.p[i] = (T)(left * p - rate * m / (sqrt(v) + least));
  });
}

// m and v as in `adam`, and p = shrink · p − (by_gradient · d + by_mean · m) / (√v + eps).
template <typename T>
__global__ void nadam(Table<T> table, double by_gradient, double by_mean, double eps, double beta1, double beta2,
                      double decay, double shrink) {
  typedef wide<T> R;
  R a = by_gradient, b = by_mean, least = eps, keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2,
    pull = decay, left = shrink;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = decayed(row, i, pull);
    R m = averaged(row.first[i], d, keep1, take1), v = averaged(row.second[i], d * d, keep2, take2);
    row.p[i] = (T)(left * p - (a * d + b * m) / (sqrt(v) + least));
  });
}

// m as in `adam`, u = max(β₂ · u, |d| + eps), and p −= lr · m / u.
template <typename T>
__global__ void adamax(Table<T> table, double lr, double eps, double beta1, double beta2, double decay) {
  typedef wide<T> R;
  R rate = lr, least = eps, keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, pull = decay;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = decayed(row, i, pull);
    R m = averaged(row.first[i], d, keep1, take1), u = larger<R>(fabs(d) + least, keep2 * (R)row.second[i]);
    row.second[i] = (T)u;
    row.p[i] = (T)(p - rate * m / u);
  });
}

// v = α · v + (1 − α) · d², with d = g + decay · p, and p −= lr · d / (√v + eps). A `centered` v is less m², with
// m = α · m + (1 − α) · d, in `third`; by momentum p −= lr · b, with b = momentum · b + d / (√v + eps), in `second`.
template <typename T>
__global__ void rmsprop(Table<T> table, double lr, double alpha, double eps, double decay, double momentum,
                        int centered) {
  typedef wide<T> R;
  R rate = lr, keep = alpha, take = 1 - alpha, least = eps, pull = decay, push = momentum;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = decayed(row, i, pull), v = averaged(row.first[i], d * d, keep, take);
    if (centered) {
      R m = averaged(row.third[i], d, keep, take);
      v = larger<R>(v - m * m, 0);
    }
    d /= sqrt(v) + least;
    if (push != 0) row.second[i] = (T)(d = push * (R)row.second[i] + d);
    row.p[i] = (T)(p - rate * d);
  });
}

// s += d², with d = g + decay · p, and p −= lr · d / (√s + eps).
template <typename T>
__global__ void adagrad(Table<T> table, double lr, double eps, double decay) {
  typedef wide<T> R;
  R rate = lr, least = eps, pull = decay;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = decayed(row, i, pull), s = (R)row.first[i] + d * d;
    row.first[i] = (T)s;
    row.p[i] = (T)(p - rate * d / (sqrt(s) + least));
  });
}

// v = ρ · v + (1 − ρ) · d², with d = g + decay · p; p −= lr · Δ, with Δ = √(u + eps) / √(v + eps) · d, and then
// u = ρ · u + (1 − ρ) · Δ².
template <typename T>
__global__ void adadelta(Table<T> table, double lr, double rho, double eps, double decay) {
  typedef wide<T> R;
  R rate = lr, keep = rho, take = 1 - rho, least = eps, pull = decay;
  each(table, [=](const Row<T>& row, int i) {
    R p = row.p[i], d = decayed(row, i, pull), v = averaged(row.first[i], d * d, keep, take);
    R step = sqrt((R)row.second[i] + least) / sqrt(v + least) * d;
    averaged(row.second[i], step * step, keep, take);
    row.p[i] = (T)(p - rate * step);
  });
}
