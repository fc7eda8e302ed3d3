// Activations and their gradients.
#pragma once
#include "vector.cuh"

enum { IDENTITY = 0, QUICK_GELU = 1, GELU = 2, RELU = 3 };

// sigmoid of 1.702 x, by a base-2 exponential
__device__ inline float quick_sigmoid(float x) { return __fdividef(1.0f, 1.0f + exp2f(-2.45546696f * x)); }

template <int Act> __device__ inline float activate(float x) {
    switch (Act) {
    case QUICK_GELU: return x * quick_sigmoid(x);
    case GELU: return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case RELU: return x <= 0.0f ? 0.0f : x; // NaN stays
    }
    return x;
}

template <int Act> __device__ inline float activate_grad(float x) {
    switch (Act) {
    case QUICK_GELU: {
        float s = quick_sigmoid(x);
        return s + x * 1.702f * s * (1.0f - s);
    }
    case GELU: return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
    case RELU: return x > 0.0f ? 1.0f : 0.0f;
    }
    return 1.0f;
}

// BY_ACT calls a function built for each activation, so that none is chosen
// element by element.
#define BY_ACT(act, call)                                                                              \
    switch (act) {                                                                                     \
    case QUICK_GELU: call(QUICK_GELU); break;                                                          \
    case GELU: call(GELU); break;                                                                      \
    case RELU: call(RELU); break;                                                                      \
    default: call(IDENTITY);                                                                           \
    }

// out = act(x)
template <int Act, class In, class Out> __device__ inline void act_forward_all(Out *out, const In *x, i64 n) {
    EACH_RUN(i, n) {
        float v[RUN];
        load_run(v, x + i, n - i);
#pragma unroll
        for (int k = 0; k < RUN; k++) v[k] = activate<Act>(v[k]);
        store_run(out + i, v, n - i);
    }
}

#define CALL(Act) act_forward_all<Act>(out, x, n)
#define INSTANCE(suffix, In, Out) \
    KERNEL(act_forward##suffix)(Out *out, const In *x, i64 n, int act) { BY_ACT(act, CALL) }
FOR_STORAGE(INSTANCE)
#undef INSTANCE
#undef CALL

// dx = dy * act'(x)
template <int Act, class In, class Out> __device__ inline void act_backward_all(Out *dx, const In *x, const float *dy, i64 n) {
    EACH_RUN(i, n) {
        float v[RUN], d[RUN];
        load_run(v, x + i, n - i);
        load_run(d, dy + i, n - i);
#pragma unroll
        for (int k = 0; k < RUN; k++) d[k] *= activate_grad<Act>(v[k]);
        store_run(dx + i, d, n - i);
    }
}

#define CALL(Act) act_backward_all<Act>(dx, x, dy, n)
#define INSTANCE(suffix, In, Out) \
    KERNEL(act_backward##suffix)(Out *dx, const In *x, const float *dy, i64 n, int act) { BY_ACT(act, CALL) }
FOR_STORAGE(INSTANCE)
#undef INSTANCE
#undef CALL
