// Windows that slide over images (N, C, H, W): see minidl/ops/window.py.

// How many elements apart in memory the neighbours along each dimension of images lie.
struct Strides {
  long long n, c, y, x;

  __device__ long long at(int image, int channel, int row, int column) const {
    return image * n + channel * c + row * y + column * x;
  }
};

// Images of height × width, seen from down × across places through a window of kh × kw elements, which are gap_y and
// gap_x apart. It moves by step_y and step_x; the first place is `top` rows above and `left` columns before the image.
struct Window {
  int height, width, down, across, kh, kw, step_y, step_x, top, left, gap_y, gap_x;

  // What element (i, j) of the window sees from place (oy, ox): a row and a column of the image.
  __device__ int row(int oy, int i) const { return oy * step_y - top + i * gap_y; }
  __device__ int column(int ox, int j) const { return ox * step_x - left + j * gap_x; }
  __device__ bool inside(int y, int x) const { return 0 <= y && y < height && 0 <= x && x < width; }

  // The inverse: from which place element i, or j, of the window sees row y, or column x; negative if from none.
  __device__ int place_down(int y, int i) const { return place(y + top - i * gap_y, step_y, down); }
  __device__ int place_across(int x, int j) const { return place(x + left - j * gap_x, step_x, across); }
  __device__ static int place(int way, int step, int places) {
    return way % step == 0 && way / step < places ? way / step : -1;
  }
};

// Where the element number `index` is, of an array (N, height, width, channels).
struct Element {
  int n, y, x, c;

  __device__ Element(int index, int height, int width, int channels) {
    c = index % channels, index /= channels;
    x = index % width, index /= width;
    y = index % height, n = index / height;
  }
};
