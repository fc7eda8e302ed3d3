// Attention over a token trie: every node attends to itself and its ancestors.
// tree is [3, N]: parent (-1 at a root), depth, one past the last descendant;
// nodes are in depth-first order.
//
// Forward and the gradient of the queries: one thread a node and head, along
// the path to the root; grid (blocks of QUERIES nodes, heads). The gradient of
// keys and values: the descendants of a node are the run of rows that follows
// it, so one warp sums over that run without atomics; grid (nodes, heads).
#include "attention.cuh"

#define DEEPEST 128

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

template <int D>
__device__ inline void tree_attention(float *out, const float *qkv, const int *tree, int n, int width, int dim, float scale, int *fault) {
    int i = blockIdx.x * QUERIES + threadIdx.x, head = blockIdx.y * dim, steps = 0;
    if (i >= n) return;
    i64 stride = 3 * (i64)width;
    float q[D], o[D], v[D];
    load<D>(q, qkv + i * stride + head, dim);
#pragma unroll
    for (int c = 0; c < D; c++) o[c] = 0;
    float top = -INFINITY, sum = 0;
    for (int j = i; j >= 0; j = up(tree, j, &steps, fault)) {
        const float *k = qkv + j * stride + width + head;
        load<D>(v, k, dim);
        float s = 0;
#pragma unroll
        for (int c = 0; c < D; c++) s += q[c] * v[c];
        s *= scale;
        float best = fmaxf(top, s), shrink = expf(top - best), p = expf(s - best);
        top = best;
        sum = sum * shrink + p;
        load<D>(v, k + width, dim);
#pragma unroll
        for (int c = 0; c < D; c++) o[c] = o[c] * shrink + p * v[c];
    }
    store<D>(out + (i64)i * width + head, o, dim, 1.0f / sum);
}

template <int D>
__device__ inline void tree_attention_grad_q(float *dqkv, float *log_sum, float *delta, const float *qkv, const float *out,
                                             const float *dout, const int *tree, int n, int width, int dim, float scale, int *fault) {
    int i = blockIdx.x * QUERIES + threadIdx.x, head = blockIdx.y * dim, steps = 0;
    if (i >= n) return;
    i64 stride = 3 * (i64)width;
    const float *g = dout + (i64)i * width + head, *y = out + (i64)i * width + head;
    float q[D], k[D], dq[D];
    load<D>(q, qkv + i * stride + head, dim);
    float top = -INFINITY, sum = 0, mean = 0;
    for (int c = 0; c < dim; c++) mean += g[c] * y[c];
    for (int j = i; j >= 0; j = up(tree, j, &steps, fault)) {
        load<D>(k, qkv + j * stride + width + head, dim);
        float s = 0;
#pragma unroll
        for (int c = 0; c < D; c++) s += q[c] * k[c];
        s *= scale;
        float best = fmaxf(top, s);
        sum = sum * expf(top - best) + expf(s - best);
        top = best;
    }
    float lse = top + logf(sum);
    log_sum[(i64)blockIdx.y * n + i] = lse;
    delta[(i64)blockIdx.y * n + i] = mean;
#pragma unroll
    for (int c = 0; c < D; c++) dq[c] = 0;
    steps = 0;
    for (int j = i; j >= 0; j = up(tree, j, &steps, fault)) {
        const float *at = qkv + j * stride + width + head;
        load<D>(k, at, dim);
        float s = 0, dp = 0;
#pragma unroll
        for (int c = 0; c < D; c++) s += q[c] * k[c];
        for (int c = 0; c < dim; c++) dp += g[c] * at[width + c];
        float w = expf(s * scale - lse) * (dp - mean);
#pragma unroll
        for (int c = 0; c < D; c++) dq[c] += w * k[c];
    }
    store<D>(dqkv + i * stride + head, dq, dim, scale);
}

template <int D>
__device__ inline void tree_attention_grad_kv(float *dqkv, const float *log_sum, const float *delta, const float *qkv,
                                              const float *dout, const int *tree, int n, int width, int dim, float scale,
                                              int *fault, float *shared) {
    int j = blockIdx.x, head = blockIdx.y * dim, lane = threadIdx.x, end = tree[2 * n + j];
    i64 stride = 3 * (i64)width;
    const float *k = qkv + j * stride + width + head;
    float *ks = shared, *vs = shared + D;
    for (int c = lane; c < D; c += WARP) {
        ks[c] = c < dim ? k[c] : 0.0f;
        vs[c] = c < dim ? k[width + c] : 0.0f;
    }
    __syncthreads();
    if (end <= j || end > n) {
        if (lane == 0) report(fault, FAULT_TRIE, j, end);
        end = j + 1;
    }
    float dk[D], dv[D], q[D];
#pragma unroll
    for (int c = 0; c < D; c++) dk[c] = dv[c] = 0;
    for (int i = j + lane; i < end; i += WARP) {
        i64 at = (i64)blockIdx.y * n + i;
        load<D>(q, qkv + i * stride + head, dim);
        float p = expf(scale * dot<D>(q, ks) - log_sum[at]), dp = 0;
        const float *g = dout + (i64)i * width + head;
#pragma unroll
        for (int c = 0; c < D; c++)
            if (c < dim) {
                dp += g[c] * vs[c];
                dv[c] += p * g[c];
            }
        float w = scale * p * (dp - delta[at]);
#pragma unroll
        for (int c = 0; c < D; c++) dk[c] += w * q[c];
    }
    float *to = dqkv + j * stride + width + head;
#pragma unroll
    for (int c = 0; c < D; c++) {
        if (c >= dim) continue;
        float a = warp_sum(dk[c]), b = warp_sum(dv[c]);
        if (lane == c % WARP) {
            to[c] = a;
            to[width + c] = b;
        }
    }
}

#define INSTANCE(D)                                                                                                \
    KERNEL(tree_attention_##D)(float *out, const float *qkv, const int *tree, int n, int width, int dim,           \
                               float scale, int *fault) {                                                          \
        tree_attention<D>(out, qkv, tree, n, width, dim, scale, fault);                                            \
    }                                                                                                              \
    KERNEL(tree_attention_grad_q_##D)(float *dqkv, float *log_sum, float *delta, const float *qkv,                 \
                                      const float *out, const float *dout, const int *tree, int n, int width,      \
                                      int dim, float scale, int *fault) {                                          \
        tree_attention_grad_q<D>(dqkv, log_sum, delta, qkv, out, dout, tree, n, width, dim, scale, fault);         \
    }                                                                                                              \
    KERNEL(tree_attention_grad_kv_##D)(float *dqkv, const float *log_sum, const float *delta, const float *qkv,    \
                                       const float *dout, const int *tree, int n, int width, int dim, float scale, \
                                       int *fault) {                                                               \
        DYNAMIC_SHARED(float, shared);                                                                             \
        tree_attention_grad_kv<D>(dqkv, log_sum, delta, qkv, dout, tree, n, width, dim, scale, fault, shared);     \
    }
FOR_DIM(INSTANCE)
#undef INSTANCE
