// What the kernels of tree attention share. A group of LANES lanes holds a
// node's vectors of one head: a lane has D / LANES of the channels, in runs of
// four that alternate with those of the other lanes, so that a group reads a
// run of memory together. D is the size of a head rounded up to one the kernels
// are built for; the channels beyond the head are zeros.
#pragma once
#include "attention.cuh"
#include "vector.cuh"

#define LANES 8
#define DEEPEST 128 // nodes on a path

#define LOG2E 1.44269504f // scores are multiples of log 2: the hardware has exp2

// TreeRow says which node and head are this group's.
struct TreeRow {
    int node, head;
};

__device__ inline TreeRow tree_row(int heads) {
    i64 k = ((i64)blockIdx.x * blockDim.x + threadIdx.x) / LANES;
    int head = take(&k, heads);
    return {(int)k, head};
}

// up returns the parent of a node, or -1 at a root and where the trie is broken.
__device__ inline int up(const int *tree, int i, int *steps, int *fault) {
    int p = tree[i];
    if (p < 0) return -1;
    if (p >= i || ++*steps >= DEEPEST) {
        report(fault, FAULT_TRIE, i, p);
        return -1;
    }
    return p;
}

// check_depth reports a node whose depth is not one more than its parent's.
__device__ inline void check_depth(const int *tree, int n, int i, int *fault) {
    int p = tree[i], depth = tree[n + i];
    if (depth != (p >= 0 && p < i ? tree[n + p] + 1 : 0) || depth >= DEEPEST) report(fault, FAULT_TRIE, i, depth);
}

template <int D> __device__ inline void zero_part(float *v) {
#pragma unroll
    for (int c = 0; c < D / LANES; c++) v[c] = 0;
}

template <int D> __device__ inline void scale_part(float *v, float by) {
#pragma unroll
    for (int c = 0; c < D / LANES; c++) v[c] *= by;
}

// channel is the first of the run of four with number r of this lane.
__device__ inline int channel(int r) { return 4 * (r * LANES + threadIdx.x % LANES); }

// load_part brings the group's lanes their channels of a vector of dim numbers,
// which is D in Whole kernels.
template <int D, bool Whole, class T> __device__ inline void load_part(float *v, const T *from, int dim) {
#pragma unroll
    for (int r = 0; r < D / LANES / 4; r++) {
        int c = channel(r);
        if constexpr (Whole) {
            load4(v + 4 * r, from + c);
        } else {
#pragma unroll
            for (int e = 0; e < 4; e++) v[4 * r + e] = c + e < dim ? widen(from[c + e]) : 0.0f;
        }
    }
}

template <int D, bool Whole, class T> __device__ inline void store_part(T *to, const float *v, int dim, float scale) {
#pragma unroll
    for (int r = 0; r < D / LANES / 4; r++) {
        int c = channel(r);
        if constexpr (Whole) {
            float run[4] = {v[4 * r] * scale, v[4 * r + 1] * scale, v[4 * r + 2] * scale, v[4 * r + 3] * scale};
            store4(to + c, run);
        } else {
#pragma unroll
            for (int e = 0; e < 4; e++)
                if (c + e < dim) to[c + e] = narrow<T>(v[4 * r + e] * scale);
        }
    }
}

// group_dot leaves the product of two vectors in all lanes of the group. All
// groups of the warp take part: a mask that is not constant costs more than the
// shuffles, so loops go on until the last group is done.
template <int D> __device__ inline float group_dot(const float *a, const float *b) {
    float s = 0;
#pragma unroll
    for (int c = 0; c < D / LANES; c++) s += a[c] * b[c];
    for (int d = LANES / 2; d > 0; d /= 2) s += __shfl_xor_sync(FULL, s, d);
    return s;
}

// FOR_GRADIENT builds instance(suffix, In, Out) for the storage of the input
// projection and of its gradient, which has the range of bfloat16 at least.
#if FLOAT16
#define FOR_GRADIENT(instance) \
    instance(, float, float) instance(_bf16, bf16, bf16) instance(_bf16_in, bf16, float) instance(_fp16_in, fp16, float)
#else
#define FOR_GRADIENT(instance) instance(, float, float)
#endif
