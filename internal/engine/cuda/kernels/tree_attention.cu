// Attention over a token trie: every node attends to itself and its ancestors.
// tree is [3, N]: parent (-1 at a root), depth, one past the last descendant;
// nodes are in depth-first order.
//
// A group of LANES lanes takes a node and a head, along the path to the root;
// the heads of a node are neighbours, so a warp reads consecutive memory. The
// gradient of keys and values is in tree_attention_grad.cu.
#include "tree_attention.cuh"

template <int D, bool Whole, class In, class Out>
__device__ inline void tree_attention(Out *out, const In *qkv, const int *tree, int n, int width, int dim, float scale, int *fault) {
    TreeRow at = tree_row(width / dim);
    bool live = at.node < n;
    if (live && at.head == 0 && threadIdx.x % LANES == 0) check_depth(tree, n, at.node, fault);
    i64 stride = 3 * (i64)width, head = (i64)at.head * dim;
    float q[D / LANES], k[D / LANES], v[D / LANES], o[D / LANES];
    zero_part<D>(o);
    if (live) load_part<D, Whole>(q, qkv + at.node * stride + head, dim);
    scale_part<D>(q, scale * LOG2E);
    float top = -INFINITY, sum = 0;
    for (int j = live ? at.node : -1, steps = 0, next = -1; __any_sync(FULL, j >= 0); j = next) {
        if (j >= 0) {
            next = up(tree, j, &steps, fault);
            const In *key = qkv + j * stride + width + head;
            load_part<D, Whole>(k, key, dim);
            load_part<D, Whole>(v, key + width, dim);
        }
        float s = group_dot<D>(q, k);
        if (j < 0) s = -INFINITY;
        float best = fmaxf(top, s), shrink = exp2f(top - best), p = exp2f(s - best);
        top = best;
        sum = sum * shrink + p;
#pragma unroll
        for (int c = 0; c < D / LANES; c++) o[c] = o[c] * shrink + p * v[c];
    }
    if (live) store_part<D, Whole>(out + (i64)at.node * width + head, o, dim, 1.0f / sum);
}

// For every node: log_sum[head, i], the log2 of the softmax's denominator;
// delta[head, i] = dout.out; and dq = scale * sum_j p_j (dout.v_j - delta) k_j,
// with the p_j taken as in the forward pass, as they come.
template <int D, bool Whole, class In, class Out>
__device__ inline void tree_attention_grad_q(Out *dqkv, float *log_sum, float *delta, const In *qkv, const In *out,
                                             const float *dout, const int *tree, int n, int width, int dim, float scale, int *fault) {
    TreeRow at = tree_row(width / dim);
    bool live = at.node < n;
    if (live && at.head == 0 && threadIdx.x % LANES == 0) check_depth(tree, n, at.node, fault);
    i64 stride = 3 * (i64)width, head = (i64)at.head * dim;
    float q[D / LANES], g[D / LANES], k[D / LANES], v[D / LANES], dq[D / LANES];
    zero_part<D>(dq);
    if (live) {
        load_part<D, Whole>(q, qkv + at.node * stride + head, dim);
        load_part<D, Whole>(g, dout + (i64)at.node * width + head, dim);
        load_part<D, Whole>(v, out + (i64)at.node * width + head, dim);
    }
    scale_part<D>(q, scale * LOG2E);
    float mean = group_dot<D>(g, v), top = -INFINITY, sum = 0;
    for (int j = live ? at.node : -1, steps = 0, next = -1; __any_sync(FULL, j >= 0); j = next) {
        if (j >= 0) {
            next = up(tree, j, &steps, fault);
            const In *key = qkv + j * stride + width + head;
            load_part<D, Whole>(k, key, dim);
            load_part<D, Whole>(v, key + width, dim);
        }
        float s = group_dot<D>(q, k), dp = group_dot<D>(g, v);
        if (j < 0) s = -INFINITY;
        float best = fmaxf(top, s), shrink = exp2f(top - best), p = exp2f(s - best), w = p * (dp - mean);
        top = best;
        sum = sum * shrink + p;
#pragma unroll
        for (int c = 0; c < D / LANES; c++) dq[c] = dq[c] * shrink + w * k[c];
    }
    if (!live) return;
    store_part<D, Whole>(dqkv + at.node * stride + head, dq, dim, scale / sum);
    if (threadIdx.x % LANES == 0) {
        log_sum[(i64)at.head * n + at.node] = top + log2f(sum);
        delta[(i64)at.head * n + at.node] = mean;
    }
}

#define FORWARD(D, suffix, In, Out)                                                                                       \
    KERNEL(tree_attention_##D##suffix)(Out *out, const In *qkv, const int *tree, int n, int width, int dim, float scale, \
                                       int *fault) {                                                                      \
        if (dim == D) tree_attention<D, true>(out, qkv, tree, n, width, dim, scale, fault);                               \
        else tree_attention<D, false>(out, qkv, tree, n, width, dim, scale, fault);                                       \
    }
#define QUERIES_GRAD(D, suffix, In, Out)                                                                               \
    KERNEL(tree_attention_grad_q_##D##suffix)(Out *dqkv, float *log_sum, float *delta, const In *qkv, const In *out,   \
                                              const float *dout, const int *tree, int n, int width, int dim,           \
                                              float scale, int *fault) {                                               \
        if (dim == D) tree_attention_grad_q<D, true>(dqkv, log_sum, delta, qkv, out, dout, tree, n, width, dim, scale, fault); \
        else tree_attention_grad_q<D, false>(dqkv, log_sum, delta, qkv, out, dout, tree, n, width, dim, scale, fault); \
    }
// Text towers have heads of 64; others are there in float32 alone.
#define FORWARD_64(suffix, In, Out) FORWARD(64, suffix, In, Out)
#define QUERIES_GRAD_64(suffix, In, Out) QUERIES_GRAD(64, suffix, In, Out)
FOR_STORAGE(FORWARD_64)
FOR_GRADIENT(QUERIES_GRAD_64)
FORWARD(32, , float, float)
FORWARD(128, , float, float)
QUERIES_GRAD(32, , float, float)
QUERIES_GRAD(128, , float, float)
