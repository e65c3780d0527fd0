// Taking from and adding to places that an index names. Nothing is added by atomics: each element of a result is summed
// by one thread, which goes over what belongs there in the order of memory, so that the bits are the same each time.
//
// Arrays are seen in three dimensions: (before, size, after) what is indexed, in the middle one, and (before, length,
// after) what is taken from there or put there. An index below 0 counts from the end; what is out of range is left out.

// The place in the middle dimension that an index names.
__device__ inline long long place(long long index, int size) { return index < 0 ? index + size : index; }

// z[a][l][c] = x[a][index[a][l][c]][c], or 0. A thread for each element of z.
template <typename T>
__global__ void take_along(const T* x, const long long* index, T* z, int length, int size, int after, int n) {
  int i = thread_index();
  if (i >= n) return;
  int c = i % after, a = i / after / length;
  long long d = place(index[i], size);
  z[i] = 0 <= d && d < size ? x[(a * size + d) * after + c] : (T)0.0f;
}

// z[a][index[a][l][c]][c] += x[a][l][c], where z is 0. A thread for each element (a, d, c) of z: it reads the `length`
// indices along its line, so that each index is read `size` times.
template <typename T>
__global__ void add_along(const T* x, const long long* index, T* z, int length, int size, int after, int n) {
  int i = thread_index();
  if (i >= n) return;
  int c = i % after, d = i / after % size, a = i / after / size;
  wide<T> sum = 0;
  for (int l = 0; l < length; l++) {
    int source = (a * length + l) * after + c;
    if (place(index[source], size) == d) sum += (wide<T>)x[source];
  }
  z[i] = (T)sum;
}

// z[a][index[a][l][c]][c] = x[a][l][c], the last of those for one place, 0 where there is none. A thread for each
// element (a, d, c) of z: it reads the indices along its line, the last first, until one names its place.
template <typename T>
__global__ void set_along(const T* x, const long long* index, T* z, int length, int size, int after, int n) {
  int i = thread_index();
  if (i >= n) return;
  int c = i % after, d = i / after % size, a = i / after / size;
  T last = (T)0.0f;
  for (int l = length - 1; l >= 0; l--) {
    int source = (a * length + l) * after + c;
    if (place(index[source], size) == d) {
      last = x[source];
      break;
    }
  }
  z[i] = last;
}

// Sources that share a place, as chains: `start` is the place for the first of them, -1 for the others, and `next` is
// for each the one that comes next, n after the last. Four sources in two chains, 0 → 2 → 3 for place 5, and 1:
//   places   5   2   5   5
//   start    5   2  -1  -1
//   next     2   4   3   4
// A thread for each of n sources; T is the type of places. It reads back to the source before it in its chain, and on
// to the one after it, or to the ends: n places if it is alone in its chain. All threads together read n² places if no
// two sources share one, which is the most, and less than 2n for each place that is named.
template <typename T>
__global__ void link(const T* places, int* start, int* next, int size, int n) {
  int j = thread_index();
  if (j >= n) return;
  long long mine = place(places[j], size);
  bool first = 0 <= mine && mine < size;
  for (int i = j - 1; first && i >= 0; i--) first = place(places[i], size) != mine;
  int i = j + 1;
  while (i < n && place(places[i], size) != mine) i++;
  start[j] = first ? mine : -1;
  next[j] = i;
}

// z[a][places[l]][c] += x[a][l][c], along the chains, where z is 0. A thread for each element (a, l, c) of x: where a
// chain starts, it adds up all of it; elsewhere it does nothing.
template <typename T>
__global__ void add_linked(const T* x, const int* start, const int* next, T* z, int length, int size, int after,
                           int n) {
  int i = thread_index();
  if (i >= n) return;
  int c = i % after, l = i / after % length, a = i / after / length, d = start[l];
  if (d < 0) return;
  wide<T> sum = 0;
  for (; l < length; l = next[l]) sum += (wide<T>)x[(a * length + l) * after + c];
  z[(a * size + d) * after + c] = (T)sum;
}
