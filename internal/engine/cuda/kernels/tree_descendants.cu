// The gradient of the keys and values of tree attention: for node j
//   dv_j = sum_i p_ij dout_i, dk_j = scale * sum_i p_ij (dout_i.v_j - delta_i) q_i
// over the node and its descendants i, which are the rows that follow it. Most
// nodes have a few, the shared context of learned prompts has nearly all.
//
// The rows are cut into chunks. A block takes a chunk and a head: it sums over
// the rows of the chunk for the nodes in it, which is the result for those that
// end there, and for the ancestors of its first row, whose sums go to partial
// [chunks, DEEPEST, heads, 2, D]. A second kernel adds those up in their order.
#include "tree_attention.cuh"

#define FEW 8 // rows that a group sums alone; more take a warp

// Descent is what the sums are made of.
struct Descent {
    const float *log_sum, *delta, *qkv, *dout;
    const int *tree;
    int n, width, dim;
    float scale;
    int *fault;
};

// descendants_end returns one past the last descendant of node j.
__device__ inline int descendants_end(const Descent &d, int j) {
    int end = d.tree[2 * d.n + j];
    if (end > j && end <= d.n) return end;
    report(d.fault, FAULT_TRIE, j, end);
    return j + 1;
}

// descend sums dk / scale and dv of node j over the rows from, from + step, ... below to.
template <int D, bool Whole>
__device__ inline void descend(float *dk, float *dv, const Descent &d, int j, int head, int from, int to, int step) {
    i64 stride = 3 * (i64)d.width, column = (i64)head * d.dim;
    const float *key = d.qkv + j * stride + d.width + column;
    const float *query = d.qkv + from * stride + column, *gradient = d.dout + from * (i64)d.width + column;
    float k[D / LANES], v[D / LANES], q[D / LANES], g[D / LANES], log_sum = 0, mean = 0;
    load_part<D, Whole>(k, key, d.dim);
    load_part<D, Whole>(v, key + d.width, d.dim);
    scale_part<D>(k, d.scale * LOG2E);
    zero_part<D>(q);
    zero_part<D>(g);
    zero_part<D>(dk);
    zero_part<D>(dv);
    for (int i = from; __any_sync(FULL, i < to); i += step) {
        if (i < to) {
            load_part<D, Whole>(q, query, d.dim);
            load_part<D, Whole>(g, gradient, d.dim);
            log_sum = d.log_sum[(i64)head * d.n + i];
            mean = d.delta[(i64)head * d.n + i];
        }
        float s = group_dot<D>(q, k), dp = group_dot<D>(g, v);
        float p = exp2f(s - log_sum);
        if (i >= to) p = 0;
        float w = p * (dp - mean);
#pragma unroll
        for (int c = 0; c < D / LANES; c++) {
            dk[c] += w * q[c];
            dv[c] += p * g[c];
        }
        query += step * stride;
        gradient += step * d.width;
    }
}

// descend_warp is descend over the rows from..to-1 by the groups of a warp
// together; all have the sums.
template <int D, bool Whole>
__device__ inline void descend_warp(float *dk, float *dv, const Descent &d, int j, int head, int from, int to) {
    descend<D, Whole>(dk, dv, d, j, head, from + lane_id() / LANES, to, WARP / LANES);
#pragma unroll
    for (int c = 0; c < D / LANES; c++)
#pragma unroll
        for (int s = LANES; s < WARP; s *= 2) {
            dk[c] += __shfl_xor_sync(FULL, dk[c], s);
            dv[c] += __shfl_xor_sync(FULL, dv[c], s);
        }
}

// partial_at returns where the sums of a chunk for the ancestor at a depth are.
template <int D, class Float> __device__ inline Float *partial_at(Float *partial, int chunk, int depth, int head) {
    return partial + (((i64)chunk * DEEPEST + depth) * gridDim.y + head) * 2 * D;
}

// ancestor returns the parent of node j, which is one less deep, or -1.
__device__ inline int ancestor(const Descent &d, int j) {
    int steps = 0, p = up(d.tree, j, &steps, d.fault);
    if (p < 0) return -1;
    int depth = d.tree[d.n + p];
    if (depth >= 0 && depth < DEEPEST && depth + 1 == d.tree[d.n + j]) return p;
    report(d.fault, FAULT_TRIE, p, depth);
    return -1;
}

