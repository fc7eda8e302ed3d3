// Attention within sequences of equal length, all tokens to all, in float32:
// keys and values pass through shared memory in tiles, and the softmax is taken
// as they come: a running maximum, and sums rescaled when it rises.
//
// A block has 16 R queries and 16 rows of 8 threads. The thread in row y and
// column x holds the scores of queries y + 16 r and keys x + 8 n, and of their
// results the elements 4 x to 4 x + 3 of every 32.
//
// Grid: (blocks of queries, heads, sequences).
#include "attention.cuh"

#define THREAD_ROWS 16
#define THREAD_COLUMNS 8

template <int D> struct ForwardBlock {
    static constexpr int R = D > 64 ? 2 : 4; // what fits in 48 KB with the tiles
    static constexpr int ALL = THREAD_ROWS * R, ROW = D + 4, P_ROW = TILE + 4;
};

// fill_padded is fill for rows 4 numbers longer, which keeps neighbouring rows
// in different banks; it fills all rows of the tile, beyond the last with zeros.
template <int D> __device__ inline void fill_padded(float *tile, int all, const float *from, i64 stride, int rows, int dim) {
    for (int e = threadIdx.x; e < all * D; e += THREAD_ROWS * THREAD_COLUMNS) {
        int r = e / D, c = e % D;
        tile[r * (D + 4) + c] = r < rows && c < dim ? from[r * stride + c] : 0.0f;
    }
}

__device__ inline float dot4(float4 a, float4 b, float s) { return s + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }

// weigh turns a thread's scores of one query into probabilities under the new
// maximum, and returns by how much older ones shrink.
__device__ inline float weigh(float *s, float *top, float *sum, float scale, int x, int rows) {
    float best = *top;
#pragma unroll
    for (int n = 0; n < TILE / THREAD_COLUMNS; n++) {
        s[n] = x + THREAD_COLUMNS * n < rows ? scale * s[n] : -INFINITY;
        best = fmaxf(best, s[n]);
    }
    for (int d = THREAD_COLUMNS / 2; d > 0; d /= 2) best = fmaxf(best, __shfl_xor_sync(FULL, best, d));
    float shrink = expf(*top - best);
    *top = best;
    *sum *= shrink;
#pragma unroll
    for (int n = 0; n < TILE / THREAD_COLUMNS; n++) {
        s[n] = expf(s[n] - best);
        *sum += s[n];
    }
    return shrink;
}

// tile_scores computes the products of a thread's queries with its keys.
template <int D> __device__ inline void tile_scores(float (*s)[TILE / THREAD_COLUMNS], const float *qs, const float *keys) {
    const int ROW = ForwardBlock<D>::ROW, R = ForwardBlock<D>::R, N = TILE / THREAD_COLUMNS;
    int x = threadIdx.x % THREAD_COLUMNS, y = threadIdx.x / THREAD_COLUMNS;
#pragma unroll
    for (int r = 0; r < R; r++)
#pragma unroll
        for (int n = 0; n < N; n++) s[r][n] = 0;
#pragma unroll 4
    for (int c = 0; c < D; c += 4) {
        float4 k[N];
#pragma unroll
        for (int n = 0; n < N; n++) k[n] = *(const float4 *)(keys + (x + THREAD_COLUMNS * n) * ROW + c);
#pragma unroll
        for (int r = 0; r < R; r++) {
            float4 q = *(const float4 *)(qs + (y + THREAD_ROWS * r) * ROW + c);
#pragma unroll
            for (int n = 0; n < N; n++) s[r][n] = dot4(q, k[n], s[r][n]);
        }
    }
}

