// A parallel loop on XLA's own thread pool.
#ifndef RASTERIZER_CPU_PARALLEL_H_
#define RASTERIZER_CPU_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>

#include "xla/ffi/api/ffi.h"

namespace rasterizer {

// Runs work(0) ... work(count - 1), in any order, and returns when all are done.
//
// The caller takes part, and waits only for indices that another thread has begun: the pool may be full of callers
// like this one, and waiting for a free thread would then be a deadlock.
template <typename Work>
void ParallelFor(xla::ffi::ThreadPool& pool, int64_t count, const Work& work) {
  struct Shared {
    std::atomic<int64_t> next{0};
    int64_t done = 0;
    std::exception_ptr failure;
    std::mutex mutex;
    std::condition_variable all_done;
  };
  auto shared = std::make_shared<Shared>();
  const Work* body = &work;  // Outlives every index; a helper that starts too late finds none and never reads it.
  auto take_part = [shared, body, count] {
    for (int64_t index; (index = shared->next.fetch_add(1)) < count;) {
      std::exception_ptr failure;
      try {
        (*body)(index);
      } catch (...) {
        failure = std::current_exception();
      }
      std::lock_guard<std::mutex> lock(shared->mutex);
      if (failure) shared->failure = failure;
      if (++shared->done == count) shared->all_done.notify_all();
    }
  };
  const int64_t helpers = std::min<int64_t>(pool.num_threads(), count) - 1;
  for (int64_t i = 0; i < helpers; ++i) {
    auto helper = take_part;
    pool.Schedule(std::move(helper));
  }
  take_part();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->all_done.wait(lock, [&] { return shared->done == count; });
  if (shared->failure) std::rethrow_exception(shared->failure);
}

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_PARALLEL_H_
