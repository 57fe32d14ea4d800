// Views of one image's inputs, outputs and cotangents. Row-major float arrays, as in rasterizer/types.py.
#ifndef RASTERIZER_CPU_SCENE_H_
#define RASTERIZER_CPU_SCENE_H_

#include <cstdint>

namespace rasterizer {

// Pixels. A tile's state (transmittance, counts, colours) stays in the first-level cache.
constexpr int kTile = 16;
constexpr int kTilePixels = kTile * kTile;

// First and past-the-last index.
struct Span {
  int first, last;
};

// A tile and a point that touches it.
struct Pair {
  uint32_t depth;  // Bits of a positive float, which sort like the float.
  int32_t point;
  uint32_t id;  // The pairs of one point have consecutive ids.
};

struct Size {
  int64_t points, channels;
  int height, width;
  int limit;                // Nearest covering points that count per pixel.
  int64_t shape;            // Parameters of a point's shape.
  float min_transmittance;  // A pixel is finished below it.

  int rows() const { return (height + kTile - 1) / kTile; }
  int cols() const { return (width + kTile - 1) / kTile; }
  int tiles() const { return rows() * cols(); }
};

struct Scene {
  const float* means2d;    // (N, 2)
  const float* depths;     // (N,)
  const float* extents;    // (N, 2)
  const float* shapes;     // (N, S)
  const float* features;   // (N, C)
  const float* opacities;  // (N,)
  const bool* drawn;       // (N,)
};

// Points are read in the order of their depths, which is none in memory.
inline __attribute__((always_inline)) void PrefetchPoint(const Size& size, const Scene& scene, int64_t point) {
  __builtin_prefetch(scene.means2d + 2 * point);
  __builtin_prefetch(scene.extents + 2 * point);
  __builtin_prefetch(scene.shapes + size.shape * point);
  __builtin_prefetch(scene.opacities + point);
  __builtin_prefetch(scene.features + size.channels * point);
  __builtin_prefetch(scene.features + size.channels * (point + 1) - 1);
}

struct Picture {
  float* image;       // (H, W, C)
  float* alpha;       // (H, W)
  float* max_weight;  // (N,)
  bool* is_front;     // (N,)
};

struct Cotangents {
  const float* image;  // (H, W, C)
  const float* alpha;  // (H, W)
};

struct SceneGradients {
  float* means2d;
  float* shapes;
  float* features;
  float* opacities;
};

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_SCENE_H_
