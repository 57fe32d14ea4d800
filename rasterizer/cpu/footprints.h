// What a point looks like; the formulas of rasterizer/footprints.py for a vector of pixels.
//
// A footprint has `kShape` parameters, says whether the point that finishes a pixel is drawn (`kDrawsLast`) and where it
// lies, turns offsets from its mean into a falloff and a falloff into alpha, and sums up gradients of its parameters.
#ifndef RASTERIZER_CPU_FOOTPRINTS_H_
#define RASTERIZER_CPU_FOOTPRINTS_H_

#include <cstdint>

#include "scene.h"
#include "simd.h"

namespace rasterizer {
namespace RASTERIZER_ISA {

// An ellipse that holds what is drawn: at dy from the mean its chord has the middle x + lean * dy, and the square of
// half its length is widen * (extent^2 - dy^2).
struct Ellipse {
  float x, y, extent, widen, lean;
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

  Ellipse ellipse() const { return {x, y, radius, 1.0f, 0.0f}; }

  // Sets 1 - distance^2 / radius^2, and returns where the point covers.
  Mask Cover(Vector dx, Vector dy, Vector& falloff) const {
    const Vector squared = dx * dx + dy * dy;
    falloff = 1.0f - squared / square;
    return squared < square;
  }

  Vector Alpha(Vector falloff) const { return opacity * falloff; }

  struct Sums {
    Vector x{}, y{}, square{}, falloff{};

    void Add(const Disc&, Vector dx, Vector dy, Vector at, Vector d_alpha) {
      x += d_alpha * dx;
      y += d_alpha * dy;
      square += d_alpha * (dx * dx + dy * dy);
      falloff += d_alpha * at;
    }
    // Mean x, mean y, radius, opacity.
    void Write(const Disc& disc, float* gradient) const {
      const float slope = 2.0f * disc.opacity / disc.square;
      const Quad sums = SumLanes(x, y, square, falloff);
      gradient[0] = slope * sums[0];
      gradient[1] = slope * sums[1];
      gradient[2] = slope * sums[2] / disc.radius;
      gradient[3] = sums[3];
    }
  };
};

struct Gaussian {
  static constexpr int kShape = 3;
  static constexpr bool kDrawsLast = false;
  static constexpr float kMinAlpha = 1.0f / 255.0f, kMaxAlpha = 0.99f;
  float x, y, extent, a, b, c, opacity;

  Gaussian(const Scene& scene, int32_t point)
      : x(scene.means2d[2 * int64_t{point}]),
        y(scene.means2d[2 * int64_t{point} + 1]),
        extent(scene.extents[2 * int64_t{point} + 1]),
        a(scene.shapes[3 * int64_t{point}]),
        b(scene.shapes[3 * int64_t{point} + 1]),
        c(scene.shapes[3 * int64_t{point} + 2]),
        opacity(scene.opacities[point]) {}

  Ellipse ellipse() const {
    const float inverse = 1.0f / a;
    return {x, y, extent, (a * c - b * b) * inverse * inverse, -b * inverse};
  }

  // Sets exp(-(a dx^2 + c dy^2) / 2 - b dx dy), and returns where alpha reaches its least.
  Mask Cover(Vector dx, Vector dy, Vector& falloff) const {
    falloff = Exp(dx * (-0.5f * a * dx - b * dy) - 0.5f * c * dy * dy);
    return opacity * falloff >= kMinAlpha;
  }

  Vector Alpha(Vector falloff) const { return Min(opacity * falloff, Vector{} + kMaxAlpha); }

  struct Sums {
    Vector x{}, y{}, xx{}, xy{}, yy{}, falloff{};

    void Add(const Gaussian& gaussian, Vector dx, Vector dy, Vector at, Vector d_alpha) {
      const Vector slope = Keep(gaussian.opacity * at <= kMaxAlpha, d_alpha * at);
      const Vector by_x = slope * dx, by_y = slope * dy;
      falloff += slope;
      x += by_x;
      y += by_y;
      xx += by_x * dx;
      xy += by_x * dy;
      yy += by_y * dy;
    }
    // Mean x, mean y, a, b, c, opacity.
    void Write(const Gaussian& gaussian, float* gradient) const {
      const float opacity = gaussian.opacity;
      const Quad sums = SumLanes(x, y, xx, xy), rest = SumLanes(yy, falloff, Vector{}, Vector{});
      gradient[0] = opacity * (gaussian.a * sums[0] + gaussian.b * sums[1]);
      gradient[1] = opacity * (gaussian.b * sums[0] + gaussian.c * sums[1]);
      gradient[2] = -0.5f * opacity * sums[2];
      gradient[3] = -opacity * sums[3];
      gradient[4] = -0.5f * opacity * rest[0];
      gradient[5] = rest[1];
    }
  };
};

}  // namespace RASTERIZER_ISA
}  // namespace rasterizer

#endif  // RASTERIZER_CPU_FOOTPRINTS_H_
