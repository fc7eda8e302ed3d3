// Activations from one storage to another.
#include "vector.cuh"

#define INSTANCE(suffix, In, Out)                        \
    KERNEL(cast##suffix)(Out *out, const In *x, i64 n) { \
        EACH_RUN(i, n) {                                 \
            float v[RUN];                                \
            load_run(v, x + i, n - i);                   \
            store_run(out + i, v, n - i);                \
        }                                                \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE
