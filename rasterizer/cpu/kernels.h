// What is compiled once for each instruction set: the arithmetic on the pixels of one tile.
#ifndef RASTERIZER_CPU_KERNELS_H_
#define RASTERIZER_CPU_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "scene.h"

namespace rasterizer {

// One tile of an image and the points that touch it, nearest first.
struct TileJob {
  const Size& size;
  const Scene& scene;
  const Pair* pairs;
  uint32_t num_pairs;
  Span rows, cols;  // The tile's pixels.
};

// What has passed each pixel of a tile so far. The order of the pixels is the kernels' own.
struct alignas(64) Passage {
  float transmittance[kTilePixels];  // With its sign bit set, the pixel is finished.
  float without_most[kTilePixels];   // Transmittance without the most opaque point.
  int32_t seen[kTilePixels];         // Covering points.
  uint64_t open;                     // One bit a block of pixels: whether one of them may be unfinished.
};

// What a run of points met, front to back.
struct alignas(64) Recording {
  // A longer recording leaves the cache.
  static constexpr uint32_t kPixels = 1 << 15, kPoints = 1 << 12;
  float falloff[kPixels];
  float passed[kPixels];       // Transmittance in front of the point; 0 where it is not drawn.
  uint8_t blocks[kPixels / 4];  // Which block of the tile; a block has at least four pixels.
  uint32_t ends[kPoints];       // Of each point: past its last block.
  uint32_t first;               // Pair.
  uint32_t num_points;
};

// One thread's state while it computes the gradients of a tile.
struct Pullback {
  Passage passage;
  Recording recording;
  float* shades;  // (1 + C) planes of the tile's pixels: the cotangents of alpha and of the channels.
  float* sums;    // C vectors, or padding beyond what is known at compile time.
  alignas(64) float behind[kTilePixels];  // Shade (colour times cotangent) behind the point that is looked at.
};

constexpr int kMostLanes = 16;
constexpr uint32_t kPairsAhead = 8;  // Whose points are fetched.

// Floats of a pair's gradients: mean x, mean y, the shape, opacity, then the features.
inline __attribute__((always_inline)) int64_t NumOwn(const Size& size) { return 3 + size.shape; }
inline __attribute__((always_inline)) int64_t PairStride(const Size& size) { return NumOwn(size) + size.channels; }

struct Kernels {
  const char* name;

  bool (*has_footprint)(int64_t shape);  // Whether there is one with so many parameters.

  // Draws a tile front to back; `colours` has room for C planes of a tile's pixels.
  void (*composite)(const TileJob& job, const Picture& picture, float* colours);

  // A tile's gradients: begin, then record from front to back as often as it takes, and rewind each recording from the
  // last to the first. What was recorded before the last time is lost; from a saved `passage` it can be recorded again.
  void (*begin)(const TileJob& job, const Cotangents& cotangents, Pullback& pullback);
  uint32_t (*record)(const TileJob& job, uint32_t first, Pullback& pullback);  // Returns the pair that it stopped at.
  void (*rewind)(const TileJob& job, Pullback& pullback, float* pair_gradients);
};

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_KERNELS_H_
