// Kernels that move rows chosen by an index.
#include "vector.cuh"

// row_of returns row r of a table, or 0 for a negative r and one out of bounds,
// which it reports with the place i it was found at.
template <class T> __device__ inline const T *row_of(const T *table, int r, i64 i, int rows, int width, int *fault) {
    if (r >= rows) report(fault, FAULT_INDEX, (int)i, r);
    return r < 0 || r >= rows ? 0 : table + (i64)r * width;
}

// out[i] = table[idx[i]] for n rows, a thread a run; zeros for a negative index.
#define INSTANCE(suffix, In, Out)                                                                                       \
    KERNEL(gather##suffix)(Out *out, const In *table, const int *idx, int n, int rows, int width, int *fault) {         \
        int per = (width + RUN - 1) / RUN;                                                                              \
        EACH(run, (i64)n * per) {                                                                                       \
            i64 i = run;                                                                                                \
            int c = take(&i, per) * RUN;                                                                                \
            const In *row = row_of(table, idx[i], i, rows, width, fault);                                               \
            float v[RUN] = {};                                                                                          \
            if (row) load_run(v, row + c, width - c);                                                                   \
            store_run(out + i * width + c, v, width - c);                                                               \
        }                                                                                                               \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE

// out[i] = x[i] + table[idx[i]]; a negative index adds nothing.
#define INSTANCE(suffix, In, Out)                                                                                       \
    KERNEL(add_rows##suffix)(Out *out, const In *x, const float *table, const int *idx, int n, int rows, int width,     \
                             int *fault) {                                                                              \
        int per = (width + RUN - 1) / RUN;                                                                              \
        EACH(run, (i64)n * per) {                                                                                       \
            i64 i = run;                                                                                                \
            int c = take(&i, per) * RUN;                                                                                \
            const float *row = row_of(table, idx[i], i, rows, width, fault);                                            \
            float v[RUN], w[RUN] = {};                                                                                  \
            load_run(v, x + i * width + c, width - c);                                                                  \
            if (row) load_run(w, row + c, width - c);                                                                   \
            for (int k = 0; k < RUN; k++) v[k] += w[k];                                                                 \
            store_run(out + i * width + c, v, width - c);                                                               \
        }                                                                                                               \
    }
FOR_STORAGE(INSTANCE)
#undef INSTANCE

__device__ inline int warp_least(int v) {
    for (int d = WARP / 2; d > 0; d /= 2) v = min(v, __shfl_xor_sync(FULL, v, d));
    return v;
}

// next[i] is the next place with the index of i, or n; first[i] says that no
// earlier place has it. So the rows to be added up form chains in order. One
// warp a place.
KERNEL(scatter_chains)(int *next, int *first, const int *idx, int n, int rows, int *fault) {
    int i = warp_row(), lane = lane_id();
    if (i >= n) return;
    int r = idx[i], after = n;
    bool earlier = r < 0 || r >= rows; // such a place begins no chain
    if (r >= rows) report(fault, FAULT_INDEX, i, r);
    for (int from = i + 1; !earlier && after == n && from < n; from += WARP) {
        int k = from + lane;
        bool same = k < n && idx[k] == r;
        if (__any_sync(FULL, same)) after = warp_least(same ? k : n);
    }
    for (int from = 0; !earlier && from < i; from += WARP) {
        int k = from + lane;
        earlier = __any_sync(FULL, k < i && idx[k] == r);
    }
    if (lane == 0) {
        next[i] = after;
        first[i] = !earlier;
    }
}

// dtable[idx[i]] = dy[i] + dy[next[i]] + ..., for the first of every chain.
// Blocks are one row of dy by BLOCK columns.
KERNEL(scatter_add)(float *dtable, const float *dy, const int *idx, const int *next, const int *first, int n, int width) {
    int i = blockIdx.x, j = blockIdx.y * BLOCK + threadIdx.x;
    if (j >= width || !first[i]) return;
    float s = 0;
    for (int k = i; k < n; k = next[k]) s += dy[(i64)k * width + j];
    dtable[(i64)idx[i] * width + j] = s;
}

// out[j, i] = x[i, j], over tiles of 32 x 32; blocks are 32 x 8.
KERNEL(transpose)(float *out, const float *x, int m, int n) {
    __shared__ float tile[32][33];
    int j = blockIdx.x * 32 + threadIdx.x, i0 = blockIdx.y * 32;
    for (int k = threadIdx.y; k < 32; k += 8)
        if (i0 + k < m && j < n) tile[k][threadIdx.x] = x[(i64)(i0 + k) * n + j];
    __syncthreads();
    int i = i0 + threadIdx.x, j0 = blockIdx.x * 32;
    for (int k = threadIdx.y; k < 32; k += 8)
        if (i < m && j0 + k < n) out[(i64)(j0 + k) * m + i] = tile[threadIdx.x][k];
}
