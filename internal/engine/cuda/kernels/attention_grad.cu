// The gradients of attention within sequences of equal length: one thread a query
// or a key; the other side passes through shared memory.
//
// Grid: (blocks of QUERIES of them, heads, sequences).
#include "attention.cuh"

// For every query: log_sum[head, i], the logarithm of the softmax's
// denominator; delta[head, i] = dout.out; and
// dq = scale * sum_j p_j (dout.v_j - delta) k_j.
template <int D>
__device__ inline void attention_grad_q(float *dqkv, float *log_sum, float *delta, const float *qkv, const float *out,
                                        const float *dout, int count, int width, int dim, float scale, float *shared) {
    float *ks = shared, *vs = shared + TILE * D;
    i64 stride = 3 * (i64)width, first = (i64)blockIdx.z * count, total = (i64)gridDim.z * count;
    int i = blockIdx.x * QUERIES + threadIdx.x, head = blockIdx.y * dim;
    bool live = i < count;
    i64 row = first + (live ? i : 0);
    float q[D], g[D];
    load<D>(q, qkv + row * stride + head, dim);
    load<D>(g, dout + row * width + head, dim);
    float mean = 0;
    for (int c = 0; c < dim; c++) mean += dout[row * width + head + c] * out[row * width + head + c];
    float top = -INFINITY, sum = 0;
    for (int j = 0; j < count; j += TILE) {
        int rows = min(TILE, count - j);
        fill<D>(ks, qkv + (first + j) * stride + width + head, stride, rows, dim);
        __syncthreads();
        for (int k = 0; k < rows; k++) {
            float s = scale * dot<D>(q, ks + k * D), best = fmaxf(top, s);
            sum = sum * expf(top - best) + expf(s - best);
            top = best;
        }
        __syncthreads();
    }
    float lse = top + logf(sum);
    if (live) {
        log_sum[(i64)blockIdx.y * total + row] = lse;
        delta[(i64)blockIdx.y * total + row] = mean;
    }
    float dq[D];
#pragma unroll
    for (int c = 0; c < D; c++) dq[c] = 0;
    for (int j = 0; j < count; j += TILE) {
        int rows = min(TILE, count - j);
        const float *from = qkv + (first + j) * stride + width + head;
        fill<D>(ks, from, stride, rows, dim);
        fill<D>(vs, from + width, stride, rows, dim);
        __syncthreads();
        for (int k = 0; k < rows; k++) {
            float p = expf(scale * dot<D>(q, ks + k * D) - lse);
            axpy<D>(dq, p * (dot<D>(g, vs + k * D) - mean), ks + k * D);
        }
        __syncthreads();
    }
    if (live) store<D>(dqkv + row * stride + head, dq, dim, scale);
}

// dv_j = sum_i p_ij dout_i; one thread a key.
template <int D>
__device__ inline void attention_grad_v(float *dqkv, const float *log_sum, const float *qkv, const float *dout, int count,
                                        int width, int dim, float scale, float *shared) {
    float *qs = shared, *gs = shared + TILE * D;
    i64 stride = 3 * (i64)width, first = (i64)blockIdx.z * count, total = (i64)gridDim.z * count;
    int j = blockIdx.x * QUERIES + threadIdx.x, head = blockIdx.y * dim;
    bool live = j < count;
    i64 row = first + (live ? j : 0);
    float k[D], dv[D];
    load<D>(k, qkv + row * stride + width + head, dim);
#pragma unroll
    for (int c = 0; c < D; c++) dv[c] = 0;
    for (int i = 0; i < count; i += TILE) {
        int rows = min(TILE, count - i);
        fill<D>(qs, qkv + (first + i) * stride + head, stride, rows, dim);
        fill<D>(gs, dout + (first + i) * width + head, width, rows, dim);
        __syncthreads();
        for (int r = 0; r < rows; r++) {
            float p = expf(scale * dot<D>(k, qs + r * D) - log_sum[(i64)blockIdx.y * total + first + i + r]);
            axpy<D>(dv, p, gs + r * D);
        }
        __syncthreads();
    }
    if (live) store<D>(dqkv + row * stride + 2 * width + head, dv, dim, 1.0f);
}

// dk_j = scale * sum_i p_ij (dout_i.v_j - delta_i) q_i; one thread a key.
template <int D>
__device__ inline void attention_grad_k(float *dqkv, const float *log_sum, const float *delta, const float *qkv,
                                        const float *dout, int count, int width, int dim, float scale, float *shared) {
    float *qs = shared, *gs = shared + TILE * D;
    i64 stride = 3 * (i64)width, first = (i64)blockIdx.z * count, total = (i64)gridDim.z * count;
    int j = blockIdx.x * QUERIES + threadIdx.x, head = blockIdx.y * dim;
    bool live = j < count;
    i64 row = first + (live ? j : 0);
    float k[D], v[D], dk[D];
    load<D>(k, qkv + row * stride + width + head, dim);
    load<D>(v, qkv + row * stride + 2 * width + head, dim);
#pragma unroll
    for (int c = 0; c < D; c++) dk[c] = 0;
    for (int i = 0; i < count; i += TILE) {
        int rows = min(TILE, count - i);
        fill<D>(qs, qkv + (first + i) * stride + head, stride, rows, dim);
        fill<D>(gs, dout + (first + i) * width + head, width, rows, dim);
        __syncthreads();
        for (int r = 0; r < rows; r++) {
            i64 at = (i64)blockIdx.y * total + first + i + r;
            float p = expf(scale * dot<D>(k, qs + r * D) - log_sum[at]);
            axpy<D>(dk, p * (dot<D>(v, gs + r * D) - delta[at]), qs + r * D);
        }
        __syncthreads();
    }
    if (live) store<D>(dqkv + row * stride + width + head, dk, dim, scale);
}

#define INSTANCE(D)                                                                                              \
    KERNEL(attention_grad_q_##D)(float *dqkv, float *log_sum, float *delta, const float *qkv, const float *out,  \
                                 const float *dout, int count, int width, int dim, float scale) {                \
        DYNAMIC_SHARED(float, shared);                                                                           \
        attention_grad_q<D>(dqkv, log_sum, delta, qkv, out, dout, count, width, dim, scale, shared);             \
    }                                                                                                            \
    KERNEL(attention_grad_v_##D)(float *dqkv, const float *log_sum, const float *qkv, const float *dout,         \
                                 int count, int width, int dim, float scale) {                                   \
        DYNAMIC_SHARED(float, shared);                                                                           \
        attention_grad_v<D>(dqkv, log_sum, qkv, dout, count, width, dim, scale, shared);                         \
    }                                                                                                            \
    KERNEL(attention_grad_k_##D)(float *dqkv, const float *log_sum, const float *delta, const float *qkv,        \
                                 const float *dout, int count, int width, int dim, float scale) {                \
        DYNAMIC_SHARED(float, shared);                                                                           \
        attention_grad_k<D>(dqkv, log_sum, delta, qkv, dout, count, width, dim, scale, shared);                  \
    }
FOR_DIM(INSTANCE)
#undef INSTANCE
