// What a warp of tensor_attention.cu does with one tile of keys and values, for
// the storage types bf16 and fp16 and for float, multiplied as TF32.
//
// A warp has 16 queries. Scores and sums are accumulators: lane l holds, of the
// group of 8 columns n, elements [n][2r] and [n][2r + 1] of row l / 4 + 8 r, in
// the columns 2 (l % 4) and 2 (l % 4) + 1. Rows of a tile are 16 bytes longer
// than a head, so that neither ldmatrix nor loads of 16 bytes meet in a bank.
#pragma once
#include "mma.cuh"

#if FLOAT16

#define HEAD 64         // size of a head
#define WARP_QUERIES 16 // rows of a fragment

// TileShape is how keys and values lie in shared memory: KEYS rows of each, read
// by whole GROUPs, and copied in pieces of 16 bytes. MATRIX is the size of either.
template <int KEYS_, int GROUP_, int PIECE_> struct TileOf {
    static constexpr int KEYS = KEYS_, GROUP = GROUP_, PIECE = PIECE_, PIECES = HEAD / PIECE, ROW = HEAD + PIECE, MATRIX = KEYS * ROW;
};
template <class T> struct TileShape : TileOf<64, 16, 8> {}; // of 16 bits
template <> struct TileShape<float> : TileOf<32, 8, 4> {};

template <class T> __device__ inline void load_query(unsigned (*q)[4], const T *row, const T *row8) {
    int quad = lane_id() % 4;
#pragma unroll
    for (int k = 0; k < HEAD / 16; k++) {
        int c = 16 * k + 2 * quad;
        q[k][0] = *(const unsigned *)(row + c);
        q[k][1] = *(const unsigned *)(row8 + c);
        q[k][2] = *(const unsigned *)(row + c + 8);
        q[k][3] = *(const unsigned *)(row8 + c + 8);
    }
}

__device__ inline void load_query(unsigned (*q)[4], const float *row, const float *row8) {
    int quad = lane_id() % 4;
#pragma unroll
    for (int k = 0; k < HEAD / 8; k++) {
        int c = 8 * k + quad;
        q[k][0] = to_tf32(row[c]);
        q[k][1] = to_tf32(row8[c]);
        q[k][2] = to_tf32(row[c + 4]);
        q[k][3] = to_tf32(row8[c + 4]);
    }
}

template <int N> __device__ inline void clear(float (*s)[4]) {
#pragma unroll
    for (int n = 0; n < N; n++) s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0;
}

// scores computes s = q k^T; groups wholly beyond the tile's keys are 0.
template <class T> __device__ inline void scores(float (*s)[4], const unsigned (*q)[4], const T *tile, int keys) {
    int lane = lane_id();
    clear<TileShape<T>::KEYS / 8>(s);
    const T *at = tile + (lane / 16 * 8 + lane % 8) * TileShape<T>::ROW + lane / 8 % 2 * 8;
#pragma unroll
    for (int k = 0; k < HEAD / 16; k++)
#pragma unroll
        for (int g = 0; g < TileShape<T>::KEYS / 16; g++) {
            if (16 * g >= keys) break;
            unsigned b[4];
            ldmatrix(b, at + 16 * g * TileShape<T>::ROW + 16 * k);
            mma<T>(s[2 * g], q[k], b);
            mma<T>(s[2 * g + 1], q[k], b + 2);
        }
}

__device__ inline void scores(float (*s)[4], const unsigned (*q)[4], const float *tile, int keys) {
    int lane = lane_id();
    clear<TileShape<float>::KEYS / 8>(s);
    const float *at = tile + lane % 8 * TileShape<float>::ROW + lane / 8 * 4;
#pragma unroll
    for (int k = 0; k < HEAD / 16; k++)
#pragma unroll
        for (int n = 0; n < TileShape<float>::KEYS / 8; n++) {
            if (8 * n >= keys) break;
            unsigned b[4];
            ldmatrix(b, at + 8 * n * TileShape<float>::ROW + 16 * k);
            mma_tf32(s[n], q[2 * k], b);
            mma_tf32(s[n], q[2 * k + 1], b + 2);
        }
}

