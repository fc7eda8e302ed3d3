// Kernels that treat every element alike.
#include "common.cuh"

// out = a + b + c + d; all but a may be 0, and out may be any of them.
KERNEL(sum_terms)(float *out, const float *a, const float *b, const float *c, const float *d, i64 n) {
    EACH(i, n) {
        float v = a[i];
        if (b) v += b[i];
        if (c) v += c[i];
        if (d) v += d[i];
        out[i] = v;
    }
}

// out = a*x + b*y; y may be 0.
KERNEL(axpby)(float *out, const float *x, const float *y, i64 n, float a, float b) {
    EACH(i, n) out[i] = y ? a * x[i] + b * y[i] : a * x[i];
}

// out = exp(a*x + b)
KERNEL(exp_affine)(float *out, const float *x, i64 n, float a, float b) {
    EACH(i, n) out[i] = expf(a * x[i] + b);
}

// out = a*x*y
KERNEL(multiply)(float *out, const float *x, const float *y, i64 n, float a) {
    EACH(i, n) out[i] = a * x[i] * y[i];
}

// out = x * exp(s[0])
KERNEL(scale_exp)(float *out, const float *x, const float *s, i64 n) {
    float f = expf(s[0]);
    EACH(i, n) out[i] = x[i] * f;
}

// out = x * a * s[0]
KERNEL(scale)(float *out, const float *x, const float *s, i64 n, float a) {
    float f = a * s[0];
    EACH(i, n) out[i] = x[i] * f;
}

// Sums over everything are in two steps: one partial sum a block, then one block
// over the partial sums. The number of blocks depends on n alone.

// part[block] = sum of x*y over the block's elements
KERNEL(dot_part)(double *part, const float *x, const float *y, i64 n) {
    double s = 0;
    EACH(i, n) s += (double)(x[i] * y[i]);
    s = block_sum(s);
    if (threadIdx.x == 0) part[blockIdx.x] = s;
}

// out = scale * sum of part; launched as one block
KERNEL(sum_parts)(float *out, const double *part, int n, double scale) {
    double s = 0;
    for (int i = threadIdx.x; i < n; i += BLOCK) s += part[i];
    s = block_sum(s);
    if (threadIdx.x == 0) out[0] = (float)(scale * s);
}
