// Kernels that move rows chosen by an index.
#include "common.cuh"

// out[i] = x[i] + table[idx[i]]; x may be 0; a negative index adds nothing.
KERNEL(gather)(float *out, const float *x, const float *table, const int *idx, i64 total, int rows, int width, int *fault) {
    EACH(e, total) {
        i64 i = e;
        int column = take(&i, width), r = idx[i];
        if (r >= rows) {
            report(fault, FAULT_INDEX, (int)i, r);
            r = -1;
        }
        float v = x ? x[e] : 0.0f;
        if (r >= 0) v += table[(i64)r * width + column];
        out[e] = v;
    }
}

// next[i] is the next place with the index of i, or n; first[i] says that no
// earlier place has it. So the rows to be added up form chains in order.
KERNEL(scatter_chains)(int *next, int *first, const int *idx, int n, int rows, int *fault) {
    EACH(e, n) {
        int i = (int)e, r = idx[i], k;
        if (r >= rows) report(fault, FAULT_INDEX, i, r);
        if (r < 0 || r >= rows) {
            first[i] = 0;
            continue;
        }
        for (k = i + 1; k < n && idx[k] != r; k++) {}
        next[i] = k;
        for (k = i - 1; k >= 0 && idx[k] != r; k--) {}
        first[i] = k < 0;
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
