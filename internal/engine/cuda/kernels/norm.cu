// Division of rows by their Euclidean norm r: y = x / (tau * (r + eps)), which
// is L2 normalisation for tau 1 and eps 0, and LogitNorm otherwise. A zero row
// stays zero. One warp a row.
#include "common.cuh"

KERNEL(divnorm)(float *out, const float *x, int m, int n, float tau, float eps) {
    int i = warp_row();
    if (i >= m) return;
    const float *row = x + (i64)i * n;
    float s = 0;
    for (int j = lane_id(); j < n; j += WARP) s += row[j] * row[j];
    float by = tau * (sqrtf(warp_sum(s)) + eps);
    float inv = by > 0 ? 1.0f / by : 0.0f;
    for (int j = lane_id(); j < n; j += WARP) out[(i64)i * n + j] = row[j] * inv;
}

// dx = dy / (tau (r+eps)) - x (x.dy) / (tau r (r+eps)^2)
KERNEL(divnorm_grad)(float *dx, const float *x, const float *dy, int m, int n, float tau, float eps) {
    int i = warp_row();
    if (i >= m) return;
    const float *row = x + (i64)i * n, *d = dy + (i64)i * n;
    float s = 0, dot = 0;
    for (int j = lane_id(); j < n; j += WARP) {
        s += row[j] * row[j];
        dot += row[j] * d[j];
    }
    float r = sqrtf(warp_sum(s));
    dot = warp_sum(dot);
    float a = 0, b = 0;
    if (r > 0) {
        a = 1.0f / (tau * (r + eps));
        b = dot / (tau * r * (r + eps)) / (r + eps);
    }
    for (int j = lane_id(); j < n; j += WARP) dx[(i64)i * n + j] = a * d[j] - b * row[j];
}
