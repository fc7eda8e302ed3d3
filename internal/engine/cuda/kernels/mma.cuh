// The instructions of tensor cores that the kernels use, for compute capability
// 8.0 and up: products of fragments, loads of fragments from shared memory, and
// copies to shared memory that run beside the arithmetic. A fragment is a matrix
// spread over the registers of a warp; emulator/tensorcore.h says how.
#pragma once
#include "common.cuh"

#ifndef __CUDACC__
#include "tensorcore.h"
#elif FLOAT16

// mma adds the product of a, 16 x 16 of T, and b, 16 x 8, to d, 16 x 8.
template <class T> __device__ inline void mma(float *d, const unsigned *a, const unsigned *b);

template <> __device__ inline void mma<bf16>(float *d, const unsigned *a, const unsigned *b) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

template <> __device__ inline void mma<fp16>(float *d, const unsigned *a, const unsigned *b) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// mma_tf32 adds the product of a, 16 x 8, and b, 8 x 8, to d, 16 x 8; a and b
// hold float32 numbers rounded by to_tf32.
__device__ inline void mma_tf32(float *d, const unsigned *a, const unsigned *b) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline unsigned to_tf32(float v) {
    unsigned r;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(v));
    return r;
}

// exp2_fast is 2^v to 2 units in the last place; what is below 2^-126 is 0.
__device__ inline float exp2_fast(float v) {
    float r;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
    return r;
}

__device__ inline unsigned shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }

// ldmatrix loads four matrices of 8 rows of 16 bytes; the lanes 8i to 8i+7 give
// the addresses of the rows of matrix i.
__device__ inline void ldmatrix(unsigned *r, const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// ldmatrix_trans transposes each matrix, taken as 8 x 8 elements of 16 bits.
__device__ inline void ldmatrix_trans(unsigned *r, const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// cp_async copies 16 bytes from global to shared memory, or zeros where there
// is nothing to copy.
__device__ inline void cp_async(void *to, const void *from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(there ? 16 : 0)
                 : "memory");
}

// cp_async_commit makes a group of the thread's copies since the last one.
__device__ inline void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// cp_async_wait waits until at most N of the thread's groups are under way.
template <int N> __device__ inline void cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

#endif
