// Windows that slide over images (N, C, H, W): see minidl/ops/window.py.

// How many elements apart in memory the neighbours along each dimension of images lie.
struct Strides {
  long long n, c, y, x;

  __device__ long long at(int image, int channel, int row, int column) const {
    return image * n + channel * c + row * y + column * x;
  }
};

// Images of height × width, seen from out_height × out_width places through a window of kh × kw elements, which are
// dilation_y and dilation_x apart. It moves by stride_y and stride_x; the first place is `top` rows above and `left`
// columns before the image.
struct Window {
  int height, width, out_height, out_width, kh, kw, stride_y, stride_x, top, left, dilation_y, dilation_x;

  // What element (i, j) of the window sees from place (oy, ox): a row and a column of the image.
  __device__ int row(int oy, int i) const { return oy * stride_y - top + i * dilation_y; }
  __device__ int column(int ox, int j) const { return ox * stride_x - left + j * dilation_x; }
  __device__ bool inside(int y, int x) const { return 0 <= y && y < height && 0 <= x && x < width; }

  // The inverse: from which oy element i of the window sees row y, and from which ox element j sees column x; negative
  // if from none.
  __device__ int output_row(int y, int i) const { return place(y + top - i * dilation_y, stride_y, out_height); }
  __device__ int output_column(int x, int j) const { return place(x + left - j * dilation_x, stride_x, out_width); }
  __device__ static int place(int offset, int stride, int places) {
    return offset % stride == 0 && offset / stride < places ? offset / stride : -1;
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
