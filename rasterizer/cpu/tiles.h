// One tile on one thread: its points sorted, its pixels drawn or its gradients taken, in that thread's memory.
#ifndef RASTERIZER_CPU_TILES_H_
#define RASTERIZER_CPU_TILES_H_

#include "bins.h"
#include "kernels.h"
#include "scene.h"

namespace rasterizer {

void DrawTile(const Kernels& kernels, const Size& size, const Scene& scene, Bins& bins, int tile,
              const Picture& picture);

// Writes a row of gradients for every pair of the tile, at the pair's id.
void PullTile(const Kernels& kernels, const Size& size, const Scene& scene, Bins& bins, int tile,
              const Cotangents& cotangents, float* pair_gradients);

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_TILES_H_
