// The gradients of attention within sequences on tensor cores, for heads of 64,
// as in FlashAttention-2 (Dao 2023): float32 operands are multiplied as TF32,
// sums are float32. With p the probabilities, dp = dout v^T, delta = dout.out and
// ds = p (dp - delta):
//
//     dq = scale ds k        one warp has 16 queries, and keys and values pass
//     dk = scale ds^T q      one warp has 16 keys, and queries and their dout pass
//     dv = p^T dout
//
// Every result has one writer, which adds up in a fixed order.
//
// Grid: (blocks of 16 rows a warp, heads, sequences), as tensor_attention.cu.
#include "tensor_softmax.cuh"

#if FLOAT16

// row_dot returns the product of two rows of a head; each lane of a quad takes a
// quarter.
__device__ inline float row_dot(const float *a, const float *b) {
    float sum = 0;
#pragma unroll
    for (int c = 4 * (lane_id() % 4); c < HEAD; c += 16) {
        float4 v = *(const float4 *)(a + c), w = *(const float4 *)(b + c);
        sum += v.x * w.x + v.y * w.y + v.z * w.z + v.w * w.w;
    }
    return quad_sum(sum);
}

// add_query_tile adds what a tile of keys and values gives to a.o, the gradient
// of the queries before division by the softmax's sum.
template <class T>
__device__ inline void add_query_tile(Softmax &a, const unsigned (*q)[4], const unsigned (*g)[4], const float *delta,
                                      const T *tile, int keys, float scale) {
    const int N = TileShape<T>::KEYS / 8;
    float s[N][4], dp[N][4];
    scores(s, q, tile, keys);
    scores(dp, g, tile + TileShape<T>::MATRIX, keys);
    if (keys < TileShape<T>::KEYS) mask<T>(s, keys);
#pragma unroll
    for (int r = 0; r < 2; r++) exponentials<T>(a, s, r, scale, keys);
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) s[n][i] *= dp[n][i] - delta[i / 2];
    add_values(a.o, s, tile, keys);
}

// The gradient of the queries; and for the other kernel, of every query,
// log_sum[head, i], the base 2 logarithm of the softmax's sum, and delta[head, i].
// log2_scale is the scale of the scores times log2(e).
template <class T>
__device__ inline void tensor_attention_grad_q(T *dqkv, float *log_sum, float *delta, const T *qkv, const T *out,
                                               const T *dout, int count, int width, float scale, float log2_scale,
                                               T *tiles) {
    const int KEYS = TileShape<T>::KEYS, BOTH = 2 * TileShape<T>::MATRIX;
    i64 stride = 3 * (i64)width, first = (i64)blockIdx.z * count, total = (i64)gridDim.z * count;
    int warp = threadIdx.x / WARP, head = blockIdx.y * HEAD;
    int query = (blockIdx.x * (blockDim.x / WARP) + warp) * WARP_QUERIES;
    bool live = query < count; // else the warp but copies
    const T *keys = qkv + first * stride + width + head;
    fetch(tiles, keys, stride, keys + width, stride, min(KEYS, count));

    unsigned q[HEAD * sizeof(T) / 32][4], g[HEAD * sizeof(T) / 32][4];
    float mean[2];
    i64 row[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        row[r] = first + min(query + lane_id() / 4 + 8 * r, count - 1);
        mean[r] = row_dot(out + row[r] * width + head, dout + row[r] * width + head);
    }
    load_query(q, qkv + row[0] * stride + head, qkv + row[1] * stride + head);
    load_query(g, dout + row[0] * width + head, dout + row[1] * width + head);
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
        if (left >= KEYS) add_query_tile(a, q, g, mean, tile, KEYS, log2_scale);
        else add_query_tile(a, q, g, mean, tile, left, log2_scale);
    }
    if (!live) return;
    float inverse[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        float sum = quad_sum(a.sum[r]);
        inverse[r] = scale / sum;
        if (lane_id() % 4 == 0 && query + lane_id() / 4 + 8 * r < count) {
            log_sum[blockIdx.y * total + row[r]] = a.top[r] * log2_scale + log2f(sum);
            delta[blockIdx.y * total + row[r]] = mean[r];
        }
    }
    T *spare = tiles + t * BOTH + warp * WARP_QUERIES * TileShape<T>::ROW;
    store_rows(dqkv + (first + query) * stride + head, stride, count - query, a.o, inverse, spare);
}

// fetch_numbers copies what the kernel above left of a tile's queries; a query
// that is not there gives no key any weight.
__device__ inline void fetch_numbers(float *to, const float *log_sum, const float *delta, int all, int rows) {
    for (int i = threadIdx.x; i < all; i += blockDim.x) {
        to[i] = i < rows ? log_sum[i] : INFINITY;
        to[all + i] = i < rows ? delta[i] : 0.0f;
    }
}

