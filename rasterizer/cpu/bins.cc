#include "bins.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace rasterizer {
namespace {

// The pixels whose centres (at +0.5) lie within `extent` of `centre`, among 0 ... size - 1.
inline Span PixelSpan(float centre, float extent, int size) {
  // Clamped as floats: a point far outside would not fit an int.
  const float limit = static_cast<float>(size);
  const float low = std::min(std::max(centre - extent - 0.5f, 0.0f), limit);
  const float high = std::min(std::max(centre + extent - 0.5f, -1.0f), limit - 1.0f);
  // Rounded up, and down: conversion goes towards zero, and is faster than a call.
  const int first = static_cast<int>(low), last = static_cast<int>(high);
  return {first + (static_cast<float>(first) < low), last - (static_cast<float>(last) > high) + 1};
}

inline Span TileSpan(Span pixels) {
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

Binner::Binner(const Size& size, const Scene& scene, int64_t num_parts)
    : size_(size), scene_(scene), ranges_(new TileRange[size.points]), parts_(num_parts) {
  for (int64_t i = 0; i < num_parts; ++i) {
    parts_[i].first = size.points * i / num_parts;
    parts_[i].last = size.points * (i + 1) / num_parts;
  }
  bins_.first_ids.reset(new uint32_t[size.points + 1]);
  bins_.starts.resize(size.tiles() + 1);
}

void Binner::Count(int64_t part) {
  auto& [first, last, tiles, num_pairs] = parts_[part];
  tiles.assign(size_.tiles(), 0);
  num_pairs = 0;
  for (int64_t point = first; point < last; ++point) {
    ranges_[point] = scene_.drawn[point] ? TilesOf(size_, scene_, point) : TileRange{};
    num_pairs += ranges_[point].count();
    ForEachTile(size_, ranges_[point], [&, &counts = tiles](int tile) { ++counts[tile]; });
  }
}

void Binner::Place() {
  uint64_t total = 0;
  for (Part& part : parts_) total += std::exchange(part.num_pairs, total);
  if (total > std::numeric_limits<uint32_t>::max()) throw std::length_error("more than 2^32 (tile, point) pairs");
  uint32_t next = 0;
  for (int tile = 0; tile < size_.tiles(); ++tile) {
    bins_.starts[tile] = next;
    for (Part& part : parts_) next += std::exchange(part.tiles[tile], next);
  }
  bins_.starts[size_.tiles()] = next;
  bins_.first_ids[size_.points] = next;
  bins_.pairs.reset(new Pair[total]);
}

void Binner::Fill(int64_t part) {
  auto& [first, last, tiles, first_id] = parts_[part];
  uint32_t id = static_cast<uint32_t>(first_id);
  for (int64_t point = first; point < last; ++point) {
    bins_.first_ids[point] = id;
    const uint32_t depth = DepthBits(scene_.depths[point]);
    ForEachTile(size_, ranges_[point], [&, &next = tiles](int tile) {
      bins_.pairs[next[tile]++] = {depth, static_cast<int32_t>(point), id++};
    });
  }
}

// A stable radix sort. Each tile has its own: a scene's would read and write memory at random, and on one thread.
void SortTile(Bins& bins, int tile) {
  constexpr int kBits = 8, kDigits = 32 / kBits;
  constexpr uint32_t kBuckets = 1u << kBits;
  const size_t count = bins.starts[tile + 1] - bins.starts[tile];
  if (count < 2) return;
  const auto digit = [](const Pair& pair, int d) { return pair.depth >> (d * kBits) & (kBuckets - 1); };
  const std::unique_ptr<Pair[]> other(new Pair[count]);
  Pair *from = bins.pairs.get() + bins.starts[tile], *to = other.get();
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
