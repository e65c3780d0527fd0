// Philox4x64-10: a counter-based stream. Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3".
//
// Word 4·b + i of the stream is the i-th of the four that ten rounds make of the counter plus b, under a key: each is
// found without those before it. A word gives two float32 numbers, its lower half the first. A thread makes the eight
// numbers of one block of words: thread b those of the counter plus b.

// Where a stream stands, as NumPy keeps it.
struct Stream {
  unsigned long long counter[4], key[2];  // 256 and 128 bits, the lowest first; the block of this counter is begun,
  int used;                               // so many of its four words are used,
  int has_half;                           // and the upper half of the last word may be waiting to be the next number
  unsigned half;
};

struct Words { unsigned long long word[4]; };

// The upper 64 bits of a product, from the products of halves; none of the sums overflows.
__device__ inline unsigned long long upper_product(unsigned long long a, unsigned long long b) {
  unsigned long long a0 = (unsigned)a, a1 = a >> 32, b0 = (unsigned)b, b1 = b >> 32;
  unsigned long long left = a1 * b0 + (a0 * b0 >> 32), right = a0 * b1 + (unsigned)left;
  return a1 * b1 + (left >> 32) + (right >> 32);
}

// The block of four words of a stream's counter plus `b`.
__device__ inline Words philox(const Stream& stream, unsigned b) {
  Words c;
  unsigned long long carry = b;
  for (int i = 0; i < 4; i++) {
    c.word[i] = stream.counter[i] + carry;
    carry = c.word[i] < carry;
  }
  unsigned long long key0 = stream.key[0], key1 = stream.key[1];
  for (int round = 0; round < 10; round++) {
    const unsigned long long m0 = 0xD2E7470EE14C6C93, m1 = 0xCA5A826395121157;
    c = {upper_product(m1, c.word[2]) ^ c.word[1] ^ key0, m1 * c.word[2],
         upper_product(m0, c.word[0]) ^ c.word[3] ^ key1, m0 * c.word[0]};
    key0 += 0x9E3779B97F4A7C15;  // Weyl sequences: the golden ratio, and √3 − 1
    key1 += 0xBB67AE8584CAA73B;
  }
  return c;
}

// The upper 24 of 32 bits as a number in [0, 1).
__device__ inline float uniform(unsigned bits) { return (bits >> 8) * (1.0f / 16777216.0f); }

// Calls ``give(i, u)`` for those of the next n numbers of a stream that this thread makes: the i-th is u.
template <typename Give>
__device__ void draw(const Stream& stream, int n, Give give) {
  unsigned b = thread_index();
  long long first = 8ll * b - 2 * stream.used + stream.has_half;  // the number of the first half in this block
  if (b == 0 && stream.has_half) give(0, uniform(stream.half));
  Words words = philox(stream, b);
  for (int half = 0; half < 8; half++) {
    long long i = first + half;
    if (stream.has_half <= i && i < n) give(i, uniform((unsigned)(words.word[half / 2] >> half % 2 * 32)));
  }
}

// A number of [0, 1) in T, which must not become 1: of 24 bits, half has room for the upper 11.
template <typename T>
__device__ inline T below_one(float u) { return (T)(sizeof(T) == 2 ? floorf(u * 2048.0f) / 2048.0f : u); }

// x[i] = u_i, the stream's i-th number from here, (n,).
template <typename T>
__global__ void fill_uniform(T* x, Stream stream, int n) {
  draw(stream, n, [=](int i, float u) { x[i] = below_one<T>(u); });
}

// x[i] = scale · [u_i ≥ p], (n,).
template <typename T>
__global__ void dropout_mask(T* x, Stream stream, double p, double scale, int n) {
  float least = (float)p;
  T kept = (T)scale;
  draw(stream, n, [=](int i, float u) { x[i] = u >= least ? kept : (T)0.0f; });
}
