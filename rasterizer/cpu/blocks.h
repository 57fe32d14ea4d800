// A tile's pixels as blocks of one vector each: four columns wide, as many rows high as there are lanes for. Points of
// a few pixels then fill most lanes of the blocks that they touch.
#ifndef RASTERIZER_CPU_BLOCKS_H_
#define RASTERIZER_CPU_BLOCKS_H_

#include <cstdint>

#include "footprints.h"
#include "kernels.h"
#include "scene.h"
#include "simd.h"

namespace rasterizer {
namespace RASTERIZER_ISA {

constexpr int kBlockCols = 4, kBlockRows = kLanes / kBlockCols;
constexpr int kBlocksAcross = kTile / kBlockCols, kBlocksDown = kTile / kBlockRows;
constexpr int kBlocks = kBlocksAcross * kBlocksDown;
static_assert(kBlocks <= 64 && kBlocks % kLanes == 0, "a bit for each block, and vectors full of blocks");

// Where a pixel lies in the planes of a tile.
inline int PlaneIndex(int row, int col) {
  const int block = row / kBlockRows * kBlocksAcross + col / kBlockCols;
  return block * kLanes + row % kBlockRows * kBlockCols + col % kBlockCols;
}

// visit(pixel of the image, index in a plane) for every pixel of a tile that the image has.
template <typename Visit>
inline void ForEachPixel(const TileJob& job, const Visit& visit) {
  for (int y = job.rows.first; y < job.rows.last; ++y)
    for (int x = job.cols.first; x < job.cols.last; ++x)
      visit(int64_t{y} * job.size.width + x, PlaneIndex(y - job.rows.first, x - job.cols.first));
}

inline uint64_t PopBlock(uint64_t& blocks) {
  const int block = __builtin_ctzll(blocks);
  blocks &= blocks - 1;
  return block;
}

// The centres of a tile's pixels, block by block.
class Grid {
 public:
  explicit Grid(const TileJob& job) : top_(job.rows.first), left_(job.cols.first) {
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int i = 0; i < kBlocksAcross; ++i) cols_[i][lane] = left_ + i * kBlockCols + lane % kBlockCols + 0.5f;
      for (int i = 0; i < kBlocksDown; ++i) rows_[i][lane] = top_ + i * kBlockRows + lane / kBlockCols + 0.5f;
      middle_col_[lane] = lane % kBlocksAcross * kBlockCols + 0.5f * kBlockCols;
      middle_row_[lane] = lane / kBlocksAcross * kBlockRows + 0.5f * kBlockRows;
    }
  }

  Vector cols(int block) const { return cols_[block % kBlocksAcross]; }
  Vector rows(int block) const { return rows_[block / kBlocksAcross]; }

  // The blocks that an ellipse may touch, one bit each: what the ellipse is at the row of the block that is nearest its
  // middle, against all of the block. Larger by a little, so that rounding loses no pixel.
  uint64_t Touched(const Ellipse& ellipse) const {
    constexpr float kHalfCols = 0.5f * (kBlockCols - 1), kHalfRows = 0.5f * (kBlockRows - 1);
    const float x = ellipse.x - left_, y = ellipse.y - top_;
    const float most = ellipse.widen * ellipse.extent * ellipse.extent * 1.02f + 0.01f;
    const float reach = kHalfCols + __builtin_fabsf(ellipse.lean) * kHalfRows;
    uint64_t touched = 0;
    for (int i = 0; i < kBlocks / kLanes; ++i) {
      const Vector dy = middle_row_ + (i * (kTile * kLanes / kBlocks) - y);
      const Vector nearest = Max(Abs(dy) - kHalfRows, Vector{});
      const Vector half = most - ellipse.widen * nearest * nearest;  // Of the chord; squared.
      const Vector away = Max(Abs(middle_col_ - x - ellipse.lean * dy) - reach, Vector{});
      touched |= uint64_t{SignBits(~(away * away > half))} << (i * kLanes);  // NaN counts as touched.
    }
    return touched;
  }

 private:
  float top_, left_;
  Vector cols_[kBlocksAcross], rows_[kBlocksDown];
  Vector middle_col_, middle_row_;  // Of as many blocks as there are lanes, from the tile's corner.
};

}  // namespace RASTERIZER_ISA
}  // namespace rasterizer

#endif  // RASTERIZER_CPU_BLOCKS_H_
