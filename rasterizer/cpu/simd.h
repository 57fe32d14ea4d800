// Vectors as wide as the instruction set that this translation unit is compiled for, by the extensions that GCC and
// Clang share. Everything lies in a namespace named after it: no other instruction set's code may stand in for it.
#ifndef RASTERIZER_CPU_SIMD_H_
#define RASTERIZER_CPU_SIMD_H_

#include <cstdint>

namespace rasterizer {
namespace RASTERIZER_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using Vector = float __attribute__((vector_size(kLanes * sizeof(float))));
using Mask = int32_t __attribute__((vector_size(kLanes * sizeof(float))));  // Each lane 0 or -1.
using Quad = float __attribute__((vector_size(4 * sizeof(float))));

inline Vector Load(const float* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}

inline Mask Load(const int32_t* from) {
  Mask mask;
  __builtin_memcpy(&mask, from, sizeof mask);
  return mask;
}

inline void Store(float* to, Vector vector) { __builtin_memcpy(to, &vector, sizeof vector); }
inline void Store(int32_t* to, Mask mask) { __builtin_memcpy(to, &mask, sizeof mask); }

inline Vector Select(Mask mask, Vector yes, Vector no) { return mask ? yes : no; }
inline Vector Keep(Mask mask, Vector vector) { return Select(mask, vector, Vector{}); }
inline Vector Max(Vector a, Vector b) { return a > b ? a : b; }
inline Vector Min(Vector a, Vector b) { return a < b ? a : b; }

constexpr int32_t kSign = INT32_MIN;
inline Vector Abs(Vector vector) { return (Vector)((Mask)vector & ~kSign); }
inline Vector Negative(Vector vector) { return (Vector)((Mask)vector | kSign); }

// One bit a lane: whether it has its sign bit set, as true lanes of a mask have.
inline uint32_t SignBits(Vector vector) {
#if defined(__AVX512DQ__)
  return static_cast<uint16_t>(__builtin_ia32_cvtd2mask512((Mask)vector));
#elif defined(__AVX2__)
  return static_cast<uint32_t>(__builtin_ia32_movmskps256(vector));
#elif defined(__SSE2__)
  return static_cast<uint32_t>(__builtin_ia32_movmskps(vector));
#else
  uint32_t bits = 0;
  for (int lane = 0; lane < kLanes; ++lane) bits |= static_cast<uint32_t>(((Mask)vector)[lane] < 0) << lane;
  return bits;
#endif
}

inline uint32_t SignBits(Mask mask) { return SignBits((Vector)mask); }

inline float LargestLane(Vector vector) {
  float largest = vector[0];
  for (int lane = 1; lane < kLanes; ++lane) largest = vector[lane] > largest ? vector[lane] : largest;
  return largest;
}

inline Quad FoldToQuad(Vector vector) {
  Quad parts[kLanes / 4];
  __builtin_memcpy(parts, &vector, sizeof vector);
  for (int half = kLanes / 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  return parts[0];
}

#if defined(__clang__) || __GNUC__ >= 12
#define RASTERIZER_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define RASTERIZER_SHUFFLE(a, b, ...) \
  __builtin_shuffle(a, b, (int32_t __attribute__((vector_size(4 * sizeof(int32_t))))){__VA_ARGS__})
#endif

// The sums of four vectors' lanes.
inline Quad SumLanes(Vector a, Vector b, Vector c, Vector d) {
  const Quad p = FoldToQuad(a), q = FoldToQuad(b), r = FoldToQuad(c), s = FoldToQuad(d);
  const Quad pq = RASTERIZER_SHUFFLE(p, q, 0, 4, 1, 5) + RASTERIZER_SHUFFLE(p, q, 2, 6, 3, 7);
  const Quad rs = RASTERIZER_SHUFFLE(r, s, 0, 4, 1, 5) + RASTERIZER_SHUFFLE(r, s, 2, 6, 3, 7);
  return RASTERIZER_SHUFFLE(pq, rs, 0, 1, 4, 5) + RASTERIZER_SHUFFLE(pq, rs, 2, 3, 6, 7);
}

#undef RASTERIZER_SHUFFLE

// e^x for x < 88, to 2 units in the last place above -80; below it e^-80.
//
// x = n log 2 + r with |r| <= log(2) / 2: a polynomial for e^r, and n goes straight into the exponent.
inline Vector Exp(Vector x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: added to a small float, it leaves an integer in the low bits.
  constexpr float kLog2High = 0.693145751953125f, kLog2Low = 1.428606765330187e-6f;  // The first times n is exact.
  x = Max(x, Vector{} - 80.0f);
  const Vector shifted = x * 1.44269504f + kRound;
  const Vector n = shifted - kRound;
  const Vector r = (x - n * kLog2High) - n * kLog2Low;
  Vector q = r * 0.0013814536f + 0.008368745f;
  q = q * r + 0.041668393f;
  q = q * r + 0.16666521f;
  q = q * r + 0.49999994f;
  const Vector power = q * (r * r) + r + 1.0f;
  return (Vector)((Mask)power + ((Mask)shifted << 23));
}

}  // namespace RASTERIZER_ISA
}  // namespace rasterizer

#endif  // RASTERIZER_CPU_SIMD_H_
