// Activations and what follows a matrix product: bias, activation, residual.
#include "common.cuh"

enum { IDENTITY = 0, QUICK_GELU = 1, GELU = 2, RELU = 3 };

__device__ inline float activate(float x, int act) {
    switch (act) {
    case QUICK_GELU: return x / (1.0f + expf(-1.702f * x));
    case GELU: return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case RELU: return x > 0.0f ? x : 0.0f;
    }
    return x;
}

__device__ inline float activate_grad(float x, int act) {
    switch (act) {
    case QUICK_GELU: {
        float s = 1.0f / (1.0f + expf(-1.702f * x));
        return s + x * 1.702f * s * (1.0f - s);
    }
    case GELU: return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
    case RELU: return x > 0.0f ? 1.0f : 0.0f;
    }
    return 1.0f;
}

// out = act(x)
KERNEL(act_forward)(float *out, const float *x, i64 n, int act) {
    EACH(i, n) out[i] = activate(x[i], act);
}

// dx = dy * act'(x)
KERNEL(act_backward)(float *dx, const float *x, const float *dy, i64 n, int act) {
    EACH(i, n) dx[i] = dy[i] * activate_grad(x[i], act);
}

// out[i, j] = act(y[i, j] + bias[j]) + residual[i, j]; bias and residual may be 0.
#define INSTANCE(suffix, T)                                                                                              \
    KERNEL(epilogue##suffix)(T *out, const T *y, const float *bias, const T *residual, i64 n, int columns, int act) {    \
        EACH(i, n) {                                                                                                     \
            float v = widen(y[i]);                                                                                       \
            if (bias) {                                                                                                  \
                i64 row = i;                                                                                             \
                v += bias[take(&row, columns)];                                                                          \
            }                                                                                                            \
            v = activate(v, act);                                                                                        \
            if (residual) v += widen(residual[i]);                                                                       \
            out[i] = narrow<T>(v);                                                                                       \
        }                                                                                                                \
    }
FOR_SAME(INSTANCE)
#undef INSTANCE
