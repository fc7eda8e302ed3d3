// Activations from one storage to another.
#include "common.cuh"

#define INSTANCE(suffix, In, Out)                                 \
    KERNEL(cast##suffix)(Out *out, const In *x, i64 n) {          \
        EACH(i, n) out[i] = narrow<Out>(widen(x[i]));             \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE
