// Which points touch which tile, and in which order.
#ifndef RASTERIZER_CPU_BINS_H_
#define RASTERIZER_CPU_BINS_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "scene.h"

namespace rasterizer {

struct TileRange {
  Span rows, cols;
  int64_t count() const { return int64_t{rows.last - rows.first} * (cols.last - cols.first); }
};

struct Bins {
  std::unique_ptr<uint32_t[]> first_ids;  // (points + 1): each point's first pair id.
  std::vector<uint32_t> starts;           // (tiles + 1): where each tile's pairs start.
  std::unique_ptr<Pair[]> pairs;          // Of each tile; in the order of their points until SortTile.
};

// Lists the points of an image by tile, in parts that may be worked on at once: Count every part, then Place, then Fill
// every part. The result does not depend on the number of parts.
class Binner {
 public:
  Binner(const Size& size, const Scene& scene, int64_t num_parts);

  void Count(int64_t part);
  void Place();  // Throws std::length_error beyond 2^32 - 1 pairs.
  void Fill(int64_t part);
  Bins Take() { return std::move(bins_); }

 private:
  // What the points of a part are to the tiles.
  struct Part {
    int64_t first, last;         // Points.
    std::vector<uint32_t> tiles;  // How many pairs each has; then where its next one goes.
    uint64_t num_pairs;          // Then the first one's id.
  };

  const Size& size_;
  const Scene& scene_;
  std::unique_ptr<TileRange[]> ranges_;
  std::vector<Part> parts_;
  Bins bins_;
};

// Puts a tile's pairs nearest first; of equal depths the lower point stays first.
void SortTile(Bins& bins, int tile);

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_BINS_H_
