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
