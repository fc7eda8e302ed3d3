// What attention on tensor cores and its gradients share: tiles of two matrices on
// their way to shared memory, and the softmax taken as they come.
#pragma once
#include "tensor_attention.cuh"

#if FLOAT16

#define MOST_WARPS 8
#define LOG2_E 1.44269504f

template <class T> __device__ inline int whole_groups(int keys) {
    const int G = TileShape<T>::GROUP;
    return (keys + G - 1) / G * G;
}

// Softmax is a lane's part of the softmax of the warp's queries: the largest
// score of its two rows so far, this lane's part of their sums, and the result
// before division.
struct Softmax {
    float top[2], sum[2], o[HEAD / 8][4];
};

// fetch starts to copy a tile of two matrices, with zeros after its last row up to
// a whole group: what is multiplied by a probability of 0 must not be NaN.
template <class T>
__device__ inline void fetch(T *tile, const T *a, i64 a_stride, const T *b, i64 b_stride, int rows) {
    typedef TileShape<T> S;
    for (int e = threadIdx.x; e < whole_groups<T>(rows) * S::PIECES; e += blockDim.x) {
        int row = e / S::PIECES, c = e % S::PIECES * S::PIECE;
        i64 from = min(row, rows - 1);
        T *to = tile + row * TileShape<T>::ROW + c;
        cp_async(to, a + from * a_stride + c, row < rows);
        cp_async(to + S::MATRIX, b + from * b_stride + c, row < rows);
    }
    cp_async_commit();
}

// settle finishes what this thread has copied.
template <class T> __device__ inline void settle(T *, int) { cp_async_wait<0>(); }

__device__ inline void settle(float *tile, int keys) {
    typedef TileShape<float> S;
    cp_async_wait<0>();
    for (int e = threadIdx.x; e < whole_groups<float>(keys) * S::PIECES; e += blockDim.x)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float *at = tile + half * S::MATRIX + e / S::PIECES * TileShape<float>::ROW + e % S::PIECES * S::PIECE;
            float4 v = *(const float4 *)at;
            uint4 rounded = {to_tf32(v.x), to_tf32(v.y), to_tf32(v.z), to_tf32(v.w)};
            *(uint4 *)at = rounded;
        }
}

__device__ inline float quad_max(float v) {
    v = fmaxf(v, __shfl_xor_sync(FULL, v, 1));
    return fmaxf(v, __shfl_xor_sync(FULL, v, 2));
}

__device__ inline float quad_sum(float v) {
    v += __shfl_xor_sync(FULL, v, 1);
    return v + __shfl_xor_sync(FULL, v, 2);
}

// mask gives the scores of keys beyond the sequence no weight.
template <class T> __device__ inline void mask(float (*s)[4], int keys) {
    int first = lane_id() % 4 * 2;
#pragma unroll
    for (int n = 0; n < TileShape<T>::KEYS / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (8 * n + first + i % 2 >= keys) s[n][i] = -INFINITY;
}

// exponentials turns the scores of row r into 2^(scale (s - top)), raising top
// and shrinking what was summed under the old one. Like the products it leaves
// out groups that are wholly beyond the keys.
template <class T> __device__ inline void exponentials(Softmax &a, float (*s)[4], int r, float scale, int keys) {
    const int N = TileShape<T>::KEYS / 8;
    int end = whole_groups<T>(keys);
    float top = a.top[r];
#pragma unroll
    for (int n = 0; n < N; n++) {
        if (8 * n >= end) break;
        top = fmaxf(top, fmaxf(s[n][2 * r], s[n][2 * r + 1]));
    }
    top = quad_max(top);
    float shift = top * scale, shrink = exp2_fast(a.top[r] * scale - shift);
    a.top[r] = top;
    a.sum[r] *= shrink;
#pragma unroll
    for (int n = 0; n < HEAD / 8; n++) {
        a.o[n][2 * r] *= shrink;
        a.o[n][2 * r + 1] *= shrink;
    }
#pragma unroll
    for (int n = 0; n < N; n++) {
        if (8 * n >= end) break;
#pragma unroll
        for (int i = 2 * r; i < 2 * r + 2; i++) {
            s[n][i] = exp2_fast(s[n][i] * scale - shift);
            a.sum[r] += s[n][i];
        }
    }
}

#endif
