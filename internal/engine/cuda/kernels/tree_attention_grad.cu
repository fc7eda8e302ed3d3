// The gradient of the keys and values of tree attention: for node j
//   dv_j = sum_i p_ij dout_i, dk_j = scale * sum_i p_ij (dout_i.v_j - delta_i) q_i
// over the node and its descendants i, which are the rows that follow it. Most
// nodes have a few, the shared context of learned prompts has nearly all.
//
// The rows are cut into chunks, and a block takes a chunk and a head. It sums
// over the rows of the chunk for the nodes in it, which is the result for those
// that end there, and for the ancestors of its first row. The sums of nodes in
// more than one chunk go to partial [chunks, 2, DEEPEST, heads, 2, D] and are
// added up by a second kernel, chunk after chunk.
#include "tree_attention.cuh"

#define FEW 8 // rows that a group sums alone; more take a warp

// Descent is what the sums are made of.
template <class In> struct Descent {
    const In *qkv;
    const float *log_sum, *delta, *dout;
    const int *tree;
    int n, width, dim;
    float scale;
    int *fault;
};

// descendants_end returns one past the last descendant of node j.
template <class In> __device__ inline int descendants_end(const Descent<In> &d, int j) {
    int end = d.tree[2 * d.n + j];
    if (end > j && end <= d.n) return end;
    report(d.fault, FAULT_TRIE, j, end);
    return j + 1;
}

// descend sums dk / scale and dv of node j over the rows from, from + step, ... below to.
template <int D, bool Whole, class In>
__device__ inline void descend(float *dk, float *dv, const Descent<In> &d, int j, int head, int from, int to, int step) {
    i64 stride = 3 * (i64)d.width, column = (i64)head * d.dim;
    const In *key = d.qkv + j * stride + d.width + column, *query = d.qkv + from * stride + column;
    const float *gradient = d.dout + from * (i64)d.width + column;
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
template <int D, bool Whole, class In>
__device__ inline void descend_warp(float *dk, float *dv, const Descent<In> &d, int j, int head, int from, int to) {
    descend<D, Whole>(dk, dv, d, j, head, from + lane_id() / LANES, to, WARP / LANES);
#pragma unroll
    for (int c = 0; c < D / LANES; c++)
#pragma unroll
        for (int s = LANES; s < WARP; s *= 2) {
            dk[c] += __shfl_xor_sync(FULL, dk[c], s);
            dv[c] += __shfl_xor_sync(FULL, dv[c], s);
        }
}

// partial_at returns where a chunk's sums are for the ancestor at a depth of its
// first row or, if inside, for the node in it that goes on beyond it.
template <int D, class Float> __device__ inline Float *partial_at(Float *partial, int chunk, bool inside, int depth, int head) {
    return partial + ((((i64)chunk * 2 + inside) * DEEPEST + depth) * gridDim.y + head) * 2 * D;
}

// keep writes the sums of a node in the chunk, which may go on beyond it.
template <int D, bool Whole, class In, class Out>
__device__ inline void keep(Out *dqkv, float *partial, const Descent<In> &d, int j, int head, bool beyond, const float *dk, const float *dv) {
    int depth = d.tree[d.n + j];
    if (!beyond) {
        Out *to = dqkv + (3 * (i64)j + 1) * d.width + head * d.dim;
        store_part<D, Whole>(to, dk, d.dim, d.scale);
        store_part<D, Whole>(to + d.width, dv, d.dim, 1);
    } else if (depth < 0 || depth >= DEEPEST) {
        report(d.fault, FAULT_TRIE, j, depth);
    } else {
        float *to = partial_at<D>(partial, blockIdx.x, true, depth, head);
        store_part<D, true>(to, dk, D, d.scale);
        store_part<D, true>(to + D, dv, D, 1);
    }
}

// ancestor returns the parent of node j, which is one less deep, or -1.
template <class In> __device__ inline int ancestor(const Descent<In> &d, int j) {
    int steps = 0, p = up(d.tree, j, &steps, d.fault);
    if (p < 0) return -1;
    int depth = d.tree[d.n + p];
    if (depth >= 0 && depth < DEEPEST && depth + 1 == d.tree[d.n + j]) return p;
    report(d.fault, FAULT_TRIE, p, depth);
    return -1;
}

// Grid (chunks, heads).
template <int D, bool Whole, class In, class Out>
__device__ inline void tree_attention_grad_kv(Out *dqkv, float *partial, const Descent<In> &d, int chunk) {
    const int groups = WARP / LANES;
    int first = blockIdx.x * chunk, last = min(first + chunk, d.n), head = blockIdx.y, turn = 0;
    int warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    float dk[D / LANES], dv[D / LANES];
    for (int j = ancestor(d, first); j >= 0; j = ancestor(d, j), turn++) {
        if (turn % warps != warp) continue;
        descend_warp<D, Whole>(dk, dv, d, j, head, first, min(last, descendants_end(d, j)));
        float *to = partial_at<D>(partial, blockIdx.x, false, d.tree[d.n + j], head);
        if (lane_id() >= LANES) continue;
        store_part<D, true>(to, dk, D, d.scale);
        store_part<D, true>(to + D, dv, D, 1);
    }
    for (int j = first + warp; j < last; j += warps) {
        int end = descendants_end(d, j), to = min(last, end);
        if (to - j <= FEW) continue;
        descend_warp<D, Whole>(dk, dv, d, j, head, j, to);
        if (lane_id() < LANES) keep<D, Whole>(dqkv, partial, d, j, head, end > last, dk, dv);
    }
    for (int base = first + warp * groups; base < last; base += warps * groups) {
        int j = min(base + lane_id() / LANES, last - 1), end = descendants_end(d, j), to = min(last, end);
        bool few = base + lane_id() / LANES < last && to - j <= FEW;
        descend<D, Whole>(dk, dv, d, j, head, j, few ? to : j, 1);
        if (few) keep<D, Whole>(dqkv, partial, d, j, head, end > last, dk, dv);
    }
}

// join writes the sums of node j over all its chunks.
template <int D, class Out>
__device__ inline void join(Out *dqkv, const float *partial, const Descent<Out> &d, int j, int head, int chunk) {
    int own = j / chunk, last = (descendants_end(d, j) - 1) / chunk, depth = d.tree[d.n + j];
    for (int e = 4 * lane_id(); e < 2 * D; e += 4 * WARP) {
        float s[4], v[4];
        load4(s, partial_at<D>(partial, own, true, depth, head) + e);
#pragma unroll 8
        for (int c = own + 1; c <= last; c++) {
            load4(v, partial_at<D>(partial, c, false, depth, head) + e);
#pragma unroll
            for (int k = 0; k < 4; k++) s[k] += v[k];
        }
        Out *to = dqkv + (3 * (i64)j + 1 + e / D) * d.width + head * d.dim;
#pragma unroll
        for (int k = 0; k < 4; k++)
            if (e % D + k < d.dim) to[e % D + k] = narrow<Out>(s[k]);
    }
}

// For the nodes of a chunk whose descendants go on beyond it: one warp a node,
// grid (chunks but the last, heads).
template <int D, class Out>
__device__ inline void tree_attention_grad_join(Out *dqkv, const float *partial, const Descent<Out> &d, int chunk) {
    int first = blockIdx.x * chunk, warp = threadIdx.x / WARP, warps = blockDim.x / WARP, turn = 0;
    for (int j = ancestor(d, first + chunk); j >= first; j = ancestor(d, j), turn++)
        if (turn % warps == warp) join<D>(dqkv, partial, d, j, blockIdx.y, chunk);
}

#define DESCENDANTS(D, suffix, In, Out)                                                                                  \
    KERNEL(tree_attention_grad_kv_##D##suffix)(Out *dqkv, float *partial, const float *log_sum, const float *delta,      \
                                               const In *qkv, const float *dout, const int *tree, int n, int width,      \
                                               int dim, float scale, int *fault, int chunk) {                            \
        Descent<In> d = {qkv, log_sum, delta, dout, tree, n, width, dim, scale, fault};                                  \
        if (dim == D) tree_attention_grad_kv<D, true>(dqkv, partial, d, chunk);                                          \
        else tree_attention_grad_kv<D, false>(dqkv, partial, d, chunk);                                                  \
    }
#define JOIN(D, suffix, Out)                                                                                             \
    KERNEL(tree_attention_grad_join_##D##suffix)(Out *dqkv, const float *partial, const int *tree, int n, int width,     \
                                                 int dim, int *fault, int chunk) {                                       \
        tree_attention_grad_join<D, Out>(dqkv, partial, {0, 0, 0, 0, tree, n, width, dim, 0, fault}, chunk);             \
    }
#define DESCENDANTS_64(suffix, In, Out) DESCENDANTS(64, suffix, In, Out)
#define JOIN_64(suffix, Out) JOIN(64, suffix, Out)
FOR_GRADIENT(DESCENDANTS_64)
FOR_SAME(JOIN_64)
DESCENDANTS(32, , float, float)
DESCENDANTS(128, , float, float)
JOIN(32, , float)
JOIN(128, , float)