// tile_values adds the values, weighed by the probabilities ps, to o.
template <int D> __device__ inline void tile_values(float (*o)[D / THREAD_COLUMNS], const float *ps, const float *values) {
    typedef ForwardBlock<D> B;
    int x = threadIdx.x % THREAD_COLUMNS, y = threadIdx.x / THREAD_COLUMNS;
#pragma unroll 2
    for (int k = 0; k < TILE; k += 4) {
        float p[B::R][4];
#pragma unroll
        for (int r = 0; r < B::R; r++) {
            float4 v = *(const float4 *)(ps + (y + THREAD_ROWS * r) * B::P_ROW + k);
            p[r][0] = v.x, p[r][1] = v.y, p[r][2] = v.z, p[r][3] = v.w;
        }
#pragma unroll
        for (int n = 0; n < 4; n++)
#pragma unroll
            for (int c = 0; c < D / THREAD_COLUMNS; c += 4) {
                float4 v = *(const float4 *)(values + (k + n) * B::ROW + THREAD_COLUMNS * c + 4 * x);
#pragma unroll
                for (int r = 0; r < B::R; r++) {
                    o[r][c] += p[r][n] * v.x;
                    o[r][c + 1] += p[r][n] * v.y;
                    o[r][c + 2] += p[r][n] * v.z;
                    o[r][c + 3] += p[r][n] * v.w;
                }
            }
    }
}

template <int D>
__device__ inline void attention(float *out, const float *qkv, int count, int width, int dim, float scale, float *shared) {
    typedef ForwardBlock<D> B;
    const int R = B::R, N = TILE / THREAD_COLUMNS, C = D / THREAD_COLUMNS;
    float *qs = shared, *tile = qs + B::ALL * B::ROW, *ps = tile + TILE * B::ROW;
    i64 stride = 3 * (i64)width, first = (i64)blockIdx.z * count;
    int i = blockIdx.x * B::ALL, head = blockIdx.y * dim;
    int x = threadIdx.x % THREAD_COLUMNS, y = threadIdx.x / THREAD_COLUMNS;
    fill_padded<D>(qs, B::ALL, qkv + (first + i) * stride + head, stride, count - i, dim);
    float o[R][C], top[R], sum[R];
#pragma unroll
    for (int r = 0; r < R; r++) {
        top[r] = -INFINITY;
        sum[r] = 0;
#pragma unroll
        for (int c = 0; c < C; c++) o[r][c] = 0;
    }
    for (int j = 0; j < count; j += TILE) {
        int rows = min(TILE, count - j);
        const float *keys = qkv + (first + j) * stride + width + head;
        fill_padded<D>(tile, TILE, keys, stride, rows, dim);
        __syncthreads();
        float s[R][N];
        tile_scores<D>(s, qs, tile);
#pragma unroll
        for (int r = 0; r < R; r++) {
            float shrink = weigh(s[r], &top[r], &sum[r], scale, x, rows);
#pragma unroll
            for (int c = 0; c < C; c++) o[r][c] *= shrink;
#pragma unroll
            for (int n = 0; n < N; n++) ps[(y + THREAD_ROWS * r) * B::P_ROW + x + THREAD_COLUMNS * n] = s[r][n];
        }
        __syncthreads();
        fill_padded<D>(tile, TILE, keys + width, stride, rows, dim);
        __syncthreads();
        tile_values<D>(o, ps, tile);
        __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < R; r++) {
        int query = i + y + THREAD_ROWS * r;
        for (int d = THREAD_COLUMNS / 2; d > 0; d /= 2) sum[r] += __shfl_xor_sync(FULL, sum[r], d);
        float *to = out + (first + query) * width + head;
#pragma unroll
        for (int c = 0; c < C; c++) {
            int at = THREAD_COLUMNS * (c / 4 * 4) + 4 * x + c % 4;
            if (query < count && at < dim) to[at] = o[r][c] / sum[r];
        }
    }
}

#define INSTANCE(D)                                                                                              \
    KERNEL(attention_##D)(float *out, const float *qkv, int count, int width, int dim, float scale) {            \
        DYNAMIC_SHARED(float, shared);                                                                           \
        attention<D>(out, qkv, count, width, dim, scale, shared);                                                \
    }
FOR_DIM(INSTANCE)
#undef INSTANCE
