// The foot of the image tower: patches and tokens.
#include "vector.cuh"

// pixel is where the i-th value of a patch is, from its corner on.
__device__ inline int pixel(int i, int patch, int size) {
    int y = i / patch, x = i % patch; // channel after channel
    return (y / patch * size + y % patch) * size + x;
}

// out[(b*G + gy)*G + gx, (c*P + y)*P + x] = images[b, c, gy*P + y, gx*P + x],
// and 0 in the columns behind the last, for rows patches, a thread a run.
#define INSTANCE(suffix, In, Out)                                                                                     \
    KERNEL(patchify##suffix)(Out *out, const In *images, i64 rows, int channels, int size, int patch, int columns) {  \
        int per = (columns + RUN - 1) / RUN, grid = size / patch, area = patch * patch;                               \
        EACH(run, rows * per) {                                                                                       \
            i64 row = run;                                                                                            \
            int at = take(&row, per) * RUN;                                                                           \
            i64 b = row;                                                                                              \
            int gx = take(&b, grid), gy = take(&b, grid);                                                             \
            const In *corner = images + (b * channels * size + gy * patch) * size + gx * patch;                       \
            float v[RUN] = {};                                                                                        \
            if (patch % RUN == 0 && at < channels * area) load_run(v, corner + pixel(at, patch, size), RUN);          \
            for (int k = 0; k < RUN; k++)                                                                             \
                if (patch % RUN != 0 && at + k < channels * area) v[k] = corner[pixel(at + k, patch, size)];          \
            store_run(out + row * columns + at, v, columns - at);                                                     \
        }                                                                                                             \
    }
FOR_RESULT(INSTANCE)
#undef INSTANCE

// out[b, 0] = cls + pos[0]; out[b, i+1] = patches[b, i] + pos[i+1], for rows
// tokens in sequences of count, a thread a run.
#define INSTANCE(suffix, In, Out)                                                                                     \
    KERNEL(tokens##suffix)(Out *out, const In *patches, const float *cls, const float *pos, i64 rows, int count,      \
                           int width) {                                                                               \
        int per = (width + RUN - 1) / RUN;                                                                            \
        EACH(run, rows * per) {                                                                                       \
            i64 row = run;                                                                                            \
            int c = take(&row, per) * RUN, left = width - c;                                                          \
            i64 b = row;                                                                                              \
            int i = take(&b, count);                                                                                  \
            float v[RUN], w[RUN];                                                                                     \
            if (i > 0) load_run(v, patches + (row - b - 1) * width + c, left);                                        \
            else load_run(v, cls + c, left);                                                                          \
            load_run(w, pos + (i64)i * width + c, left);                                                              \
            for (int k = 0; k < RUN; k++) v[k] += w[k];                                                               \
            store_run(out + row * width + c, v, left);                                                                \
        }                                                                                                             \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE

// dpatches[b, i] = dy[b, i+1]
KERNEL(tokens_grad_patches)(float *dpatches, const float *dy, i64 total, int count, int width) {
    EACH(e, total) {
        i64 b = e;
        int j = take(&b, width), i = take(&b, count - 1);
        dpatches[e] = dy[(b * count + i + 1) * width + j];
    }
}

// out[e] = sum over b of dy[b, e], for the first n of the elements of a sequence
KERNEL(tokens_grad_sum)(float *out, const float *dy, i64 n, i64 sequence, int batch) {
    EACH(e, n) {
        double s = 0;
        for (int b = 0; b < batch; b++) s += dy[b * sequence + e];
        out[e] = (float)s;
    }
}
