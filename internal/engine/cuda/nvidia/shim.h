//go:build gpu

// What gorgonia.org/cu lacks: launches with packed arguments, pinned memory,
// stream capture. All take the context, since a goroutine may move to another
// thread between two calls. They return CUresult.
#pragma once
#include <stddef.h>
#include <stdint.h>

int shim_launch(void *context, void *function, const uint32_t *grid_block, uint32_t shared, void *stream, const void *args, size_t size);
int shim_alloc_host(void *context, void **at, size_t size);
int shim_free_host(void *context, void *at);
int shim_capture_begin(void *context, void *stream);
int shim_capture_end(void *context, void *stream, void **executable);
int shim_graph_launch(void *context, void *executable, void *stream);
int shim_graph_destroy(void *context, void *executable);

// Products by cuBLAS, see blas.c. They return cublasStatus_t, or -1.
typedef struct {
    uint64_t a, b, c, d, bias;
    int64_t m, n, k, lda, ldb, ldc;
    int32_t trans_a, trans_b, kind, result;
    float alpha, beta;
} Product;

typedef struct Plan Plan;

int blas_open(void *context, char *why, size_t size, int driver, void **handle);
size_t blas_version(void);
int blas_plan(void *context, void *handle, const Product *p, size_t workspace, const char *want, char *got, size_t size, Plan **plan);
int blas_tune(void *context, void *handle, const Product *p, uint64_t workspace, size_t workspace_size, void *stream, int runs, char *got, size_t size);
int blas_run(void *context, Plan *plan, const Product *p, uint64_t workspace, size_t workspace_size, void *stream);
void blas_free(Plan *plan);
void blas_close(void *handle);
