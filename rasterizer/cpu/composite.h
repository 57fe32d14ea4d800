// Compositing of one tile, front to back.
#ifndef RASTERIZER_CPU_COMPOSITE_H_
#define RASTERIZER_CPU_COMPOSITE_H_

#include <cstdint>

#include "blocks.h"
#include "kernels.h"
#include "passage.h"
#include "scene.h"
#include "simd.h"

namespace rasterizer {
namespace RASTERIZER_ISA {

// Several tiles share a point. Bits of floats that are not negative sort like the floats.
inline void RaiseTo(float* value, float candidate) {
  uint32_t* const bits = reinterpret_cast<uint32_t*>(value);
  uint32_t wanted, current = __atomic_load_n(bits, __ATOMIC_RELAXED);
  __builtin_memcpy(&wanted, &candidate, sizeof wanted);
  while (current < wanted &&
         !__atomic_compare_exchange_n(bits, &current, wanted, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

// kChannels is the number of channels, or 0 where it is only known at run time.
template <typename Footprint, int kChannels, bool kLimited>
void Composite(const TileJob& job, const Picture& picture, float* colours) {
  const Size& size = job.size;
  const int64_t channels = kChannels ? kChannels : size.channels;
  for (int64_t i = 0; i < channels * kTilePixels; ++i) colours[i] = 0.0f;
  Passage passage;
  StartPassage(job, passage);
  const Grid grid(job);
  const Limits limits(size);
  for (uint32_t k = 0; k < job.num_pairs; ++k) {
    if (k % kPairsBetweenLooks == 0 && k) LookForOpenBlocks(passage);
    if (!passage.open) break;
    if (k + kPairsAhead < job.num_pairs) {
      const int32_t ahead = job.pairs[k + kPairsAhead].point;
      PrefetchPoint(size, job.scene, ahead);
      __builtin_prefetch(picture.max_weight + ahead, 1);
    }
    const int32_t point = job.pairs[k].point;
    const Footprint footprint(job.scene, point);
    const float* const feature = job.scene.features + point * size.channels;
    Vector best{};
    Mask first{};
    for (uint64_t blocks = grid.Touched(footprint.ellipse()) & passage.open; blocks;) {
      const int block = PopBlock(blocks), at = block * kLanes;
      const Meeting meeting = Meet<Footprint, kLimited, false>(footprint, grid.cols(block) - footprint.x,
                                                               grid.rows(block) - footprint.y, limits, at, passage);
      const Vector weight = meeting.alpha * meeting.passed;
      best = Max(weight, best);  // In this order: weights of finished pixels may be -0.
      first |= meeting.first;
#pragma GCC unroll 8
      for (int64_t c = 0; c < channels; ++c) {
        float* const colour = colours + c * kTilePixels + at;
        Store(colour, Load(colour) + weight * feature[c]);
      }
    }
    RaiseTo(picture.max_weight + point, LargestLane(best));
    if (SignBits(first)) __atomic_store_n(picture.is_front + point, true, __ATOMIC_RELAXED);
  }
  ForEachPixel(job, [&](int64_t pixel, int index) {
    for (int64_t c = 0; c < channels; ++c) picture.image[pixel * channels + c] = colours[c * kTilePixels + index];
    picture.alpha[pixel] = 1.0f - __builtin_fabsf(passage.transmittance[index]);
  });
}

}  // namespace RASTERIZER_ISA
}  // namespace rasterizer

#endif  // RASTERIZER_CPU_COMPOSITE_H_