// add_values adds p v to o. The accumulators of the scores have the layout of
// the left factor: two groups of 8 columns are one of 16.
template <class T> __device__ inline void add_values(float (*o)[4], const float (*p)[4], const T *tile, int keys) {
    int lane = lane_id();
    const T *at = tile + lane % 16 * TileShape<T>::ROW + lane / 16 * 8;
#pragma unroll
    for (int g = 0; g < TileShape<T>::KEYS / 16; g++) {
        if (16 * g >= keys) break;
        const float *low = p[2 * g], *high = p[2 * g + 1];
        unsigned a[4] = {pack<T>(low[0], low[1]), pack<T>(low[2], low[3]), pack<T>(high[0], high[1]), pack<T>(high[2], high[3])};
#pragma unroll
        for (int n = 0; n < HEAD / 16; n++) {
            unsigned b[4];
            ldmatrix_trans(b, at + 16 * g * TileShape<T>::ROW + 16 * n);
            mma<T>(o[2 * n], a, b);
            mma<T>(o[2 * n + 1], a, b + 2);
        }
    }
}

// In TF32 a lane holds the columns 2 quad and 2 quad + 1 of the scores where the
// left factor has quad and quad + 4: so these columns stand for those keys, and
// the rows of v are taken in the same order. The columns of o are in an order
// too that lets a lane read four numbers of v at once: o[4 m + h], column c, is
// element 32 m + 4 c + h of the head.
__device__ inline void add_values(float (*o)[4], const float (*p)[4], const float *tile, int keys) {
    int group = lane_id() / 4, quad = lane_id() % 4;
    const float *at = tile + 2 * quad * TileShape<float>::ROW + 4 * group;
#pragma unroll
    for (int g = 0; g < TileShape<float>::KEYS / 8; g++) {
        if (8 * g >= keys) break;
        unsigned a[4] = {to_tf32(p[g][0]), to_tf32(p[g][2]), to_tf32(p[g][1]), to_tf32(p[g][3])};
#pragma unroll
        for (int m = 0; m < HEAD / 32; m++) {
            const float *row = at + 8 * g * TileShape<float>::ROW + 32 * m;
            uint4 v = *(const uint4 *)row, w = *(const uint4 *)(row + TileShape<float>::ROW);
            unsigned b[4][2] = {{v.x, w.x}, {v.y, w.y}, {v.z, w.z}, {v.w, w.w}};
#pragma unroll
            for (int h = 0; h < 4; h++) mma_tf32(o[4 * m + h], a, b[h]);
        }
    }
}

// store_rows writes o times scale[r] to the first rows of the warp's 16 rows of
// the result. spare is shared memory for 16 rows of a tile, used to write 16
// bytes at a time.
template <class T>
__device__ inline void store_rows(T *to, i64 stride, int rows, const float (*o)[4], const float *scale, T *spare) {
    int lane = lane_id();
    T *at = spare + lane / 4 * TileShape<T>::ROW + lane % 4 * 2;
#pragma unroll
    for (int n = 0; n < HEAD / 8; n++)
#pragma unroll
        for (int r = 0; r < 2; r++)
            *(unsigned *)(at + 8 * r * TileShape<T>::ROW + 8 * n) = pack<T>(o[n][2 * r] * scale[r], o[n][2 * r + 1] * scale[r]);
    __syncwarp();
#pragma unroll
    for (int i = 0; i < 4; i++) {
        int row = 4 * i + lane / 8, c = lane % 8 * 8;
        if (row < rows) *(uint4 *)(to + row * stride + c) = *(const uint4 *)(spare + row * TileShape<T>::ROW + c);
    }
}

__device__ inline void store_rows(float *to, i64 stride, int rows, const float (*o)[4], const float *scale, float *) {
    int group = lane_id() / 4, quad = lane_id() % 4;
#pragma unroll
    for (int r = 0; r < 2; r++) {
        if (group + 8 * r >= rows) break;
        float *at = to + (group + 8 * r) * stride + 8 * quad;
#pragma unroll
        for (int m = 0; m < HEAD / 32; m++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                float4 v = {o[4 * m][2 * r + i] * scale[r], o[4 * m + 1][2 * r + i] * scale[r],
                            o[4 * m + 2][2 * r + i] * scale[r], o[4 * m + 3][2 * r + i] * scale[r]};
                *(float4 *)(at + 32 * m + 4 * i) = v;
            }
    }
}

#endif
