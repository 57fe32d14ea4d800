// How the light of a block of pixels passes a point: the rules that end a pixel.
#ifndef RASTERIZER_CPU_PASSAGE_H_
#define RASTERIZER_CPU_PASSAGE_H_

#include <cstdint>

#include "blocks.h"
#include "kernels.h"
#include "scene.h"
#include "simd.h"

namespace rasterizer {
namespace RASTERIZER_ISA {

// Pixels of the tile that the image does not have are finished from the start.
inline void StartPassage(const TileJob& job, Passage& passage) {
  for (int i = 0; i < kTilePixels; ++i) {
    passage.transmittance[i] = -1.0f;
    passage.without_most[i] = 1.0f;
    passage.seen[i] = 0;
  }
  ForEachPixel(job, [&](int64_t, int index) { passage.transmittance[index] = 1.0f; });
  passage.open = ~uint64_t{0} >> (64 - kBlocks);
}

// A finished block costs time and changes nothing, so it is enough to look for them now and then.
constexpr uint32_t kPairsBetweenLooks = 16;

inline void LookForOpenBlocks(Passage& passage) {
  constexpr uint32_t kAll = (1u << kLanes) - 1;
  uint64_t open = 0;
  for (int block = 0; block < kBlocks; ++block)
    open |= uint64_t{SignBits(Load(passage.transmittance + block * kLanes)) != kAll} << block;
  passage.open &= open;
}

// When a pixel is finished.
struct Limits {
  float min_transmittance;
  int32_t num_seen;

  explicit Limits(const Size& size) : min_transmittance(size.min_transmittance), num_seen(size.limit) {}
};

// What a point is to the pixels of a block.
struct Meeting {
  Vector falloff;
  Vector passed;  // Transmittance in front of the point.
  Vector alpha;   // 0 where the point is not drawn.
  Mask drawn;
  Mask first;  // Whether it is the pixel's nearest.
};

// Footprint: see footprints.h. kLimited: whether only the nearest points count. kWithoutMost: a point's gradient needs
// the colour behind it as if the point were not there; so a pixel is finished only when its transmittance without its
// most opaque point is too small. That can only differ where the last point is drawn.
template <typename Footprint, bool kLimited, bool kWithoutMost>
inline Meeting Meet(const Footprint& footprint, Vector dx, Vector dy, Limits limits, int at, Passage& passage) {
  Meeting meeting;
  const Mask covered = footprint.Cover(dx, dy, meeting.falloff);
  const Vector passed = Load(passage.transmittance + at);
  Vector alpha, next;
  Mask drawn;
  if constexpr (Footprint::kDrawsLast) {
    drawn = covered & ((Mask)passed >= 0);
    alpha = Keep(drawn, footprint.Alpha(meeting.falloff));
    next = passed * (1.0f - alpha);
    Vector left = next;
    if constexpr (kWithoutMost) {
      left = Max(Load(passage.without_most + at) * (1.0f - alpha), passed);
      Store(passage.without_most + at, left);
    }
    next = Select(left < limits.min_transmittance, Negative(next), next);
  } else {
    alpha = Keep(covered, footprint.Alpha(meeting.falloff));
    next = passed * (1.0f - alpha);
    const Mask ended = next < limits.min_transmittance;  // True of finished pixels: they are negative.
    drawn = covered & ~ended;
    alpha = Keep(~ended, alpha);
    next = Select(ended, Negative(passed), next);
  }
  // A Gaussian that is drawn takes some light, so that none came before where all is left; a disc may take none.
  if constexpr (Footprint::kDrawsLast || kLimited) {
    Mask seen = Load(passage.seen + at);
    meeting.first = drawn & (seen == 0);
    seen -= drawn;
    Store(passage.seen + at, seen);
    if constexpr (kLimited) next = Select(seen >= limits.num_seen, Negative(next), next);
  } else {
    meeting.first = covered & (passed == 1.0f);
  }
  Store(passage.transmittance + at, next);
  meeting.passed = passed;
  meeting.alpha = alpha;
  meeting.drawn = drawn;
  return meeting;
}

}  // namespace RASTERIZER_ISA
}  // namespace rasterizer

#endif  // RASTERIZER_CPU_PASSAGE_H_
