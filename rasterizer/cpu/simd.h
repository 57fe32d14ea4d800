// Vectors as wide as the instruction set that this translation unit is compiled for, by the extensions that GCC and
// Clang share. Everything lies in a namespace named after it: no other instruction set's code may stand in for it.
#ifndef RASTERIZER_CPU_SIMD_H_
#define RASTERIZER_CPU_SIMD_H_

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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
// Max and Min return b where they are equal or one is NaN. SignBits has one bit a lane, which is set where the lane's sign
// bit is, as in true lanes of a mask.
#if defined(__AVX512F__)
inline Vector Max(Vector a, Vector b) { return _mm512_max_ps(a, b); }
inline Vector Min(Vector a, Vector b) { return _mm512_min_ps(a, b); }
inline uint32_t SignBits(Vector vector) { return _mm512_movepi32_mask((__m512i)vector); }
#elif defined(__AVX2__)
inline Vector Max(Vector a, Vector b) { return _mm256_max_ps(a, b); }
inline Vector Min(Vector a, Vector b) { return _mm256_min_ps(a, b); }
inline uint32_t SignBits(Vector vector) { return _mm256_movemask_ps(vector); }
#elif defined(__SSE2__)
inline Vector Max(Vector a, Vector b) { return _mm_max_ps(a, b); }
inline Vector Min(Vector a, Vector b) { return _mm_min_ps(a, b); }
inline uint32_t SignBits(Vector vector) { return _mm_movemask_ps(vector); }
#else
inline Vector Max(Vector a, Vector b) { return a > b ? a : b; }
inline Vector Min(Vector a, Vector b) { return a < b ? a : b; }
inline uint32_t SignBits(Vector vector) {
  uint32_t bits = 0;
  for (int lane = 0; lane < kLanes; ++lane) bits |= static_cast<uint32_t>(((Mask)vector)[lane] < 0) << lane;
  return bits;
}
#endif
inline uint32_t SignBits(Mask mask) { return SignBits((Vector)mask); }

constexpr int32_t kSign = INT32_MIN;
inline Vector Abs(Vector vector) { return (Vector)((Mask)vector & ~kSign); }
inline Vector Negative(Vector vector) { return (Vector)((Mask)vector | kSign); }

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

inline float LargestLane(Vector vector) {
  Quad parts[kLanes / 4];
  __builtin_memcpy(parts, &vector, sizeof vector);
  for (int i = 1; i < kLanes / 4; ++i) parts[0] = parts[0] > parts[i] ? parts[0] : parts[i];
  const Quad turned = RASTERIZER_SHUFFLE(parts[0], parts[0], 2, 3, 0, 1);
  const Quad pair = parts[0] > turned ? parts[0] : turned;
  return pair[0] > pair[1] ? pair[0] : pair[1];
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
  const Vector squared = r * r;
  const Vector low = r * 0.16666521f + 0.49999994f, high = r * 0.008368745f + 0.041668393f;
  const Vector power = (low + (high + squared * 0.0013814536f) * squared) * squared + (r + 1.0f);
  return (Vector)((Mask)power + ((Mask)shifted << 23));
}

}  // namespace RASTERIZER_ISA
}  // namespace rasterizer

#endif  // RASTERIZER_CPU_SIMD_H_
