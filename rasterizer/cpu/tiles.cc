#include "tiles.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace rasterizer {
namespace {

// Memory for vectors, which grows as needed.
class Floats {
 public:
  float* AtLeast(int64_t count) {
    if (count > capacity_) {
      data_.reset();
      capacity_ = 0;
      data_.reset(static_cast<float*>(::operator new[](count * sizeof(float), kAlignment)));
      capacity_ = count;
    }
    return data_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Delete {
    void operator()(float* data) const { ::operator delete[](data, kAlignment); }
  };
  std::unique_ptr<float[], Delete> data_;
  int64_t capacity_ = 0;
};

TileJob JobOf(const Size& size, const Scene& scene, Bins& bins, int tile) {
  SortTile(bins, tile);
  const int row = tile / size.cols() * kTile, col = tile % size.cols() * kTile;
  return {size,
          scene,
          bins.pairs.get() + bins.starts[tile],
          bins.starts[tile + 1] - bins.starts[tile],
          {row, std::min(row + kTile, size.height)},
          {col, std::min(col + kTile, size.width)}};
}

}  // namespace

void DrawTile(const Kernels& kernels, const Size& size, const Scene& scene, Bins& bins, int tile,
              const Picture& picture) {
  static thread_local Floats colours;
  kernels.composite(JobOf(size, scene, bins, tile), picture, colours.AtLeast(size.channels * kTilePixels));
}

void PullTile(const Kernels& kernels, const Size& size, const Scene& scene, Bins& bins, int tile,
              const Cotangents& cotangents, float* pair_gradients) {
  const TileJob job = JobOf(size, scene, bins, tile);
  if (!job.num_pairs) return;
  static thread_local Floats shades, sums;
  static thread_local std::unique_ptr<Pullback> pullback(new Pullback);
  pullback->shades = shades.AtLeast((1 + size.channels) * kTilePixels);
  pullback->sums = sums.AtLeast(size.channels * kMostLanes);
  kernels.begin(job, cotangents, *pullback);

  struct Run {
    uint32_t first;
    Passage passage;  // In front of it.
  };
  std::vector<Run> runs;
  uint32_t reached = 0;
  while (reached < job.num_pairs && pullback->passage.open) {
    runs.push_back({reached, pullback->passage});
    reached = kernels.record(job, reached, *pullback);
  }
  const int64_t stride = PairStride(size);
  for (uint32_t k = reached; k < job.num_pairs; ++k)
    std::fill_n(pair_gradients + job.pairs[k].id * stride, stride, 0.0f);
  for (size_t run = runs.size(); run-- > 0;) {
    if (run + 1 < runs.size()) {
      pullback->passage = runs[run].passage;
      kernels.record(job, runs[run].first, *pullback);
    }
    kernels.rewind(job, *pullback, pair_gradients);
  }
}

}  // namespace rasterizer
