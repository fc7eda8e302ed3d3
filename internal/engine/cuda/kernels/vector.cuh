// Four neighbouring values of a row in one access.
#pragma once
#include "common.cuh"

__device__ inline void load4(float *v, const float *from) {
    float4 run = *(const float4 *)from;
    v[0] = run.x;
    v[1] = run.y;
    v[2] = run.z;
    v[3] = run.w;
}

__device__ inline void store4(float *to, const float *v) { *(float4 *)to = {v[0], v[1], v[2], v[3]}; }
