// The kernels of the modified ResNet beside its products. Pictures are matrices
// with a row a pixel.
#include "vector.cuh"

// The windows of 3x3 pixels that a convolution multiplies by its weight, of the
// pixels first to first+rows-1 of the result: out[r, (ky*3 + kx)*C + c] is
// x[b, y*stride + ky-1, x*stride + kx-1, c], 0 outside the picture. A thread a run.
#define INSTANCE(suffix, T)                                                                                           \
    KERNEL(windows##suffix)(T *out, const T *x, i64 first, i64 rows, int side, int result, int stride, int channels) { \
        int columns = 9 * channels, per = (columns + RUN - 1) / RUN;                                                  \
        EACH(run, rows * per) {                                                                                       \
            i64 row = run;                                                                                            \
            int at = take(&row, per) * RUN;                                                                           \
            i64 b = first + row;                                                                                      \
            int left = take(&b, result) * stride - 1, top = take(&b, result) * stride - 1;                            \
            const T *picture = x + b * side * side * channels;                                                        \
            float v[RUN] = {};                                                                                        \
            if (channels % RUN == 0) {                                                                                \
                int place = at / channels, py = top + place / 3, px = left + place % 3;                               \
                if (py >= 0 && py < side && px >= 0 && px < side)                                                     \
                    load_run(v, picture + ((i64)py * side + px) * channels + at % channels, RUN);                     \
            } else {                                                                                                  \
                for (int k = 0; k < RUN && at + k < columns; k++) {                                                   \
                    int place = (at + k) / channels, py = top + place / 3, px = left + place % 3;                     \
                    if (py >= 0 && py < side && px >= 0 && px < side)                                                 \
                        v[k] = widen(picture[((i64)py * side + px) * channels + (at + k) % channels]);                \
                }                                                                                                     \
            }                                                                                                         \
            store_run(out + row * columns + at, v, columns - at);                                                     \
        }                                                                                                             \
    }
FOR_SAME(INSTANCE)
#undef INSTANCE

// out[b, y, x] = the mean of the four pixels 2y..2y+1, 2x..2x+1 of x[b], for rows
// pixels of results of half x half. A thread a run.
#define INSTANCE(suffix, In, Out)                                                                                     \
    KERNEL(avg_pool##suffix)(Out *out, const In *x, i64 rows, int half, int width) {                                  \
        int per = (width + RUN - 1) / RUN;                                                                            \
        EACH(run, rows * per) {                                                                                       \
            i64 row = run;                                                                                            \
            int c = take(&row, per) * RUN, left = width - c;                                                          \
            i64 line = row;                                                                                           \
            int col = take(&line, half);                                                                              \
            const In *corner = x + (line * 4 * half + 2 * col) * width + c;                                           \
            float v[RUN], w[RUN];                                                                                     \
            load_run(v, corner, left);                                                                                \
            for (int i = 1; i < 4; i++) {                                                                             \
                load_run(w, corner + (i64)((i / 2) * 2 * half + i % 2) * width, left);                                \
                for (int k = 0; k < RUN; k++) v[k] += w[k];                                                           \
            }                                                                                                         \
            for (int k = 0; k < RUN; k++) v[k] *= 0.25f;                                                              \
            store_run(out + row * width + c, v, left);                                                                \
        }                                                                                                             \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE

// out[b, 0] = mean over i of x[b, i] + pos[0]; out[b, i+1] = x[b, i] + pos[i+1], for
// pictures of count rows. A thread a run of columns.
#define INSTANCE(suffix, In, Out)                                                                                     \
    KERNEL(pool_tokens##suffix)(Out *out, const In *x, const float *pos, i64 pictures, int count, int width) {        \
        int per = (width + RUN - 1) / RUN;                                                                            \
        EACH(run, pictures * per) {                                                                                   \
            i64 b = run;                                                                                              \
            int c = take(&b, per) * RUN, left = width - c;                                                            \
            const In *from = x + b * count * width + c;                                                               \
            Out *to = out + b * (count + 1) * width + c;                                                              \
            float sum[RUN] = {}, v[RUN], w[RUN];                                                                      \
            for (int i = 0; i < count; i++) {                                                                         \
                load_run(v, from + (i64)i * width, left);                                                             \
                load_run(w, pos + (i64)(i + 1) * width + c, left);                                                    \
                for (int k = 0; k < RUN; k++) {                                                                       \
                    sum[k] += v[k];                                                                                   \
                    v[k] += w[k];                                                                                     \
                }                                                                                                     \
                store_run(to + (i64)(i + 1) * width, v, left);                                                        \
            }                                                                                                         \
            load_run(w, pos + c, left);                                                                               \
            for (int k = 0; k < RUN; k++) sum[k] = sum[k] / count + w[k];                                             \
            store_run(to, sum, left);                                                                                 \
        }                                                                                                             \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE

#define POOL_HEAD 8 // values of a head that a lane holds, at most

// One query a sequence, a warp a head: the softmax is kept as a running maximum
// and sum, so that keys and values are read once, in order.
template <class In, class Out>
__device__ inline void pool_attention_head(Out *out, const In *q, const In *kv, int row, int tokens, int width, int heads,
                                           float scale) {
    int dim = width / heads, lane = lane_id(), b = row / heads, from = row % heads * dim;
    float query[POOL_HEAD], sum[POOL_HEAD] = {}, most = -INFINITY, total = 0;
    for (int k = 0; k < POOL_HEAD; k++) {
        int j = k * WARP + lane;
        query[k] = j < dim ? widen(q[(i64)b * width + from + j]) * scale : 0.0f;
    }
    for (int t = 0; t < tokens; t++) {
        const In *key = kv + ((i64)b * tokens + t) * 2 * width + from, *value = key + width;
        float score = 0;
        for (int k = 0; k < POOL_HEAD; k++) {
            int j = k * WARP + lane;
            if (j < dim) score += query[k] * widen(key[j]);
        }
        score = warp_sum(score);
        float highest = fmaxf(most, score), keep = expf(most - highest), p = expf(score - highest);
        if (score != score) p = score; // NaN stays
        total = total * keep + p;
        most = highest;
        for (int k = 0; k < POOL_HEAD; k++) {
            int j = k * WARP + lane;
            if (j < dim) sum[k] = sum[k] * keep + p * widen(value[j]);
        }
    }
    for (int k = 0; k < POOL_HEAD; k++) {
        int j = k * WARP + lane;
        if (j < dim) out[(i64)b * width + from + j] = narrow<Out>(sum[k] / total);
    }
}

#define INSTANCE(suffix, In, Out)                                                                                     \
    KERNEL(pool_attention##suffix)(Out *out, const In *q, const In *kv, int rows, int tokens, int width, int heads,   \
                                   float scale) {                                                                     \
        if (warp_row() < rows) pool_attention_head(out, q, kv, warp_row(), tokens, width, heads, scale);              \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE
