// Attention within sequences on tensor cores, for heads of 64, as in
// FlashAttention-2 (Dao 2023): keys and values pass through shared memory in
// tiles, the next one being copied while the warps work on the last, and the
// softmax is taken as they come. Accumulation and softmax are float32;
// probabilities are rounded to the type of the values before the second product.
//
// Grid: (blocks of 16 queries a warp, heads, sequences); any number of warps up
// to MOST_WARPS makes a block.
#include "tensor_softmax.cuh"

#if FLOAT16

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
    fetch(tiles, keys, stride, keys + width, stride, min(KEYS, count));

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
        if (left > KEYS) {
            const T *next = keys + (j + KEYS) * stride;
            fetch(tiles + (t ^ 1) * BOTH, next, stride, next + width, stride, min(KEYS, left - KEYS));
        }
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
