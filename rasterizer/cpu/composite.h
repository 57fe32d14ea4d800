// Compositing of one tile, front to back, and its gradients, back to front.
//
// kChannels is the number of channels rounded up to full vectors, or 0 where it is only known at run time.
#ifndef RASTERIZER_CPU_COMPOSITE_H_
#define RASTERIZER_CPU_COMPOSITE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "bins.h"
#include "footprints.h"
#include "scene.h"

namespace rasterizer {

constexpr int kLanes = 4;
using Vector = float __attribute__((vector_size(kLanes * sizeof(float))));

inline Vector Load(const float* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

inline void AddTo(float* to, Vector vector) {
  vector += Load(to);
  std::memcpy(to, &vector, sizeof vector);
}

inline int64_t Padded(int64_t channels) { return (channels + kLanes - 1) / kLanes * kLanes; }

// What has passed each pixel of a tile so far.
struct Passage {
  float transmittance[kTilePixels];
  int seen[kTilePixels];  // Covering points; the limit marks a finished pixel.
  int unfinished;

  void Start(const TileBox& box) {
    std::fill_n(transmittance, kTilePixels, 1.0f);
    std::fill_n(seen, kTilePixels, 0);
    unfinished = box.pixels();
  }
  void Finish(int pixel, const Size& size) {
    seen[pixel] = size.limit;
    --unfinished;
  }
};

inline void RaiseTo(float* value, float candidate) {
  // Several tiles share a point. Bits of floats that are not negative sort like the floats.
  uint32_t bits, current = __atomic_load_n(reinterpret_cast<uint32_t*>(value), __ATOMIC_RELAXED);
  std::memcpy(&bits, &candidate, sizeof bits);
  while (current < bits && !__atomic_compare_exchange_n(reinterpret_cast<uint32_t*>(value), &current, bits, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

// A point's features or a pixel's cotangent, padded with zeros to full vectors.
template <int kChannels>
struct Row {
  int64_t padded;
  explicit Row(int64_t channels) : padded(kChannels ? kChannels : Padded(channels)) {}
  int64_t size() const { return kChannels ? kChannels : padded; }
};

template <typename Footprint, int kChannels>
void CompositeTile(const Size& size, const Scene& scene, const Bins& bins, int tile, const Picture& picture) {
  const Row<kChannels> row(size.channels);
  const int64_t channels = row.size();
  static thread_local std::vector<float> colours, feature;
  colours.assign(kTilePixels * channels, 0.0f);
  feature.assign(channels, 0.0f);
  const TileBox box(size, tile);
  static thread_local Passage passage;
  passage.Start(box);
  float* const colour = colours.data();
  float* const f = feature.data();
  const float least = size.min_transmittance;
  for (uint32_t k = bins.starts[tile]; k < bins.starts[tile + 1] && passage.unfinished; ++k) {
    const int32_t point = bins.pairs[k].point;
    const Footprint footprint(scene, point);
    std::memcpy(f, scene.features + point * size.channels, size.channels * sizeof(float));
    float best = 0.0f;
    bool front = false;
    footprint.ForEachCovered(size, box, [&](int pixel, float falloff) {
      int& seen = passage.seen[pixel];
      if (seen >= size.limit) return;
      front |= seen == 0;
      const float alpha = footprint.Alpha(falloff), passed = passage.transmittance[pixel];
      if (!Footprint::kDrawsLast && passed * (1.0f - alpha) < least) return passage.Finish(pixel, size);
      const float weight = alpha * passed;
      best = std::max(best, weight);
      float* const to = colour + pixel * channels;
      for (int64_t c = 0; c < channels; c += kLanes) AddTo(to + c, weight * Load(f + c));
      passage.transmittance[pixel] = passed * (1.0f - alpha);
      if (passage.transmittance[pixel] < least) return passage.Finish(pixel, size);
      if (++seen == size.limit) --passage.unfinished;
    });
    RaiseTo(picture.max_weight + point, best);
    if (front) __atomic_store_n(picture.is_front + point, true, __ATOMIC_RELAXED);
  }
  box.ForEachPixel([&](int y, int x, int pixel) {
    const int64_t at = int64_t{y} * size.width + x;
    std::memcpy(picture.image + at * size.channels, colour + pixel * channels, size.channels * sizeof(float));
    picture.alpha[at] = 1.0f - passage.transmittance[pixel];
  });
}

// Gradients of one tile, written as one row per pair: mean x, mean y, the shape, opacity, then the features.
inline int64_t OwnGradients(const Size& size) { return 3 + size.shape; }
inline int64_t PairStride(const Size& size) { return OwnGradients(size) + Padded(size.channels); }

template <typename Footprint, int kChannels>
class TilePullback {
 public:
  TilePullback(const Size& size, const Scene& scene, const Bins& bins, int tile, const Cotangents& cotangents)
      : size_(size), scene_(scene), bins_(bins), box_(size, tile), row_(size.channels) {
    shades_of_.assign(kTilePixels * row_.size(), 0.0f);
    std::fill_n(alpha_cotangent_, kTilePixels, 0.0f);
    box_.ForEachPixel([&](int y, int x, int pixel) {
      const int64_t at = int64_t{y} * size.width + x;
      std::memcpy(&shades_of_[pixel * row_.size()], cotangents.image + at * size.channels,
                  size.channels * sizeof(float));
      alpha_cotangent_[pixel] = cotangents.alpha[at];
    });
    feature_.assign(row_.size(), 0.0f);
  }

  void Run(uint32_t first, uint32_t last, float* pair_gradients) {
    std::fill_n(behind_, kTilePixels, 0.0f);
    passage_.Start(box_);
    std::fill_n(without_most_, kTilePixels, 1.0f);
    chunks_.clear();
    uint32_t reached = first;
    while (reached < last && passage_.unfinished) {
      chunks_.push_back({reached, passage_, {}});
      std::copy_n(without_most_, kTilePixels, chunks_.back().without_most);
      reached = Record(reached, last);
    }
    for (uint32_t k = reached; k < last; ++k)
      std::fill_n(pair_gradients + bins_.pairs[k].id * PairStride(size_), PairStride(size_), 0.0f);
    for (size_t c = chunks_.size(); c-- > 0;) {
      if (c + 1 < chunks_.size()) {
        passage_ = chunks_[c].passage;
        std::copy_n(chunks_[c].without_most, kTilePixels, without_most_);
        Record(chunks_[c].first, last);
      }
      Rewind(pair_gradients);
    }
  }

 private:
  // A recording longer than this leaves the cache; the walk then goes on in a new chunk and records this one again.
  static constexpr size_t kChunkEntries = 8192;

  struct Entry {
    int32_t pixel;
    float falloff, passed;  // Transmittance in front of the point.
  };
  struct Visit {
    uint32_t pair;
    size_t entries;  // Past the point's last entry.
  };
  struct Chunk {
    uint32_t first;
    Passage passage;
    float without_most[kTilePixels];
  };

  // Walks on front to back from pair `first`, noting what every point met; returns the pair it stopped at.
  uint32_t Record(uint32_t first, uint32_t last) {
    entries_.clear();
    visits_.clear();
    uint32_t k = first;
    for (; k < last && passage_.unfinished && entries_.size() < kChunkEntries; ++k) {
      const Footprint footprint(scene_, bins_.pairs[k].point);
      footprint.ForEachCovered(size_, box_, [&](int pixel, float falloff) {
        int& seen = passage_.seen[pixel];
        if (seen >= size_.limit) return;
        const float passed = passage_.transmittance[pixel], stopped = 1.0f - footprint.Alpha(falloff);
        if (!Footprint::kDrawsLast && passed * stopped < size_.min_transmittance)
          return passage_.Finish(pixel, size_);
        entries_.push_back({pixel, falloff, passed});
        passage_.transmittance[pixel] = passed * stopped;
        // A point's gradient needs the colour behind it as if the point were not there; so a pixel is finished only
        // when its transmittance without its most opaque point is.
        without_most_[pixel] = std::max(without_most_[pixel] * stopped, passed);
        if (without_most_[pixel] < size_.min_transmittance) return passage_.Finish(pixel, size_);
        if (++seen == size_.limit) --passage_.unfinished;
      });
      visits_.push_back({k, entries_.size()});
    }
    return k;
  }

  // Walks back over the recorded points, keeping for each pixel the shade (colour times cotangent) behind.
  void Rewind(float* pair_gradients) {
    for (size_t v = visits_.size(); v-- > 0;) {
      const Pair pair = bins_.pairs[visits_[v].pair];
      PullPoint(pair.point, v ? visits_[v - 1].entries : 0, visits_[v].entries,
                pair_gradients + pair.id * PairStride(size_));
    }
  }

  void PullPoint(int32_t point, size_t first, size_t last, float* gradient) {
    const Footprint footprint(scene_, point);
    const int64_t channels = row_.size();
    float* const f = feature_.data();
    std::memcpy(f, scene_.features + point * size_.channels, size_.channels * sizeof(float));
    constexpr int kOwn = 3 + Footprint::kShape;
    std::fill_n(gradient, kOwn + channels, 0.0f);
    typename Footprint::Sums sums;
    for (size_t e = first; e < last; ++e) {
      const Entry& entry = entries_[e];
      const float* const g = &shades_of_[entry.pixel * channels];
      const float alpha = footprint.Alpha(entry.falloff);
      const float weight = alpha * entry.passed;
      Vector dot{};
      for (int64_t c = 0; c < channels; c += kLanes) {
        const Vector cotangent = Load(g + c);
        dot += cotangent * Load(f + c);
        AddTo(gradient + kOwn + c, weight * cotangent);
      }
      const float shade = alpha_cotangent_[entry.pixel] + ((dot[0] + dot[1]) + (dot[2] + dot[3]));
      float& behind = behind_[entry.pixel];
      const float d_alpha = entry.passed * (shade - behind);
      behind += alpha * (shade - behind);
      const float dx = box_.cols.first + entry.pixel % kTile + 0.5f - footprint.x;
      const float dy = box_.rows.first + entry.pixel / kTile + 0.5f - footprint.y;
      sums.Add(footprint, dx, dy, entry.falloff, d_alpha);
    }
    sums.Write(footprint, gradient);
  }

  const Size& size_;
  const Scene& scene_;
  const Bins& bins_;
  const TileBox box_;
  const Row<kChannels> row_;
  Passage passage_;
  float without_most_[kTilePixels];
  float behind_[kTilePixels];
  float alpha_cotangent_[kTilePixels];
  std::vector<float> shades_of_, feature_;
  std::vector<Entry> entries_;
  std::vector<Visit> visits_;
  std::vector<Chunk> chunks_;
};

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_COMPOSITE_H_
