// float32 to the 16-bit formats in which matrix products are multiplied,
// rounding to nearest, ties to even.
#include "common.cuh"

__device__ inline unsigned short to_bf16(float x) {
    unsigned int u = __float_as_uint(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (unsigned short)((u >> 16) | 0x40); // NaN stays NaN
    return (unsigned short)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

KERNEL(cast_bf16)(unsigned short *out, const float *x, i64 n) {
    EACH(i, n) out[i] = to_bf16(x[i]);
}

KERNEL(cast_fp16)(unsigned short *out, const float *x, i64 n) {
    EACH(i, n) out[i] = __half_as_ushort(__float2half_rn(x[i]));
}
