// What the attention kernels share. qkv is [N, 3W]: a row holds the query, the
// key and the value of one token, W = heads * dim. A thread holds one token's
// vectors of one head in registers, D numbers each, D being dim rounded up to a
// size the kernels are built for and filled with zeros.
#pragma once
#include "common.cuh"

#define QUERIES 64 // threads of a block
#define TILE 32    // tokens of the other side in shared memory at a time
#define STEP 8     // keys between two looks at the running maximum

template <int D> __device__ inline void load(float *v, const float *from, int dim) {
#pragma unroll
    for (int c = 0; c < D; c++) v[c] = c < dim ? from[c] : 0.0f;
}

template <int D> __device__ inline void store(float *to, const float *v, int dim, float scale) {
#pragma unroll
    for (int c = 0; c < D; c++)
        if (c < dim) to[c] = v[c] * scale;
}

template <int D> __device__ inline float dot(const float *a, const float *b) {
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma unroll
    for (int c = 0; c < D; c += 4) {
        float4 v = *(const float4 *)(b + c);
        s0 += a[c] * v.x;
        s1 += a[c + 1] * v.y;
        s2 += a[c + 2] * v.z;
        s3 += a[c + 3] * v.w;
    }
    return (s0 + s1) + (s2 + s3);
}

// acc += w * b
template <int D> __device__ inline void axpy(float *acc, float w, const float *b) {
#pragma unroll
    for (int c = 0; c < D; c += 4) {
        float4 v = *(const float4 *)(b + c);
        acc[c] += w * v.x;
        acc[c + 1] += w * v.y;
        acc[c + 2] += w * v.z;
        acc[c + 3] += w * v.w;
    }
}

// fill brings up to TILE rows of a matrix into shared memory, the columns
// beyond dim as zeros. All threads of the block take part.
template <int D> __device__ inline void fill(float *tile, const float *from, i64 stride, int rows, int dim) {
    for (int e = threadIdx.x; e < TILE * D; e += blockDim.x) {
        int r = e / D, c = e % D;
        tile[e] = r < rows && c < dim ? from[r * stride + c] : 0.0f;
    }
}

// FOR_DIM builds a kernel for every size of a head: name##_64 is CLIP's, but for
// the heads of 80 to 104 of the largest models.
#define FOR_DIM(instance) instance(32) instance(64) instance(128)
