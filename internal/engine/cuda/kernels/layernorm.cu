// Layer normalisation over rows, one warp a row. Mean and variance are taken
// in two passes over the row, which stays in cache.
#include "common.cuh"

__device__ inline void moments(const float *row, int n, float eps, float *mean, float *rstd) {
    float s = 0;
    for (int j = lane_id(); j < n; j += WARP) s += row[j];
    float mu = warp_sum(s) / n;
    float q = 0;
    for (int j = lane_id(); j < n; j += WARP) {
        float d = row[j] - mu;
        q += d * d;
    }
    *mean = mu;
    *rstd = 1.0f / sqrtf(warp_sum(q) / n + eps);
}

// out = (x - mean) / sqrt(var + eps) * gamma + beta
KERNEL(layernorm)(float *out, const float *x, const float *gamma, const float *beta, int m, int n, float eps) {
    int i = warp_row();
    if (i >= m) return;
    const float *row = x + (i64)i * n;
    float mean, rstd;
    moments(row, n, eps, &mean, &rstd);
    for (int j = lane_id(); j < n; j += WARP) out[(i64)i * n + j] = (row[j] - mean) * rstd * gamma[j] + beta[j];
}

// With h = (x - mean) * rstd and t = dy * gamma:
//   dx = rstd * (t - mean(t) - h * mean(t*h)), unless dx is 0
//   stats[i] = mean, rstd, unless stats is 0
KERNEL(layernorm_grad)(float *dx, float *stats, const float *x, const float *gamma, const float *dy, int m, int n, float eps) {
    int i = warp_row();
    if (i >= m) return;
    const float *row = x + (i64)i * n, *d = dy + (i64)i * n;
    float mean, rstd;
    moments(row, n, eps, &mean, &rstd);
    if (stats && lane_id() == 0) {
        stats[2 * (i64)i] = mean;
        stats[2 * (i64)i + 1] = rstd;
    }
    if (!dx) return;
    float s1 = 0, s2 = 0;
    for (int j = lane_id(); j < n; j += WARP) {
        float t = d[j] * gamma[j];
        s1 += t;
        s2 += t * (row[j] - mean) * rstd;
    }
    s1 = warp_sum(s1) / n;
    s2 = warp_sum(s2) / n;
    for (int j = lane_id(); j < n; j += WARP) {
        float h = (row[j] - mean) * rstd;
        dx[(i64)i * n + j] = rstd * (d[j] * gamma[j] - s1 - h * s2);
    }
}

// Partial sums over a chunk of rows of dy*h and of dy; blocks are 32 x 8.
KERNEL(layernorm_grad_part)(float *dgamma, float *dbeta, const float *stats, const float *x, const float *dy, int m, int n, int rows) {
    __shared__ float gs[8][33], bs[8][33];
    int j = blockIdx.x * 32 + threadIdx.x;
    int end = min(m, (int)(blockIdx.y + 1) * rows);
    float g = 0, b = 0;
    if (j < n)
        for (int i = blockIdx.y * rows + threadIdx.y; i < end; i += 8) {
            float d = dy[(i64)i * n + j];
            g += d * (x[(i64)i * n + j] - stats[2 * (i64)i]) * stats[2 * (i64)i + 1];
            b += d;
        }
    gs[threadIdx.y][threadIdx.x] = g;
    bs[threadIdx.y][threadIdx.x] = b;
    __syncthreads();
    if (threadIdx.y == 0 && j < n) {
        for (int k = 1; k < 8; k++) {
            g += gs[k][threadIdx.x];
            b += bs[k][threadIdx.x];
        }
        dgamma[(i64)blockIdx.y * n + j] = g;
        dbeta[(i64)blockIdx.y * n + j] = b;
    }
}
