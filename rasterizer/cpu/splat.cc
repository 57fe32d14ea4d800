// XLA FFI handlers: whole batches of images, forward and backward.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bins.h"
#include "instruction_sets.h"
#include "kernels.h"
#include "parallel.h"
#include "scene.h"
#include "tiles.h"
#include "xla/ffi/api/ffi.h"

namespace rasterizer {
namespace {

namespace ffi = xla::ffi;
using Floats = ffi::Buffer<ffi::F32>;
using Flags = ffi::Buffer<ffi::PRED>;

int64_t BatchSize(const Floats& features) {
  int64_t batch = 1;
  const auto dims = features.dimensions();
  for (size_t i = 0; i + 2 < dims.size(); ++i) batch *= dims[i];
  return batch;
}

Size SizeOf(const Floats& shapes, const Floats& features, const Floats& image_alpha, int64_t limit,
            float min_transmittance) {
  const auto points = features.dimensions(), pixels = image_alpha.dimensions();
  if (const int64_t shape = shapes.dimensions().back(); !ChosenKernels().has_footprint(shape))
    throw std::invalid_argument("no footprint has " + std::to_string(shape) + " parameters");
  return {points[points.size() - 2],
          points[points.size() - 1],
          static_cast<int>(pixels[pixels.size() - 2]),
          static_cast<int>(pixels[pixels.size() - 1]),
          static_cast<int>(limit ? limit : std::numeric_limits<int>::max()),
          shapes.dimensions().back(),
          min_transmittance};
}

// The b-th image's part of buffers with a leading batch.
struct Batch {
  const Size& size;
  int64_t points(int64_t b) const { return b * size.points; }
  int64_t pixels(int64_t b) const { return b * size.height * size.width; }
};

Scene SceneOf(const Size& size, int64_t b, const Floats& means2d, const Floats& depths, const Floats& extents,
              const Floats& shapes, const Floats& features, const Floats& opacities, const Flags& drawn) {
  const int64_t at = Batch{size}.points(b);
  return {means2d.typed_data() + 2 * at,
          depths.typed_data() + at,
          extents.typed_data() + 2 * at,
          shapes.typed_data() + at * size.shape,
          features.typed_data() + at * size.channels,
          opacities.typed_data() + at,
          drawn.typed_data() + at};
}

// Calls body(first, last) for runs of as many images as there are threads. The images of a run are binned and then drawn
// together; more at once would push each other out of the caches, and hold all their pairs in memory.
template <typename Body>
void ForGroups(ffi::ThreadPool& pool, int64_t images, const Body& body) {
  const int64_t group = std::max<int64_t>(1, pool.num_threads());
  for (int64_t first = 0; first < images; first += group) body(first, std::min(first + group, images));
}

std::vector<Bins> BinBatch(ffi::ThreadPool& pool, const Size& size, const std::vector<Scene>& scenes) {
  const int64_t images = scenes.size(), parts = std::max<int64_t>(1, pool.num_threads() / std::max<int64_t>(1, images));
  std::vector<Binner> binners;
  for (const Scene& scene : scenes) binners.emplace_back(size, scene, parts);
  ParallelFor(pool, images * parts, [&](int64_t index) { binners[index / parts].Count(index % parts); });
  for (Binner& binner : binners) binner.Place();
  ParallelFor(pool, images * parts, [&](int64_t index) { binners[index / parts].Fill(index % parts); });
  std::vector<Bins> bins;
  for (Binner& binner : binners) bins.push_back(binner.Take());
  return bins;
}

// Sums each point's pairs in a fixed order, so that the result does not depend on the threads.
void SumPairs(const Size& size, const Bins& bins, const float* pair_gradients, int64_t point,
              const SceneGradients& gradients) {
  const int64_t stride = PairStride(size), opacity = NumOwn(size) - 1;
  float* const d_feature = gradients.features + point * size.channels;
  for (int64_t id = bins.first_ids[point]; id < bins.first_ids[point + 1]; ++id) {
    const float* const row = pair_gradients + id * stride;
    gradients.means2d[2 * point] += row[0];
    gradients.means2d[2 * point + 1] += row[1];
    for (int64_t s = 0; s < size.shape; ++s) gradients.shapes[point * size.shape + s] += row[2 + s];
    gradients.opacities[point] += row[opacity];
    for (int64_t c = 0; c < size.channels; ++c) d_feature[c] += row[opacity + 1 + c];
  }
}

template <typename Body>
ffi::Error Guarded(const Body& body) {
  try {
    body();
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "rasterizer: out of memory");
  } catch (const std::exception& failure) {
    return ffi::Error(ffi::ErrorCode::kInvalidArgument, std::string("rasterizer: ") + failure.what());
  }
  return ffi::Error::Success();
}

template <typename Buffer>
void Zero(Buffer& buffer) {
  std::memset(buffer->untyped_data(), 0, buffer->size_bytes());
}

ffi::Error Forward(ffi::ThreadPool pool, int64_t limit, float min_transmittance, Floats means2d, Floats depths,
                   Floats extents, Floats shapes, Floats features, Floats opacities, Flags drawn,
                   ffi::Result<Floats> image, ffi::Result<Floats> alpha, ffi::Result<Floats> max_weight,
                   ffi::Result<Flags> is_front) {
  return Guarded([&] {
    const Size size = SizeOf(shapes, features, *alpha, limit, min_transmittance);
    const Batch batch{size};
    const Kernels& kernels = ChosenKernels();
    Zero(max_weight);
    Zero(is_front);
    ForGroups(pool, BatchSize(features), [&](int64_t first, int64_t last) {
      std::vector<Scene> scenes;
      std::vector<Picture> pictures;
      for (int64_t b = first; b < last; ++b) {
        scenes.push_back(SceneOf(size, b, means2d, depths, extents, shapes, features, opacities, drawn));
        pictures.push_back({image->typed_data() + batch.pixels(b) * size.channels,
                            alpha->typed_data() + batch.pixels(b), max_weight->typed_data() + batch.points(b),
                            is_front->typed_data() + batch.points(b)});
      }
      std::vector<Bins> bins = BinBatch(pool, size, scenes);
      ParallelFor(pool, scenes.size() * size.tiles(), [&](int64_t index) {
        const int64_t i = index / size.tiles();
        DrawTile(kernels, size, scenes[i], bins[i], index % size.tiles(), pictures[i]);
      });
    });
  });
}

ffi::Error Backward(ffi::ThreadPool pool, int64_t limit, float min_transmittance, Floats means2d, Floats depths,
                    Floats extents, Floats shapes, Floats features, Floats opacities, Flags drawn, Floats d_image,
                    Floats d_alpha, ffi::Result<Floats> d_means2d, ffi::Result<Floats> d_shapes,
                    ffi::Result<Floats> d_features, ffi::Result<Floats> d_opacities) {
  return Guarded([&] {
    const Size size = SizeOf(shapes, features, d_alpha, limit, min_transmittance);
    const Batch batch{size};
    const Kernels& kernels = ChosenKernels();
    Zero(d_means2d);
    Zero(d_shapes);
    Zero(d_features);
    Zero(d_opacities);
    ForGroups(pool, BatchSize(features), [&](int64_t first, int64_t last) {
      std::vector<Scene> scenes;
      for (int64_t b = first; b < last; ++b)
        scenes.push_back(SceneOf(size, b, means2d, depths, extents, shapes, features, opacities, drawn));
      std::vector<Bins> bins = BinBatch(pool, size, scenes);
      std::vector<std::unique_ptr<float[]>> pair_gradients;
      for (const Bins& one : bins) pair_gradients.emplace_back(new float[one.starts.back() * PairStride(size)]);
      ParallelFor(pool, scenes.size() * size.tiles(), [&](int64_t index) {
        const int64_t i = index / size.tiles(), at = batch.pixels(first + i);
        const Cotangents cotangents{d_image.typed_data() + at * size.channels, d_alpha.typed_data() + at};
        PullTile(kernels, size, scenes[i], bins[i], index % size.tiles(), cotangents, pair_gradients[i].get());
      });
      constexpr int64_t kPoints = 4096;  // Per task.
      const int64_t tasks = (size.points + kPoints - 1) / kPoints;
      ParallelFor(pool, scenes.size() * tasks, [&](int64_t index) {
        const int64_t i = index / tasks, begin = index % tasks * kPoints, at = batch.points(first + i);
        const SceneGradients gradients{d_means2d->typed_data() + 2 * at, d_shapes->typed_data() + at * size.shape,
                                       d_features->typed_data() + at * size.channels, d_opacities->typed_data() + at};
        const int64_t end = std::min(begin + kPoints, size.points);
        for (int64_t point = begin; point < end; ++point)
          SumPairs(size, bins[i], pair_gradients[i].get(), point, gradients);
      });
    });
  });
}

}  // namespace
}  // namespace rasterizer

extern "C" {
__attribute__((visibility("default"))) XLA_FFI_Error* RasterizerForward(XLA_FFI_CallFrame* frame);
__attribute__((visibility("default"))) XLA_FFI_Error* RasterizerBackward(XLA_FFI_CallFrame* frame);
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(RasterizerForward, rasterizer::Forward,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Attr<int64_t>("limit")
                                  .Attr<float>("min_transmittance")
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Flags>()
                                  .Ret<rasterizer::Floats>()
                                  .Ret<rasterizer::Floats>()
                                  .Ret<rasterizer::Floats>()
                                  .Ret<rasterizer::Flags>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(RasterizerBackward, rasterizer::Backward,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Attr<int64_t>("limit")
                                  .Attr<float>("min_transmittance")
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Flags>()
                                  .Arg<rasterizer::Floats>()
                                  .Arg<rasterizer::Floats>()
                                  .Ret<rasterizer::Floats>()
                                  .Ret<rasterizer::Floats>()
                                  .Ret<rasterizer::Floats>()
                                  .Ret<rasterizer::Floats>());
