// Activations and their derivatives: a thread for each element, in whatever order memory is in.

enum Activation { LEAKY_RELU = 0, ELU = 1, SILU = 2, HARDSWISH = 3, GELU = 4, GELU_BY_TANH = 5 };

template <typename R> __device__ R sigmoid(R x) { return 1 / (1 + exp(-x)); }

// Φ(x), the chance of less than x in a normal distribution.
template <typename R> __device__ R normal_cdf(R x) { return erfc(x * (R)-0.7071067811865476) / 2; }

// f(x), with the one or two parameters that it may have.
template <typename R> __device__ R activation(int which, R x, R a, R b) {
  switch (which) {
    case LEAKY_RELU: return x > 0 ? x : a * x;
    case ELU: return b * (x > 0 ? x : a * expm1(x));
    case SILU: return x * sigmoid(x);
    case HARDSWISH: return x * (x <= -3 ? 0 : x >= 3 ? 6 : x + 3) / 6;
    case GELU: return x * normal_cdf(x);
    default: return x * sigmoid(x * (a + a * b * x * x));
  }
}

// f′(x).
template <typename R> __device__ R derivative(int which, R x, R a, R b) {
  switch (which) {
    case LEAKY_RELU: return x > 0 ? 1 : a;
    case ELU: return b * (x > 0 ? 1 : a * exp(x));
    case SILU: {
      R s = sigmoid(x);
      return s * (1 + x * (1 - s));
    }
    case HARDSWISH: return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
    case GELU: return normal_cdf(x) + x * exp(x * x / -2) * (R)0.3989422804014327;  // 1 / √(2π)
    default: {
      R cubic = a * b * x * x, s = sigmoid(x * (a + cubic));
      return s + x * s * (1 - s) * (a + 3 * cubic);
    }
  }
}

// z = f(x), (n,).
template <typename T>
__global__ void activate(const T* x, T* z, int which, double a, double b, int n) {
  int i = thread_index();
  if (i < n) z[i] = activation<wide<T>>(which, x[i], a, b);
}

// ∂x = g · f′(x), (n,).
template <typename T>
__global__ void activate_gradient(const T* g, const T* x, T* dx, int which, double a, double b, int n) {
  int i = thread_index();
  if (i < n) dx[i] = (wide<T>)g[i] * derivative<wide<T>>(which, x[i], a, b);
}
