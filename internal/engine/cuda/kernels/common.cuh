// What all kernels share: how they are declared, reductions over a warp and a
// block in a fixed order, and the word in which they report bad input.
//
// A kernel that treats rows alike gives each row to one warp; blocks are
// ROW_THREADS wide then. Nothing here uses floating-point atomics, so the same
// inputs give the same bytes.
//
// BOUNDED_KERNEL promises blocks of at most so many threads, of which so many are
// to fit on a multiprocessor at once.
#pragma once

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define KERNEL(name) extern "C" __global__ void name
#define BOUNDED_KERNEL(name, threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks) name
#define DYNAMIC_SHARED(type, name) extern __shared__ __align__(16) type name[]
#else
#include "emulator.h" // the kernels run on a processor in tests
#define KERNEL(name) static __attribute__((used)) void name // tests look for these words
#define BOUNDED_KERNEL(name, threads, blocks) KERNEL(name)
#define DYNAMIC_SHARED(type, name) type *name = (type *)emulator::dynamic_shared()
#endif

typedef long long i64;

// Activations are stored as float or, in the 16-bit precisions, as one of these;
// arithmetic is float32 throughout. widen reads, narrow<T> rounds to nearest,
// ties to even.
struct bf16 {
    unsigned short bits;
};
struct fp16 {
    unsigned short bits;
};

__device__ inline float widen(float v) { return v; }
__device__ inline float widen(bf16 v) { return __uint_as_float((unsigned)v.bits << 16); }
__device__ inline float widen(fp16 v) { return __half2float(__ushort_as_half(v.bits)); }

__device__ inline void round_to(float *r, float v) { *r = v; }
__device__ inline void round_to(fp16 *r, float v) { r->bits = __half_as_ushort(__float2half_rn(v)); }
__device__ inline void round_to(bf16 *r, float v) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r->bits) : "f"(v));
#else
    unsigned u = __float_as_uint(v);
    if ((u & 0x7fffffffu) > 0x7f800000u) r->bits = 0x7fff;
    else r->bits = (unsigned short)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
#endif
}
template <class T> __device__ inline T narrow(float v) {
    T r;
    round_to(&r, v);
    return r;
}

// pack rounds two numbers to T, of 16 bits; low is the element of the lower index.
template <class T> __device__ inline unsigned pack(float low, float high) {
    return narrow<T>(low).bits | (unsigned)narrow<T>(high).bits << 16;
}
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
template <> __device__ inline unsigned pack<bf16>(float low, float high) {
    unsigned r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
    return r;
}
template <> __device__ inline unsigned pack<fp16>(float low, float high) {
    unsigned r;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
    return r;
}
#endif

// FLOAT16 says that kernels over 16-bit activations are built: from compute
// capability 8.0 on, and for the processor.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define FLOAT16 1
#else
#define FLOAT16 0
#endif

// FOR_STORAGE builds instance(suffix, In, Out) for the ways in which a kernel's
// input and its result may be stored; FOR_SAME for operands of one storage,
// FOR_RESULT for a float32 input. The engine puts the suffix to the name, see
// variant in mixed_precision.go.
#if FLOAT16
#define FOR_STORAGE(instance)                                                      \
    instance(, float, float) instance(_bf16, bf16, bf16) instance(_fp16, fp16, fp16) \
    instance(_bf16_in, bf16, float) instance(_fp16_in, fp16, float) FOR_FLOAT16_RESULT(instance)
#define FOR_SAME(instance) instance(, float) instance(_bf16, bf16) instance(_fp16, fp16)
#define FOR_RESULT(instance) instance(, float, float) FOR_FLOAT16_RESULT(instance)
#define FOR_FLOAT16_RESULT(instance) instance(_bf16_out, float, bf16) instance(_fp16_out, float, fp16)
#else
#define FOR_STORAGE(instance) instance(, float, float)
#define FOR_SAME(instance) instance(, float)
#define FOR_RESULT(instance) instance(, float, float)
#endif

#define WARP 32
#define ROW_THREADS 128
#define BLOCK 256
#define FULL 0xffffffffu

// Codes of faults, in the order of the messages in fault.go.
enum { FAULT_INDEX = 1, FAULT_LABEL = 2, FAULT_TRIE = 3 };

// report keeps the first fault: its code, its place and the value found.
__device__ inline void report(int *fault, int code, int place, int value) {
    if (atomicCAS(fault, 0, code) == 0) {
        fault[1] = place;
        fault[2] = value;
    }
}

// EACH runs over n elements, whatever the grid.
#define EACH(i, n)                                                                   \
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x, each_step = (i64)gridDim.x * blockDim.x; \
         i < (n); i += each_step)

// take returns k % by and leaves k / by, in 32 bits where k fits: a division of
// 64 bits costs more than the memory traffic of an element.
__device__ inline int take(i64 *k, int by) {
    if (((unsigned long long)*k >> 32) == 0) {
        unsigned u = (unsigned)*k, q = u / (unsigned)by;
        *k = q;
        return (int)(u - q * (unsigned)by);
    }
    i64 q = *k / by;
    int r = (int)(*k - q * by);
    *k = q;
    return r;
}

// warp_row is the row of this warp.
__device__ inline int warp_row() { return (int)((blockIdx.x * blockDim.x + threadIdx.x) / WARP); }
__device__ inline int lane_id() { return (int)(threadIdx.x % WARP); }

__device__ inline float warp_sum(float v) {
    for (int d = WARP / 2; d > 0; d /= 2) v += __shfl_xor_sync(FULL, v, d);
    return v;
}

__device__ inline float warp_max(float v) {
    for (int d = WARP / 2; d > 0; d /= 2) v = fmaxf(v, __shfl_xor_sync(FULL, v, d));
    return v;
}

// warp_first leaves in all lanes the best value and its smallest index; sign 1
// looks for the maximum, -1 for the minimum.
__device__ inline void warp_first(float *value, int *index, float sign) {
    for (int d = WARP / 2; d > 0; d /= 2) {
        float v = __shfl_xor_sync(FULL, *value, d);
        int i = __shfl_xor_sync(FULL, *index, d);
        if (sign * v > sign * *value || (v == *value && i < *index)) {
            *value = v;
            *index = i;
        }
    }
}

// block_sum adds up over a block of BLOCK threads; the result is thread 0's.
__device__ inline double block_sum(double v) {
    __shared__ double part[BLOCK];
    part[threadIdx.x] = v;
    __syncthreads();
    for (int d = BLOCK / 2; d > 0; d /= 2) {
        if ((int)threadIdx.x < d) part[threadIdx.x] += part[threadIdx.x + d];
        __syncthreads();
    }
    return part[0];
}
