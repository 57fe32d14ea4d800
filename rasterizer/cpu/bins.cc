#include "bins.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace rasterizer {
namespace {

struct TileRange {
  Span rows, cols;
  int64_t count() const { return int64_t{rows.last - rows.first} * (cols.last - cols.first); }
};

Span TileSpan(Span pixels) {
  if (pixels.first >= pixels.last) return {0, 0};
  return {pixels.first / kTile, (pixels.last - 1) / kTile + 1};
}

TileRange TilesOf(const Size& size, const Scene& scene, int32_t point) {
  const float* const mean = scene.means2d + 2 * int64_t{point};
  const float* const extent = scene.extents + 2 * int64_t{point};
  return {TileSpan(PixelSpan(mean[1], extent[1], size.height)), TileSpan(PixelSpan(mean[0], extent[0], size.width))};
}

uint32_t DepthBits(float depth) {
  uint32_t bits;
  std::memcpy(&bits, &depth, sizeof bits);
  return bits;
}

template <typename Visit>
void ForEachTile(const Size& size, const TileRange& range, const Visit& visit) {
  for (int row = range.rows.first; row < range.rows.last; ++row)
    for (int col = range.cols.first; col < range.cols.last; ++col) visit(row * size.cols() + col);
}

}  // namespace

Bins BinPoints(const Size& size, const Scene& scene) {
  Bins bins;
  bins.first_ids.resize(size.points + 1);
  bins.starts.assign(size.tiles() + 1, 0);
  std::vector<TileRange> ranges(size.points);
  uint64_t total = 0;
  for (int32_t point = 0; point < size.points; ++point) {
    if (scene.drawn[point]) ranges[point] = TilesOf(size, scene, point);
    total += ranges[point].count();
    if (total > std::numeric_limits<uint32_t>::max()) throw std::length_error("more than 2^32 (tile, point) pairs");
    bins.first_ids[point + 1] = static_cast<uint32_t>(total);
    ForEachTile(size, ranges[point], [&](int tile) { ++bins.starts[tile + 1]; });
  }
  for (int tile = 0; tile < size.tiles(); ++tile) bins.starts[tile + 1] += bins.starts[tile];
  bins.pairs.resize(total);
  std::vector<uint32_t> next(bins.starts.begin(), bins.starts.end() - 1);
  for (int32_t point = 0; point < size.points; ++point) {
    Pair pair{DepthBits(scene.depths[point]), point, bins.first_ids[point]};
    ForEachTile(size, ranges[point], [&](int tile) {
      bins.pairs[next[tile]++] = pair;
      ++pair.id;
    });
  }
  return bins;
}

// A stable radix sort. Each tile has its own: a scene's would read and write memory at random, and on one thread.
void SortTile(Bins& bins, int tile) {
  constexpr int kBits = 8, kDigits = 32 / kBits;
  constexpr uint32_t kBuckets = 1u << kBits;
  const size_t count = bins.starts[tile + 1] - bins.starts[tile];
  if (count < 2) return;
  const auto digit = [](const Pair& pair, int d) { return pair.depth >> (d * kBits) & (kBuckets - 1); };
  const std::unique_ptr<Pair[]> other(new Pair[count]);
  Pair *from = bins.pairs.data() + bins.starts[tile], *to = other.get();
  std::array<std::array<uint32_t, kBuckets + 1>, kDigits> starts{};
  for (size_t k = 0; k < count; ++k)
    for (int d = 0; d < kDigits; ++d) ++starts[d][digit(from[k], d) + 1];
  for (int d = 0; d < kDigits; ++d) {  // An even number of passes: the last one writes back into `bins`.
    std::partial_sum(starts[d].begin(), starts[d].end(), starts[d].begin());
    for (size_t k = 0; k < count; ++k) to[starts[d][digit(from[k], d)]++] = from[k];
    std::swap(from, to);
  }
}

}  // namespace rasterizer
