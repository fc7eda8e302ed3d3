// CUDA C on a processor, so that the kernels can be tested without a GPU: the
// threads of a block are fibres that run until they wait for one another. A warp
// runs as far as it gets before the next one does, from first to last in one
// block and from last to first in the next, and shared memory starts as NaN, so
// that a missing __syncthreads shows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__ static
#define __shared__ static __attribute__((section("shared_memory")))
#define __launch_bounds__(...)

struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

extern uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {
void *dynamic_shared();
void block_barrier();
void warp_barrier();
uint64_t *warp_slot(int lane);
int lane();
} // namespace emulator

inline void __syncthreads() { emulator::block_barrier(); }

template <class T> inline T __shfl_xor_sync(unsigned, T v, int d) {
    std::memcpy(emulator::warp_slot(emulator::lane()), &v, sizeof v);
    emulator::warp_barrier();
    T r;
    std::memcpy(&r, emulator::warp_slot(emulator::lane() ^ d), sizeof r);
    emulator::warp_barrier();
    return r;
}

// Lanes that have ended keep what they last left in their slots, so a warp whose
// lanes end apart must not ask.
inline int __any_sync(unsigned mask, int v) {
    v = v != 0;
    for (int d = 1; d < 32; d *= 2) v |= __shfl_xor_sync(mask, v, d);
    return v;
}

inline int atomicCAS(int *p, int expect, int value) {
    int old = *p;
    if (old == expect) *p = value;
    return old;
}

inline float __fdividef(float a, float b) { return a / b; }

using std::max;
using std::min;

inline unsigned __float_as_uint(float x) {
    unsigned u;
    std::memcpy(&u, &x, 4);
    return u;
}

inline float __uint_as_float(unsigned u) {
    float x;
    std::memcpy(&x, &u, 4);
    return x;
}

struct __half {
    uint16_t bits;
};

// __float2half_rn rounds to the nearest half, ties to even.
inline __half __float2half_rn(float x) {
    uint32_t u = __float_as_uint(x), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return {(uint16_t)0x7fff};
    if (a >= 0x477ff000u) return {(uint16_t)(sign | 0x7c00u)};
    if (a < 0x38800000u) { // subnormal: units of 2^-24
        float f;
        std::memcpy(&f, &a, 4);
        return {(uint16_t)(sign | (uint32_t)std::nearbyint((double)f * 16777216.0))};
    }
    return {(uint16_t)(sign | ((a - 0x38000000u + 0xfffu + (a >> 13 & 1u)) >> 13))};
}
inline uint16_t __half_as_ushort(__half h) { return h.bits; }
inline __half __ushort_as_half(uint16_t bits) { return {bits}; }

inline float __half2float(__half h) {
    int e = h.bits >> 10 & 31, m = h.bits & 1023;
    double v = e == 0 ? std::ldexp(m, -24) : e == 31 ? (m ? NAN : INFINITY) : std::ldexp(m + 1024, e - 25);
    return (float)(h.bits & 0x8000 ? -v : v);
}
