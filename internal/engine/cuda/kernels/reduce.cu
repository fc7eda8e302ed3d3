// Sums over everything, in two steps: one partial sum a block, then one block
// over the partial sums. The number of blocks depends on n alone.
#include "common.cuh"

// part[block] = sum of x*y over the block's elements
KERNEL(dot_part)(double *part, const float *x, const float *y, i64 n) {
    double s = 0;
    EACH(i, n) s += (double)(x[i] * y[i]);
    s = block_sum(s);
    if (threadIdx.x == 0) part[blockIdx.x] = s;
}

// out = scale * sum of part; launched as one block
KERNEL(sum_parts)(float *out, const double *part, int n, double scale) {
    double s = 0;
    for (int i = threadIdx.x; i < n; i += BLOCK) s += part[i];
    s = block_sum(s);
    if (threadIdx.x == 0) out[0] = (float)(scale * s);
}

// part[chunk, j] = sum over the chunk's rows of x[i, j]. Blocks are 32 x 8:
// columns along x, rows along y.
KERNEL(column_part)(float *part, const float *x, int m, int n, int rows) {
    __shared__ float sums[8][33];
    int j = blockIdx.x * 32 + threadIdx.x;
    int end = min(m, (int)(blockIdx.y + 1) * rows);
    float s = 0;
    if (j < n)
        for (int i = blockIdx.y * rows + threadIdx.y; i < end; i += 8) s += x[(i64)i * n + j];
    sums[threadIdx.y][threadIdx.x] = s;
    __syncthreads();
    if (threadIdx.y == 0 && j < n) {
        for (int k = 1; k < 8; k++) s += sums[k][threadIdx.x];
        part[(i64)blockIdx.y * n + j] = s;
    }
}

// out[j] = sum over the chunks of part[chunk, j]
KERNEL(column_finish)(float *out, const float *part, int chunks, int n) {
    EACH(j, n) {
        double s = 0;
        for (int k = 0; k < chunks; k++) s += part[(i64)k * n + j];
        out[j] = (float)s;
    }
}
