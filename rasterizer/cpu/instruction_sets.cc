#include "instruction_sets.h"

#include <atomic>
#include <cstring>
#include <vector>

namespace rasterizer {

namespace baseline {
extern const Kernels kKernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

namespace {

// Fastest first.
std::vector<const Kernels*> FindRunnable() {
  std::vector<const Kernels*> runnable;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool fused = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fused && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    runnable.push_back(&avx512::kKernels);
  if (fused) runnable.push_back(&avx2::kKernels);
#endif
  runnable.push_back(&baseline::kKernels);
  return runnable;
}

const std::vector<const Kernels*>& Runnable() {
  static const std::vector<const Kernels*> runnable = FindRunnable();
  return runnable;
}

std::atomic<const Kernels*>& Chosen() {
  static std::atomic<const Kernels*> chosen{Runnable().front()};
  return chosen;
}

}  // namespace

const Kernels& ChosenKernels() { return *Chosen().load(); }

bool UseInstructionSet(const char* name) {
  for (const Kernels* kernels : Runnable()) {
    if (std::strcmp(kernels->name, name) == 0) {
      Chosen() = kernels;
      return true;
    }
  }
  return false;
}

}  // namespace rasterizer

extern "C" {
__attribute__((visibility("default"))) const char* RasterizerInstructionSet() {
  return rasterizer::ChosenKernels().name;
}
__attribute__((visibility("default"))) bool RasterizerUseInstructionSet(const char* name) {
  return rasterizer::UseInstructionSet(name);
}
}
