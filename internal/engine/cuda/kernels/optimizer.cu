// Steps of the optimisers, in place.
#include "common.cuh"

// PyTorch's SGD: g += wd*p; v = momentum*v + g; p -= lr*v
KERNEL(sgd)(float *p, float *v, const float *g, i64 n, float lr, float momentum, float decay) {
    EACH(i, n) {
        float w = p[i];
        float u = momentum * v[i] + (g[i] + decay * w);
        v[i] = u;
        p[i] = w - lr * u;
    }
}

// PyTorch's AdamW; keep = 1 - lr*wd, rate = lr / (1 - beta1^step), root = 1 / sqrt(1 - beta2^step).
KERNEL(adamw)(float *p, float *m, float *v, const float *g, i64 n, float beta1, float rest1, float beta2, float rest2,
              float keep, float rate, float root, float eps) {
    EACH(i, n) {
        float d = g[i];
        float a = beta1 * m[i] + rest1 * d;
        float b = beta2 * v[i] + rest2 * d * d;
        m[i] = a;
        v[i] = b;
        p[i] = p[i] * keep - rate * a / (sqrtf(b) * root + eps);
    }
}
