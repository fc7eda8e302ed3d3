// Layer normalisation over rows, one warp a row. Mean and variance are taken in
// two passes over the row. A row of whole runs, not too long, is held in
// registers; others are read again, from cache.
#include "vector.cuh"

#define HELD 5 // runs that a lane holds: rows of up to 1,280 values

__device__ inline bool fits(int n) { return n % RUN == 0 && n <= HELD * WARP * RUN; }

// each_held calls f with the number and the first column of this lane's runs.
template <class F> __device__ inline void each_held(int n, F f) {
#pragma unroll
    for (int r = 0; r < HELD; r++) {
        int c = (r * WARP + lane_id()) * RUN;
        if (c < n) f(r, c);
    }
}

__device__ inline void held_moments(const float (&x)[HELD][RUN], int n, float eps, float *mean, float *rstd) {
    float s = 0, q = 0;
    each_held(n, [&](int r, int) {
#pragma unroll
        for (int k = 0; k < RUN; k++) s += x[r][k];
    });
    float mu = warp_sum(s) / n;
    each_held(n, [&](int r, int) {
#pragma unroll
        for (int k = 0; k < RUN; k++) q += (x[r][k] - mu) * (x[r][k] - mu);
    });
    *mean = mu;
    *rstd = 1.0f / sqrtf(warp_sum(q) / n + eps);
}

template <class T> __device__ inline void moments(const T *row, int n, float eps, float *mean, float *rstd) {
    float s = 0, q = 0;
    for (int j = lane_id(); j < n; j += WARP) s += widen(row[j]);
    float mu = warp_sum(s) / n;
    for (int j = lane_id(); j < n; j += WARP) {
        float d = widen(row[j]) - mu;
        q += d * d;
    }
    *mean = mu;
    *rstd = 1.0f / sqrtf(warp_sum(q) / n + eps);
}

// out = (x - mean) / sqrt(var + eps) * gamma + beta
template <class In, class Out>
__device__ inline void layernorm_row(Out *out, const In *row, const float *gamma, const float *beta, int n, float eps) {
    float mean, rstd;
    if (!fits(n)) {
        moments(row, n, eps, &mean, &rstd);
        for (int j = lane_id(); j < n; j += WARP) out[j] = narrow<Out>((widen(row[j]) - mean) * rstd * gamma[j] + beta[j]);
        return;
    }
    float x[HELD][RUN];
    each_held(n, [&](int r, int c) { load8(x[r], row + c); });
    held_moments(x, n, eps, &mean, &rstd);
    each_held(n, [&](int r, int c) {
        float g[RUN], b[RUN];
        load8(g, gamma + c);
        load8(b, beta + c);
#pragma unroll
        for (int k = 0; k < RUN; k++) x[r][k] = (x[r][k] - mean) * rstd * g[k] + b[k];
        store8(out + c, x[r]);
    });
}

#define INSTANCE(suffix, In, Out)                                                                                   \
    KERNEL(layernorm##suffix)(Out *out, const In *x, const float *gamma, const float *beta, int m, int n, float eps) { \
        i64 i = warp_row();                                                                                         \
        if (i < m) layernorm_row(out + i * n, x + i * n, gamma, beta, n, eps);                                      \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE

// With h = (x - mean) * rstd and t = dy * gamma:
//   dx = rstd * (t - mean(t) - h * mean(t*h)) + term
// where term, of dx's shape, may be 0, and may be dx.
__device__ inline void layernorm_grad_row(float *dx, const float *term, const float *row, const float *gamma, const float *dy, int n, float mean, float rstd) {
    float s1 = 0, s2 = 0;
    for (int j = lane_id(); j < n; j += WARP) {
        float t = dy[j] * gamma[j];
        s1 += t;
        s2 += t * (row[j] - mean) * rstd;
    }
    s1 = warp_sum(s1) / n;
    s2 = warp_sum(s2) / n;
    for (int j = lane_id(); j < n; j += WARP) {
        float d = rstd * (dy[j] * gamma[j] - s1 - (row[j] - mean) * rstd * s2);
        dx[j] = term ? term[j] + d : d;
    }
}

// layernorm_grad_held is layernorm_grad_row of a row that is held; it leaves h
// in x.
__device__ inline void layernorm_grad_held(float *dx, const float *term, float (&x)[HELD][RUN], const float *gamma, const float *dy, int n, float mean, float rstd) {
    float t[HELD][RUN], s1 = 0, s2 = 0;
    each_held(n, [&](int r, int c) {
        float g[RUN];
        load8(g, gamma + c);
        load8(t[r], dy + c);
#pragma unroll
        for (int k = 0; k < RUN; k++) {
            t[r][k] *= g[k];
            x[r][k] = (x[r][k] - mean) * rstd;
            s1 += t[r][k];
            s2 += t[r][k] * x[r][k];
        }
    });
    s1 = warp_sum(s1) / n;
    s2 = warp_sum(s2) / n;
    each_held(n, [&](int r, int c) {
#pragma unroll
        for (int k = 0; k < RUN; k++) t[r][k] = rstd * (t[r][k] - s1 - x[r][k] * s2);
        if (term) {
            float more[RUN];
            load8(more, term + c);
#pragma unroll
            for (int k = 0; k < RUN; k++) t[r][k] += more[k];
        }
        store8(dx + c, t[r]);
    });
}

// dx, unless it is 0, with term added, unless that is; and stats[i] = mean, rstd, unless stats is 0.
KERNEL(layernorm_grad)(float *dx, float *stats, const float *x, const float *gamma, const float *dy, const float *term, int m, int n,
                       float eps) {
    i64 i = warp_row();
    if (i >= m) return;
    float mean, rstd;
    if (fits(n)) {
        float held[HELD][RUN];
        each_held(n, [&](int r, int c) { load8(held[r], x + i * n + c); });
        held_moments(held, n, eps, &mean, &rstd);
        if (dx) layernorm_grad_held(dx + i * n, term ? term + i * n : nullptr, held, gamma, dy + i * n, n, mean, rstd);
    } else {
        moments(x + i * n, n, eps, &mean, &rstd);
        if (dx) layernorm_grad_row(dx + i * n, term ? term + i * n : nullptr, x + i * n, gamma, dy + i * n, n, mean, rstd);
    }
    if (stats && lane_id() == 0) {
        stats[2 * i] = mean;
        stats[2 * i + 1] = rstd;
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
