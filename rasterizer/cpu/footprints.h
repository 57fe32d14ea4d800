// What a point looks like; the formulas of rasterizer/footprints.py.
//
// A footprint has `kShape` parameters, says whether the point that finishes a pixel is drawn (`kDrawsLast`), visits the
// pixels that it covers with their falloff, turns a falloff into alpha, and sums up gradients of its parameters.
#ifndef RASTERIZER_CPU_FOOTPRINTS_H_
#define RASTERIZER_CPU_FOOTPRINTS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "bins.h"
#include "scene.h"

namespace rasterizer {

// The pixels of one tile.
struct TileBox {
  Span rows, cols;

  TileBox(const Size& size, int tile) {
    const int row = tile / size.cols() * kTile, col = tile % size.cols() * kTile;
    rows = {row, std::min(row + kTile, size.height)};
    cols = {col, std::min(col + kTile, size.width)};
  }
  int pixels() const { return (rows.last - rows.first) * (cols.last - cols.first); }
  int local(int y, int x) const { return (y - rows.first) * kTile + (x - cols.first); }

  template <typename Visit>
  void ForEachPixel(const Visit& visit) const {
    for (int y = rows.first; y < rows.last; ++y)
      for (int x = cols.first; x < cols.last; ++x) visit(y, x, local(y, x));
  }

  // visit(local pixel, dx, dy) for every pixel of the tile in a point's box, with the offset from its mean.
  template <typename Visit>
  void ForEachNear(const Size& size, float x, float y, float extent_x, float extent_y, const Visit& visit) const {
    const Span near_rows = PixelSpan(y, extent_y, size.height), near_cols = PixelSpan(x, extent_x, size.width);
    const int last_row = std::min(near_rows.last, rows.last), last_col = std::min(near_cols.last, cols.last);
    const int first_col = std::max(near_cols.first, cols.first);
    for (int row = std::max(near_rows.first, rows.first); row < last_row; ++row) {
      const float dy = row + 0.5f - y;
      for (int col = first_col; col < last_col; ++col) visit(local(row, col), col + 0.5f - x, dy);
    }
  }
};

struct Disc {
  static constexpr int kShape = 1;
  static constexpr bool kDrawsLast = true;
  float x, y, radius, square, opacity;

  Disc(const Scene& scene, int32_t point)
      : x(scene.means2d[2 * int64_t{point}]),
        y(scene.means2d[2 * int64_t{point} + 1]),
        radius(scene.shapes[point]),
        square(radius * radius),
        opacity(scene.opacities[point]) {}

  // visit(local pixel, 1 - distance^2 / radius^2).
  template <typename Visit>
  void ForEachCovered(const Size& size, const TileBox& box, const Visit& visit) const {
    box.ForEachNear(size, x, y, radius, radius, [&](int pixel, float dx, float dy) {
      const float squared = dx * dx + dy * dy;
      if (squared < square) visit(pixel, 1.0f - squared / square);
    });
  }

  float Alpha(float falloff) const { return opacity * falloff; }

  struct Sums {
    float x = 0, y = 0, square = 0, falloff = 0;

    void Add(const Disc&, float dx, float dy, float at, float d_alpha) {
      x += d_alpha * dx;
      y += d_alpha * dy;
      square += d_alpha * (dx * dx + dy * dy);
      falloff += d_alpha * at;
    }
    // Mean x, mean y, radius, opacity.
    void Write(const Disc& disc, float* gradient) const {
      const float slope = 2.0f * disc.opacity / disc.square;
      gradient[0] = slope * x;
      gradient[1] = slope * y;
      gradient[2] = slope * square / disc.radius;
      gradient[3] = falloff;
    }
  };
};

struct Gaussian {
  static constexpr int kShape = 3;
  static constexpr bool kDrawsLast = false;
  static constexpr float kMinAlpha = 1.0f / 255.0f, kMaxAlpha = 0.99f;
  float x, y, extent_x, extent_y, a, b, c, opacity, least_power;

  Gaussian(const Scene& scene, int32_t point)
      : x(scene.means2d[2 * int64_t{point}]),
        y(scene.means2d[2 * int64_t{point} + 1]),
        extent_x(scene.extents[2 * int64_t{point}]),
        extent_y(scene.extents[2 * int64_t{point} + 1]),
        a(scene.shapes[3 * int64_t{point}]),
        b(scene.shapes[3 * int64_t{point} + 1]),
        c(scene.shapes[3 * int64_t{point} + 2]),
        opacity(scene.opacities[point]),
        // Below it no exponential needs to be taken; a little lower, so that rounding does not decide.
        least_power(std::log(kMinAlpha / opacity) - 1e-3f) {}

  // visit(local pixel, exp(-(a dx^2 + c dy^2) / 2 - b dx dy)).
  template <typename Visit>
  void ForEachCovered(const Size& size, const TileBox& box, const Visit& visit) const {
    box.ForEachNear(size, x, y, extent_x, extent_y, [&](int pixel, float dx, float dy) {
      const float power = -0.5f * (a * dx * dx + c * dy * dy) - b * dx * dy;
      if (power < least_power) return;
      const float falloff = std::exp(power);
      if (opacity * falloff >= kMinAlpha) visit(pixel, falloff);
    });
  }

  float Alpha(float falloff) const { return std::min(opacity * falloff, kMaxAlpha); }

  struct Sums {
    float x = 0, y = 0, xx = 0, xy = 0, yy = 0, falloff = 0;

    void Add(const Gaussian& gaussian, float dx, float dy, float at, float d_alpha) {
      if (gaussian.opacity * at > kMaxAlpha) return;
      const float slope = d_alpha * at;
      x += slope * dx;
      y += slope * dy;
      xx += slope * dx * dx;
      xy += slope * dx * dy;
      yy += slope * dy * dy;
      falloff += slope;
    }
    // Mean x, mean y, a, b, c, opacity.
    void Write(const Gaussian& gaussian, float* gradient) const {
      const float opacity = gaussian.opacity;
      gradient[0] = opacity * (gaussian.a * x + gaussian.b * y);
      gradient[1] = opacity * (gaussian.b * x + gaussian.c * y);
      gradient[2] = -0.5f * opacity * xx;
      gradient[3] = -opacity * xy;
      gradient[4] = -0.5f * opacity * yy;
      gradient[5] = falloff;
    }
  };
};

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_FOOTPRINTS_H_