// Grid (chunks, heads).
template <int D, bool Whole> __device__ inline void tree_attention_grad_kv(float *dqkv, float *partial, const Descent &d, int chunk) {
    int first = blockIdx.x * chunk, last = min(first + chunk, d.n), head = blockIdx.y;
    int warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    float dk[D / LANES], dv[D / LANES];
    int turn = 0;
    for (int j = ancestor(d, first); j >= 0; j = ancestor(d, j), turn++) {
        if (turn % warps != warp) continue;
        descend_warp<D, Whole>(dk, dv, d, j, head, first, min(last, descendants_end(d, j)));
        float *to = partial_at<D>(partial, blockIdx.x, d.tree[d.n + j], head);
        if (lane_id() >= LANES) continue;
        store_part<D, true>(to, dk, D, d.scale);
        store_part<D, true>(to + D, dv, D, 1);
    }
    float *keys = dqkv + d.width + head * d.dim;
    i64 stride = 3 * (i64)d.width;
    for (int j = first + warp; j < last; j += warps) {
        int end = min(last, descendants_end(d, j));
        if (end - j <= FEW) continue;
        descend_warp<D, Whole>(dk, dv, d, j, head, j, end);
        if (lane_id() >= LANES) continue;
        store_part<D, Whole>(keys + j * stride, dk, d.dim, d.scale);
        store_part<D, Whole>(keys + j * stride + d.width, dv, d.dim, 1);
    }
    const int groups = WARP / LANES;
    for (int base = first + warp * groups; base < last; base += warps * groups) {
        int j = base + lane_id() / LANES, end = 0;
        if (j < last) end = min(last, descendants_end(d, j));
        bool few = end > j && end - j <= FEW;
        descend<D, Whole>(dk, dv, d, min(j, last - 1), head, j, few ? end : j, 1);
        if (!few) continue;
        store_part<D, Whole>(keys + j * stride, dk, d.dim, d.scale);
        store_part<D, Whole>(keys + j * stride + d.width, dv, d.dim, 1);
    }
}

// join adds to node j what the chunks after the first have for it.
template <int D> __device__ inline void join(float *dqkv, const float *partial, const Descent &d, int j, int head, int chunk) {
    int after = j / chunk + 1, last = (descendants_end(d, j) - 1) / chunk, depth = d.tree[d.n + j];
    for (int e = 4 * lane_id(); e < 2 * D; e += 4 * WARP) {
        float s[4] = {}, v[4];
#pragma unroll 8
        for (int c = after; c <= last; c++) {
            load4(v, partial_at<D>(partial, c, depth, head) + e);
#pragma unroll
            for (int k = 0; k < 4; k++) s[k] += v[k];
        }
        float *to = dqkv + (3 * (i64)j + 1 + e / D) * d.width + head * d.dim;
#pragma unroll
        for (int k = 0; k < 4; k++)
            if (e % D + k < d.dim) to[e % D + k] += s[k];
    }
}

// For the nodes of a chunk whose descendants go on beyond it: one warp a node,
// grid (chunks but the last, heads).
template <int D> __device__ inline void tree_attention_grad_join(float *dqkv, const float *partial, const Descent &d, int chunk) {
    int first = blockIdx.x * chunk, warp = threadIdx.x / WARP, warps = blockDim.x / WARP, turn = 0;
    for (int j = ancestor(d, first + chunk); j >= first; j = ancestor(d, j), turn++)
        if (turn % warps == warp) join<D>(dqkv, partial, d, j, blockIdx.y, chunk);
}

#define INSTANCE(D)                                                                                                      \
    KERNEL(tree_attention_grad_kv_##D)(float *dqkv, float *partial, const float *log_sum, const float *delta,            \
                                       const float *qkv, const float *dout, const int *tree, int n, int width, int dim,  \
                                       float scale, int *fault, int chunk) {                                             \
        Descent d = {log_sum, delta, qkv, dout, tree, n, width, dim, scale, fault};                                      \
        if (dim == D) tree_attention_grad_kv<D, true>(dqkv, partial, d, chunk);                                          \
        else tree_attention_grad_kv<D, false>(dqkv, partial, d, chunk);                                                  \
    }                                                                                                                    \
    KERNEL(tree_attention_grad_join_##D)(float *dqkv, const float *partial, const int *tree, int n, int width, int dim,        \
                                         int *fault, int chunk) {                                                        \
        tree_attention_grad_join<D>(dqkv, partial, {0, 0, 0, 0, tree, n, width, dim, 0, fault}, chunk);                  \
    }
FOR_DIM(INSTANCE)
#undef INSTANCE
