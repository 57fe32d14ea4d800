#include "bins.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

namespace rasterizer {
namespace {

struct Key {
  uint32_t depth;
  int32_t point;
};

// Stable, so that of equal depths the lower index stays first. The bits of positive floats sort like the floats.
void RadixSort(std::vector<Key>& keys) {
  constexpr int kBits = 11;
  constexpr uint32_t kBuckets = 1u << kBits;
  std::vector<Key> other(keys.size());
  for (int shift = 0; shift < 32; shift += kBits) {
    std::array<uint32_t, kBuckets + 1> starts{};
    for (const Key& key : keys) ++starts[((key.depth >> shift) & (kBuckets - 1)) + 1];
    for (uint32_t i = 0; i < kBuckets; ++i) starts[i + 1] += starts[i];
    for (const Key& key : keys) other[starts[(key.depth >> shift) & (kBuckets - 1)]++] = key;
    keys.swap(other);
  }
}

std::vector<int32_t> NearestFirst(const Size& size, const Scene& scene) {
  std::vector<Key> keys;
  keys.reserve(size.points);
  for (int32_t i = 0; i < size.points; ++i) {
    if (!scene.drawn[i]) continue;
    Key key{0, i};
    std::memcpy(&key.depth, &scene.depths[i], sizeof key.depth);
    keys.push_back(key);
  }
  RadixSort(keys);
  std::vector<int32_t> order(keys.size());
  std::transform(keys.begin(), keys.end(), order.begin(), [](const Key& key) { return key.point; });
  return order;
}

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

template <typename Visit>
void ForEachTile(const Size& size, const TileRange& range, const Visit& visit) {
  for (int row = range.rows.first; row < range.rows.last; ++row)
    for (int col = range.cols.first; col < range.cols.last; ++col) visit(row * size.cols() + col);
}

}  // namespace

Bins BinPoints(const Size& size, const Scene& scene) {
  Bins bins;
  bins.order = NearestFirst(size, scene);
  bins.first_ids.resize(bins.order.size() + 1);
  bins.starts.assign(size.tiles() + 1, 0);
  std::vector<TileRange> ranges(bins.order.size());
  uint64_t total = 0;
  for (size_t rank = 0; rank < bins.order.size(); ++rank) {
    ranges[rank] = TilesOf(size, scene, bins.order[rank]);
    total += ranges[rank].count();
    if (total > std::numeric_limits<uint32_t>::max()) throw std::length_error("more than 2^32 (tile, point) pairs");
    bins.first_ids[rank + 1] = static_cast<uint32_t>(total);
    ForEachTile(size, ranges[rank], [&](int tile) { ++bins.starts[tile + 1]; });
  }
  for (int tile = 0; tile < size.tiles(); ++tile) bins.starts[tile + 1] += bins.starts[tile];
  bins.pairs.resize(total);
  std::vector<uint32_t> next(bins.starts.begin(), bins.starts.end() - 1);
  for (size_t rank = 0; rank < bins.order.size(); ++rank) {
    uint32_t id = bins.first_ids[rank];
    ForEachTile(size, ranges[rank], [&](int tile) { bins.pairs[next[tile]++] = {bins.order[rank], id++}; });
  }
  return bins;
}

}  // namespace rasterizer
