// Runs of neighbouring values in few accesses: kernels that do little with a
// value are bound by memory, and most of them by the number of instructions
// that it takes.
#pragma once
#include "common.cuh"

#define RUN 8 // values of a run: 16 bytes in 16 bits, twice 16 in float32

// A word holds two values of 16 bits, the first in its low half.
template <class T> __device__ inline void from_word(float *v, unsigned word) {
    v[0] = widen(T{(unsigned short)word});
    v[1] = widen(T{(unsigned short)(word >> 16)});
}

// load4 and store4 move four values that begin on a multiple of four.
__device__ inline void load4(float *v, const float *from) {
    float4 run = *(const float4 *)from;
    v[0] = run.x;
    v[1] = run.y;
    v[2] = run.z;
    v[3] = run.w;
}

template <class T> __device__ inline void load4(float *v, const T *from) {
    unsigned long long words = *(const unsigned long long *)from;
    from_word<T>(v, (unsigned)words);
    from_word<T>(v + 2, (unsigned)(words >> 32));
}

__device__ inline void store4(float *to, const float *v) { *(float4 *)to = {v[0], v[1], v[2], v[3]}; }

template <class T> __device__ inline void store4(T *to, const float *v) {
    *(unsigned long long *)to = pack<T>(v[0], v[1]) | (unsigned long long)pack<T>(v[2], v[3]) << 32;
}

// load8 and store8 move a run that begins on 16 bytes.
__device__ inline void load8(float *v, const float *from) {
    load4(v, from);
    load4(v + 4, from + 4);
}

template <class T> __device__ inline void load8(float *v, const T *from) {
    float4 words = *(const float4 *)from; // any type of 16 bytes would do
    from_word<T>(v, __float_as_uint(words.x));
    from_word<T>(v + 2, __float_as_uint(words.y));
    from_word<T>(v + 4, __float_as_uint(words.z));
    from_word<T>(v + 6, __float_as_uint(words.w));
}

__device__ inline void store8(float *to, const float *v) {
    store4(to, v);
    store4(to + 4, v + 4);
}

template <class T> __device__ inline void store8(T *to, const float *v) {
    *(float4 *)to = {__uint_as_float(pack<T>(v[0], v[1])), __uint_as_float(pack<T>(v[2], v[3])),
                     __uint_as_float(pack<T>(v[4], v[5])), __uint_as_float(pack<T>(v[6], v[7]))};
}

// load_run and store_run move the first left values of a run, all if there are
// more, wherever it begins; what is not loaded is 0.
__device__ inline bool whole_run(const void *at, i64 left) { return left >= RUN && (size_t)at % 16 == 0; }

template <class T> __device__ inline void load_run(float *v, const T *from, i64 left) {
    if (whole_run(from, left)) {
        load8(v, from);
        return;
    }
#pragma unroll
    for (int k = 0; k < RUN; k++) v[k] = k < left ? widen(from[k]) : 0.0f;
}

template <class T> __device__ inline void store_run(T *to, const float *v, i64 left) {
    if (whole_run(to, left)) {
        store8(to, v);
        return;
    }
#pragma unroll
    for (int k = 0; k < RUN; k++)
        if (k < left) to[k] = narrow<T>(v[k]);
}

// EACH_RUN runs over the runs of n elements, i being the first of a run.
#define EACH_RUN(i, n)                                                                             \
    for (i64 i = ((i64)blockIdx.x * blockDim.x + threadIdx.x) * RUN, each_step = (i64)gridDim.x * blockDim.x * RUN; \
         i < (n); i += each_step)
