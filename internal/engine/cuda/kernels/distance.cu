// The weighted squared distance of rows.
#include "common.cuh"

// part[block] = sum of alpha[row] * (w - t)^2; dw = 2*alpha*(w - t), unless it is 0.
KERNEL(square_distance)(double *part, float *dw, const float *w, const float *t, const float *alpha, i64 total, int n) {
    double s = 0;
    EACH(k, total) {
        i64 i = k;
        take(&i, n);
        float a = alpha[i], d = w[k] - t[k];
        s += (double)a * d * d;
        if (dw) dw[k] = 2 * a * d;
    }
    s = block_sum(s);
    if (threadIdx.x == 0) part[blockIdx.x] = s;
}
