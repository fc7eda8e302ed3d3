// Images of bytes to patches of values.
#include "vector.cuh"

// out[(b*G + gy)*G + gx, (c*P + y)*P + x] = table[c, byte of pixels[b, c, gy*P + y, gx*P + x]],
// and 0 in the columns behind the last, for rows patches, a thread a run. An
// image takes image bytes.
#define INSTANCE(suffix, In, Out)                                                                                     \
    KERNEL(pixels##suffix)(Out *out, const unsigned char *pixels, const float *table, i64 rows, i64 image, int side,  \
                           int patch, int columns) {                                                                  \
        int per = (columns + RUN - 1) / RUN, grid = side / patch, area = patch * patch;                               \
        EACH(run, rows * per) {                                                                                       \
            i64 row = run;                                                                                            \
            int at = take(&row, per) * RUN;                                                                           \
            i64 b = row;                                                                                              \
            int gx = take(&b, grid), gy = take(&b, grid);                                                             \
            const unsigned char *corner = pixels + b * image + gy * patch * side + gx * patch;                        \
            int c = at / area, y = at / patch % patch, x = at % patch;                                                \
            float v[RUN];                                                                                             \
            for (int k = 0; k < RUN; k++) {                                                                           \
                v[k] = c < 3 ? table[256 * c + corner[(c * side + y) * side + x]] : 0.0f;                             \
                if (++x < patch) continue;                                                                            \
                x = 0;                                                                                                \
                if (++y < patch) continue;                                                                            \
                y = 0;                                                                                                \
                c++;                                                                                                  \
            }                                                                                                         \
            store_run(out + row * columns + at, v, columns - at);                                                     \
        }                                                                                                             \
    }
FOR_RESULT(INSTANCE)
#undef INSTANCE
