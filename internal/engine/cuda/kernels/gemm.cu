// What follows a matrix product, which is cuBLAS's: bias, activation, residual;
// and the sums of columns.
#include "activation.cu"

// load_bias brings the biases of the run that begins with element i of a matrix;
// the run may go over the end of a row.
__device__ inline void load_bias(float *b, const float *bias, i64 i, int columns) {
    int j = take(&i, columns);
    if (columns % RUN == 0) {
        load_run(b, bias + j, RUN);
        return;
    }
#pragma unroll
    for (int k = 0; k < RUN; k++) {
        b[k] = bias[j];
        j = j + 1 < columns ? j + 1 : 0;
    }
}

// out[i, j] = act(y[i, j] + bias[j]) + residual[i, j]; bias and residual may be 0.
template <int Act, class T>
__device__ inline void epilogue_all(T *out, const T *y, const float *bias, const T *residual, i64 n, int columns) {
    EACH_RUN(i, n) {
        float v[RUN], b[RUN] = {}, r[RUN] = {};
        load_run(v, y + i, n - i);
        if (bias) load_bias(b, bias, i, columns);
        if (residual) load_run(r, residual + i, n - i);
#pragma unroll
        for (int k = 0; k < RUN; k++) v[k] = activate<Act>(v[k] + b[k]) + r[k];
        store_run(out + i, v, n - i);
    }
}

#define CALL(Act) epilogue_all<Act>(out, y, bias, residual, n, columns)
#define INSTANCE(suffix, T)                                                                                           \
    KERNEL(epilogue##suffix)(T *out, const T *y, const float *bias, const T *residual, i64 n, int columns, int act) { \
        BY_ACT(act, CALL)                                                                                             \
    }
FOR_SAME(INSTANCE)
#undef INSTANCE
#undef CALL

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
