// Which points touch which tile, and in which order.
#ifndef RASTERIZER_CPU_BINS_H_
#define RASTERIZER_CPU_BINS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "scene.h"

namespace rasterizer {

// The pixels whose centres (at +0.5) lie within `extent` of `centre`, among 0 ... size - 1.
inline Span PixelSpan(float centre, float extent, int size) {
  // Clamped as floats: a point far outside would not fit an int.
  const float limit = static_cast<float>(size);
  const float first = std::min(std::max(std::ceil(centre - extent - 0.5f), 0.0f), limit);
  const float last = std::min(std::max(std::floor(centre + extent - 0.5f) + 1.0f, 0.0f), limit);
  return {static_cast<int>(first), static_cast<int>(last)};
}

struct Bins {
  std::vector<uint32_t> first_ids;  // (points + 1): each point's first pair id.
  std::vector<uint32_t> starts;     // (tiles + 1): where each tile's pairs start.
  std::vector<Pair> pairs;          // Of each tile; in the order of their points until SortTile.
};

// Throws std::length_error beyond 2^32 - 1 pairs.
Bins BinPoints(const Size& size, const Scene& scene);

// Puts a tile's pairs nearest first; of equal depths the lower point stays first.
void SortTile(Bins& bins, int tile);

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_BINS_H_
