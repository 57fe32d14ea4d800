// Gradients of one tile: recorded front to back, rewound back to front; one row of sums per pair.
#ifndef RASTERIZER_CPU_PULLBACK_H_
#define RASTERIZER_CPU_PULLBACK_H_

#include <cstdint>

#include "blocks.h"
#include "kernels.h"
#include "passage.h"
#include "scene.h"
#include "simd.h"

namespace rasterizer {
namespace RASTERIZER_ISA {

inline void Begin(const TileJob& job, const Cotangents& cotangents, Pullback& pullback) {
  const int64_t channels = job.size.channels;
  for (int64_t i = 0; i < (1 + channels) * kTilePixels; ++i) pullback.shades[i] = 0.0f;
  ForEachPixel(job, [&](int64_t pixel, int index) {
    pullback.shades[index] = cotangents.alpha[pixel];
    for (int64_t c = 0; c < channels; ++c)
      pullback.shades[(1 + c) * kTilePixels + index] = cotangents.image[pixel * channels + c];
  });
  for (int i = 0; i < kTilePixels; ++i) pullback.behind[i] = 0.0f;
  StartPassage(job, pullback.passage);
}

template <typename Footprint, bool kLimited>
uint32_t Record(const TileJob& job, uint32_t first, Pullback& pullback) {
  const Grid grid(job);
  const Limits limits(job.size);
  Passage& passage = pullback.passage;
  Recording& recording = pullback.recording;
  recording.first = first;
  recording.num_points = 0;
  uint32_t count = 0;
  for (uint32_t k = first; k < job.num_pairs; ++k) {
    if (k % kPairsBetweenLooks == 0) LookForOpenBlocks(passage);
    if (!passage.open || recording.num_points == Recording::kPoints ||
        count + kBlocks > Recording::kPixels / kLanes)
      return k;
    if (k + kPairsAhead < job.num_pairs) PrefetchPoint(job.size, job.scene, job.pairs[k + kPairsAhead].point);
    const Footprint footprint(job.scene, job.pairs[k].point);
    for (uint64_t blocks = grid.Touched(footprint.ellipse()) & passage.open; blocks;) {
      const int block = PopBlock(blocks);
      const Meeting meeting =
          Meet<Footprint, kLimited, Footprint::kDrawsLast>(footprint, grid.cols(block) - footprint.x,
                                                           grid.rows(block) - footprint.y, limits, block * kLanes,
                                                           passage);
      Store(recording.falloff + count * kLanes, Keep(meeting.drawn, meeting.falloff));
      Store(recording.passed + count * kLanes, Keep(meeting.drawn, meeting.passed));
      recording.blocks[count++] = block;
    }
    recording.ends[recording.num_points++] = count;
  }
  return job.num_pairs;
}

// kChannels: see Composite.
template <typename Footprint, int kChannels>
void Rewind(const TileJob& job, Pullback& pullback, float* pair_gradients) {
  const Grid grid(job);
  const Recording& recording = pullback.recording;
  const int64_t channels = kChannels ? kChannels : job.size.channels, stride = PairStride(job.size);
  constexpr int kOwn = 3 + Footprint::kShape;
  Vector known_sums[kChannels ? kChannels : 1];
  Vector* const sums = kChannels ? known_sums : reinterpret_cast<Vector*>(pullback.sums);
  for (uint32_t i = recording.num_points; i-- > 0;) {
    if (i >= kPairsAhead) PrefetchPoint(job.size, job.scene, job.pairs[recording.first + i - kPairsAhead].point);
    const Pair pair = job.pairs[recording.first + i];
    const Footprint footprint(job.scene, pair.point);
    const float* const feature = job.scene.features + pair.point * job.size.channels;
    typename Footprint::Sums own;
#pragma GCC unroll 8
    for (int64_t c = 0; c < channels; ++c) sums[c] = Vector{};
    for (uint32_t hit = i ? recording.ends[i - 1] : 0; hit < recording.ends[i]; ++hit) {
      const int block = recording.blocks[hit], at = block * kLanes;
      const Vector falloff = Load(recording.falloff + hit * kLanes), passed = Load(recording.passed + hit * kLanes);
      const Vector alpha = footprint.Alpha(falloff), weight = alpha * passed;
      Vector shade = Load(pullback.shades + at);
#pragma GCC unroll 8
      for (int64_t c = 0; c < channels; ++c) {
        const Vector cotangent = Load(pullback.shades + (1 + c) * kTilePixels + at);
        shade += cotangent * feature[c];
        sums[c] += weight * cotangent;
      }
      const Vector behind = Load(pullback.behind + at), change = shade - behind;
      Store(pullback.behind + at, behind + alpha * change);
      own.Add(footprint, grid.cols(block) - footprint.x, grid.rows(block) - footprint.y, falloff, passed * change);
    }
    float* const gradient = pair_gradients + pair.id * stride;
    own.Write(footprint, gradient);
    const auto sum = [&](int64_t c) { return c < channels ? sums[c] : Vector{}; };
#pragma GCC unroll 2
    for (int64_t c = 0; c < channels; c += 4) {
      const Quad quad = SumLanes(sum(c), sum(c + 1), sum(c + 2), sum(c + 3));
      const int64_t rest = channels - c < 4 ? channels - c : 4;
      __builtin_memcpy(gradient + kOwn + c, &quad, rest * sizeof(float));
    }
  }
}

}  // namespace RASTERIZER_ISA
}  // namespace rasterizer

#endif  // RASTERIZER_CPU_PULLBACK_H_
