// The kernels of one instruction set. The build compiles this file once for each, with RASTERIZER_ISA as its name and the
// flags that it takes; so nothing here may use a function that other files share, such as a template of the standard
// library: the linker would keep one copy for all, and a processor might meet instructions that it lacks.
#include "kernels.h"

#include <cstdint>

#include "composite.h"
#include "footprints.h"
#include "pullback.h"

namespace rasterizer {
namespace RASTERIZER_ISA {
namespace {

// What is chosen at compile time.
template <typename FootprintType, int kChannelsValue, bool kLimitedValue>
struct Kind {
  using Footprint = FootprintType;
  static constexpr int kChannels = kChannelsValue;
  static constexpr bool kLimited = kLimitedValue;
};

template <typename Footprint, bool kLimited, typename Visit>
auto WithChannels(int64_t channels, const Visit& visit) {
  switch (channels) {
    case 3:
      return visit(Kind<Footprint, 3, kLimited>());
    case 4:
      return visit(Kind<Footprint, 4, kLimited>());
    case 7:
      return visit(Kind<Footprint, 7, kLimited>());
    case 8:
      return visit(Kind<Footprint, 8, kLimited>());
    default:
      return visit(Kind<Footprint, 0, kLimited>());
  }
}

// visit(Kind); footprints are told apart by the number of their parameters.
template <typename Visit>
auto WithKind(const Size& size, int64_t channels, bool limited, const Visit& visit) {
  if (size.shape == Disc::kShape)
    return limited ? WithChannels<Disc, true>(channels, visit) : WithChannels<Disc, false>(channels, visit);
  return limited ? WithChannels<Gaussian, true>(channels, visit) : WithChannels<Gaussian, false>(channels, visit);
}

bool HasFootprint(int64_t shape) { return shape == Disc::kShape || shape == Gaussian::kShape; }

bool IsLimited(const Size& size) { return size.limit != INT32_MAX; }

void CompositeTile(const TileJob& job, const Picture& picture, float* colours) {
  WithKind(job.size, job.size.channels, IsLimited(job.size), [&](auto kind) {
    using K = decltype(kind);
    Composite<typename K::Footprint, K::kChannels, K::kLimited>(job, picture, colours);
  });
}

uint32_t RecordTile(const TileJob& job, uint32_t first, Pullback& pullback) {
  return WithKind(job.size, 0, IsLimited(job.size), [&](auto kind) {
    using K = decltype(kind);
    return Record<typename K::Footprint, K::kLimited>(job, first, pullback);
  });
}

void RewindTile(const TileJob& job, Pullback& pullback, float* pair_gradients) {
  WithKind(job.size, job.size.channels, false, [&](auto kind) {
    using K = decltype(kind);
    Rewind<typename K::Footprint, K::kChannels>(job, pullback, pair_gradients);
  });
}

#define RASTERIZER_QUOTE(name) #name
#define RASTERIZER_NAME(name) RASTERIZER_QUOTE(name)

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {RASTERIZER_NAME(RASTERIZER_ISA), HasFootprint, CompositeTile, Begin, RecordTile, RewindTile};

}  // namespace RASTERIZER_ISA
}  // namespace rasterizer
