// Images of bytes to patches of values.
#include "common.cuh"

// out[(b*G + gy)*G + gx, (c*P + y)*P + x] = table[c, byte of pixels[b, c, gy*P + y, gx*P + x]],
// and 0 in the columns behind the last. Each of the total threads does run
// neighbours of one row of a patch, so that indices are divided once for all.
#define INSTANCE(suffix, In, Out)                                                                                     \
    KERNEL(pixels##suffix)(Out *out, const unsigned char *pixels, const float *table, i64 total, i64 image, int side, \
                           int patch, int columns, int run) {                                                        \
        int grid = side / patch, area = patch * patch;                                                               \
        EACH(e, total) {                                                                                             \
            i64 k = e;                                                                                               \
            int at = take(&k, columns / run) * run, c = at / area, y = at / patch % patch, x = at % patch;           \
            int gx = take(&k, grid), gy = take(&k, grid);                                                            \
            const unsigned char *from = pixels + k * image + (c * side + gy * patch + y) * side + gx * patch + x;    \
            for (int i = 0; i < run; i++) out[e * run + i] = narrow<Out>(c < 3 ? table[256 * c + from[i]] : 0.0f);    \
        }                                                                                                            \
    }
FOR_RESULT(INSTANCE)
#undef INSTANCE
