// Attention within sequences on tensor cores, for heads of 64, as in
// FlashAttention-2 (Dao 2023): keys and values pass through shared memory in
// tiles, the next one being copied while the warps work on the last, and the
// softmax is taken as they come. Accumulation and softmax are float32;
// probabilities are rounded to the type of the values before the second product.
//
// Grid: (blocks of 16 queries a warp, heads, sequences); any number of warps up
// to MOST_WARPS makes a block.
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

// fetch starts to copy a tile, with zeros after its last key up to a whole
// group: what is multiplied by a probability of 0 must not be NaN.
template <class T> __device__ inline void fetch(T *tile, const T *from, i64 stride, int width, int keys) {
    typedef TileShape<T> S;
    for (int e = threadIdx.x; e < whole_groups<T>(keys) * S::PIECES; e += blockDim.x) {
        int row = e / S::PIECES, c = e % S::PIECES * S::PIECE;
        const T *key = from + min(row, keys - 1) * stride + c;
        T *to = tile + row * TileShape<T>::ROW + c;
        cp_async(to, key, row < keys);
        cp_async(to + S::MATRIX, key + width, row < keys);
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

// attend takes one tile into account.
template <class T>
__device__ inline void attend(Softmax &a, const unsigned (*q)[4], const T *tile, int keys, float scale) {
    float s[TileShape<T>::KEYS / 8][4];
    scores(s, q, tile, keys);
    if (keys < TileShape<T>::KEYS) mask<T>(s, keys);
#pragma unroll
    for (int r = 0; r < 2; r++) exponentials<T>(a, s, r, scale, keys);
    add_values(a.o, s, tile + TileShape<T>::MATRIX, keys);
}

template <class T>
__device__ inline void tensor_attention(T *out, const T *qkv, int count, int width, float scale, T *tiles) {
    const int KEYS = TileShape<T>::KEYS, BOTH = 2 * TileShape<T>::MATRIX;
    i64 stride = 3 * (i64)width, first = (i64)blockIdx.z * count;
    int warp = threadIdx.x / WARP, head = blockIdx.y * HEAD;
    int query = (blockIdx.x * (blockDim.x / WARP) + warp) * WARP_QUERIES;
    bool live = query < count; // else the warp but copies
    const T *keys = qkv + first * stride + width + head;
    fetch(tiles, keys, stride, width, min(KEYS, count));

    unsigned q[HEAD * sizeof(T) / 32][4];
    const T *queries = qkv + first * stride + head;
    int row = query + lane_id() / 4;
    load_query(q, queries + min(row, count - 1) * stride, queries + min(row + 8, count - 1) * stride);
    Softmax a;
    a.top[0] = a.top[1] = -INFINITY;
    a.sum[0] = a.sum[1] = 0;
    clear<HEAD / 8>(a.o);

    int t = 0;
    for (int j = 0; j < count; j += KEYS, t ^= 1) {
        T *tile = tiles + t * BOTH;
        int left = count - j;
        settle(tile, min(KEYS, left));
        __syncthreads(); // the tile is whole, and nobody reads the other one any more
        if (left > KEYS) fetch(tiles + (t ^ 1) * BOTH, keys + (j + KEYS) * stride, stride, width, min(KEYS, left - KEYS));
        if (!live) continue;
        if (left >= KEYS) attend(a, q, tile, KEYS, scale);
        else attend(a, q, tile, left, scale);
    }
    if (!live) return;
    float inverse[2] = {1 / quad_sum(a.sum[0]), 1 / quad_sum(a.sum[1])};
    T *spare = tiles + t * BOTH + warp * WARP_QUERIES * TileShape<T>::ROW;
    store_rows(out + (first + query) * width + head, width, count - query, a.o, inverse, spare);
}

BOUNDED_KERNEL(attention_bf16, MOST_WARPS * WARP, 2)(bf16 *out, const bf16 *qkv, int count, int width, float scale) {
    DYNAMIC_SHARED(uint4, tiles);
    tensor_attention(out, qkv, count, width, scale * LOG2_E, (bf16 *)tiles);
}

BOUNDED_KERNEL(attention_fp16, MOST_WARPS * WARP, 2)(fp16 *out, const fp16 *qkv, int count, int width, float scale) {
    DYNAMIC_SHARED(uint4, tiles);
    tensor_attention(out, qkv, count, width, scale * LOG2_E, (fp16 *)tiles);
}

BOUNDED_KERNEL(attention_tf32, MOST_WARPS * WARP, 2)(float *out, const float *qkv, int count, int width, float scale) {
    DYNAMIC_SHARED(uint4, tiles);
    tensor_attention(out, qkv, count, width, scale * LOG2_E, (float *)tiles);
}

#endif
