// The foot of the image tower: patches and tokens.
#include "vector.cuh"

// out[(b*G + gy)*G + gx, (c*P + y)*P + x] = images[b, c, gy*P + y, gx*P + x],
// and 0 in the columns behind the last
KERNEL(patchify)(float *out, const float *images, i64 total, int channels, int size, int patch, int columns) {
    int grid = size / patch;
    EACH(e, total) {
        i64 k = e;
        int at = take(&k, columns), c = at / (patch * patch), y = at / patch % patch, x = at % patch;
        int gx = take(&k, grid), gy = take(&k, grid);
        out[e] = c < channels ? images[((k * channels + c) * size + gy * patch + y) * size + gx * patch + x] : 0.0f;
    }
}

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