// add_key_tile adds what a tile of queries and their gradients gives to the
// gradients of the warp's keys and values.
template <class T>
__device__ inline void add_key_tile(float (*dk)[4], float (*dv)[4], const unsigned (*k)[4], const unsigned (*v)[4],
                                    const float *numbers, const T *tile, int queries, float scale) {
    const int N = TileShape<T>::KEYS / 8;
    float p[N][4], ds[N][4];
    scores(p, k, tile, queries);
    scores(ds, v, tile + TileShape<T>::MATRIX, queries);
    const float *own = numbers + lane_id() % 4 * 2;
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int at = 8 * n + i % 2;
            p[n][i] = exp2_fast(p[n][i] * scale - own[at]);
            ds[n][i] = p[n][i] * (ds[n][i] - own[TileShape<T>::KEYS + at]);
        }
    add_values(dv, p, tile + TileShape<T>::MATRIX, queries);
    add_values(dk, ds, tile, queries);
}

// The gradients of keys and values.
template <class T>
__device__ inline void tensor_attention_grad_kv(T *dqkv, const float *log_sum, const float *delta, const T *qkv,
                                                const T *dout, int count, int width, float scale, float log2_scale,
                                                T *tiles) {
    const int ROWS = TileShape<T>::KEYS, BOTH = 2 * TileShape<T>::MATRIX;
    float *numbers = (float *)(tiles + 2 * BOTH); // two times ROWS of each
    i64 stride = 3 * (i64)width, first = (i64)blockIdx.z * count, total = (i64)gridDim.z * count;
    int warp = threadIdx.x / WARP, head = blockIdx.y * HEAD;
    int key = (blockIdx.x * (blockDim.x / WARP) + warp) * WARP_QUERIES;
    bool live = key < count; // else the warp but copies
    const T *queries = qkv + first * stride + head, *grads = dout + first * width + head;
    log_sum += blockIdx.y * total + first;
    delta += blockIdx.y * total + first;
    fetch(tiles, queries, stride, grads, width, min(ROWS, count));
    fetch_numbers(numbers, log_sum, delta, ROWS, count);

    unsigned k[HEAD * sizeof(T) / 32][4], v[HEAD * sizeof(T) / 32][4];
    const T *row = queries + min(key + lane_id() / 4, count - 1) * stride + width;
    const T *row8 = queries + min(key + lane_id() / 4 + 8, count - 1) * stride + width;
    load_query(k, row, row8);
    load_query(v, row + width, row8 + width);
    float dk[HEAD / 8][4], dv[HEAD / 8][4];
    clear<HEAD / 8>(dk);
    clear<HEAD / 8>(dv);

    int t = 0;
    for (int i = 0; i < count; i += ROWS, t ^= 1) {
        T *tile = tiles + t * BOTH;
        int left = count - i, next = i + ROWS;
        settle(tile, min(ROWS, left));
        __syncthreads(); // the tile is whole, and nobody reads the other one any more
        if (left > ROWS) {
            fetch(tiles + (t ^ 1) * BOTH, queries + next * stride, stride, grads + (i64)next * width, width,
                  min(ROWS, left - ROWS));
            fetch_numbers(numbers + (t ^ 1) * 2 * ROWS, log_sum + next, delta + next, ROWS, left - ROWS);
        }
        if (!live) continue;
        if (left >= ROWS) add_key_tile(dk, dv, k, v, numbers + t * 2 * ROWS, tile, ROWS, log2_scale);
        else add_key_tile(dk, dv, k, v, numbers + t * 2 * ROWS, tile, left, log2_scale);
    }
    if (!live) return;
    float scales[2] = {scale, scale}, ones[2] = {1, 1};
    T *spare = tiles + t * BOTH + warp * WARP_QUERIES * TileShape<T>::ROW;
    T *to = dqkv + (first + key) * stride + width + head;
    store_rows(to, stride, count - key, dk, scales, spare);
    store_rows(to + width, stride, count - key, dv, ones, spare);
}

BOUNDED_KERNEL(attention_grad_q_tf32, MOST_WARPS * WARP, 1)(float *dqkv, float *log_sum, float *delta, const float *qkv,
                                                            const float *out, const float *dout, int count, int width,
                                                            float scale) {
    DYNAMIC_SHARED(uint4, tiles);
    tensor_attention_grad_q(dqkv, log_sum, delta, qkv, out, dout, count, width, scale, scale * LOG2_E, (float *)tiles);
}

BOUNDED_KERNEL(attention_grad_kv_tf32, MOST_WARPS * WARP, 1)(float *dqkv, const float *log_sum, const float *delta,
                                                             const float *qkv, const float *dout, int count, int width,
                                                             float scale) {
    DYNAMIC_SHARED(uint4, tiles);
    tensor_attention_grad_kv(dqkv, log_sum, delta, qkv, dout, count, width, scale, scale * LOG2_E, (float *)tiles);
}

#endif
