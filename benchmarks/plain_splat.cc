// A straightforward tiled splat on one thread, forward only: what the rasteriser is measured against.
//
// Sort by depth, bin into 16-pixel tiles, composite front to back until less than 1e-4 of the light is left.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

constexpr int kTile = 16;

extern "C" void PlainSplat(int64_t points, int64_t channels, int height, int width, const float* means2d,
                           const float* depths, float radius, const float* features, float* image) {
  std::vector<int32_t> order(points);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return depths[a] < depths[b]; });
  const int rows = (height + kTile - 1) / kTile, cols = (width + kTile - 1) / kTile;
  std::vector<std::vector<int32_t>> tiles(rows * cols);
  for (const int32_t point : order) {
    const float x = means2d[2 * point], y = means2d[2 * point + 1];
    const int left = std::max(0, static_cast<int>(std::floor((x - radius) / kTile)));
    const int right = std::min(cols - 1, static_cast<int>(std::floor((x + radius) / kTile)));
    const int top = std::max(0, static_cast<int>(std::floor((y - radius) / kTile)));
    const int bottom = std::min(rows - 1, static_cast<int>(std::floor((y + radius) / kTile)));
    for (int row = top; row <= bottom; ++row)
      for (int col = left; col <= right; ++col) tiles[row * cols + col].push_back(point);
  }
  const float square = radius * radius;
  std::vector<float> colour(kTile * kTile * channels), transmittance(kTile * kTile);
  for (int tile = 0; tile < rows * cols; ++tile) {
    const int first_row = tile / cols * kTile, first_col = tile % cols * kTile;
    const int last_row = std::min(first_row + kTile, height), last_col = std::min(first_col + kTile, width);
    std::fill(colour.begin(), colour.end(), 0.0f);
    std::fill(transmittance.begin(), transmittance.end(), 1.0f);
    int unfinished = (last_row - first_row) * (last_col - first_col);
    for (const int32_t point : tiles[tile]) {
      if (!unfinished) break;
      const float x = means2d[2 * point], y = means2d[2 * point + 1];
      const int top = std::max(first_row, static_cast<int>(y - radius));
      const int left = std::max(first_col, static_cast<int>(x - radius));
      const int bottom = std::min(last_row - 1, static_cast<int>(y + radius));
      const int right = std::min(last_col - 1, static_cast<int>(x + radius));
      for (int row = top; row <= bottom; ++row) {
        for (int col = left; col <= right; ++col) {
          const int pixel = (row - first_row) * kTile + col - first_col;
          const float dx = col + 0.5f - x, dy = row + 0.5f - y, squared = dx * dx + dy * dy;
          if (squared >= square || transmittance[pixel] < 1e-4f) continue;
          const float alpha = 1.0f - squared / square, weight = alpha * transmittance[pixel];
          const float* const feature = features + point * channels;
          for (int64_t c = 0; c < channels; ++c) colour[pixel * channels + c] += weight * feature[c];
          transmittance[pixel] *= 1.0f - alpha;
          if (transmittance[pixel] < 1e-4f) --unfinished;
        }
      }
    }
    for (int row = first_row; row < last_row; ++row)
      std::copy_n(&colour[(row - first_row) * kTile * channels], (last_col - first_col) * channels,
                  image + (int64_t{row} * width + first_col) * channels);
  }
}
