//go:build gpu

// Matrix products by cublasLt, which adds a bias in the same pass. The library
// is loaded at run time; its types come from the header.
#define _GNU_SOURCE
#include "shim.h"
#include <cublasLt.h>
#include <cuda.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTIONS(F)                                                             \
    F(cublasLtCreate) F(cublasLtDestroy) F(cublasLtGetVersion)                   \
    F(cublasLtMatmulDescCreate) F(cublasLtMatmulDescDestroy)                     \
    F(cublasLtMatmulDescSetAttribute)                                            \
    F(cublasLtMatrixLayoutCreate) F(cublasLtMatrixLayoutDestroy)                 \
    F(cublasLtMatmulPreferenceCreate) F(cublasLtMatmulPreferenceDestroy)         \
    F(cublasLtMatmulPreferenceSetAttribute)                                      \
    F(cublasLtMatmulAlgoGetHeuristic) F(cublasLtMatmul)

static struct {
    cublasLtHandle_t handle;
    int users; // drivers that have the library open
#define F(name) __typeof__(name) *name;
    FUNCTIONS(F)
#undef F
} lt;

struct Plan {
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algorithm;
};

static void *load(void) {
    static const char *versions[] = {"13", "12"};
    const char *home = getenv("CUDA_HOME");
    for (size_t v = 0; v < 2; v++) {
        char path[1024];
        void *library;
        snprintf(path, sizeof path, "libcublasLt.so.%s", versions[v]);
        if ((library = dlopen(path, RTLD_NOW | RTLD_LOCAL))) return library;
        snprintf(path, sizeof path, "%s/lib64/libcublasLt.so.%s", home ? home : "/usr/local/cuda", versions[v]);
        if ((library = dlopen(path, RTLD_NOW | RTLD_LOCAL))) return library;
    }
    return NULL;
}

int blas_open(void *context, char *why, size_t size) {
    if (lt.handle) {
        lt.users++;
        return 0;
    }
    void *library = load();
    if (!library) {
        const char *home = getenv("CUDA_HOME");
        snprintf(why, size, "libcublasLt.so.13 or .12 is not found by the loader nor in %s/lib64", home ? home : "/usr/local/cuda");
        return -1;
    }
#define F(name)                                                        \
    if (!(lt.name = (__typeof__(name) *)dlsym(library, #name))) {      \
        snprintf(why, size, "cuBLAS has no %s", #name);                \
        return -1;                                                     \
    }
    FUNCTIONS(F)
#undef F
    if (cuCtxSetCurrent((CUcontext)context) != CUDA_SUCCESS) return -1;
    int status = lt.cublasLtCreate(&lt.handle);
    if (status) snprintf(why, size, "cuBLAS did not start (status %d)", status);
    else lt.users = 1;
    return status;
}

size_t blas_version(void) { return lt.handle ? lt.cublasLtGetVersion() : 0; }

void blas_free(Plan *p) {
    if (!p) return;
    if (p->a) lt.cublasLtMatrixLayoutDestroy(p->a);
    if (p->b) lt.cublasLtMatrixLayoutDestroy(p->b);
    if (p->c) lt.cublasLtMatrixLayoutDestroy(p->c);
    if (p->desc) lt.cublasLtMatmulDescDestroy(p->desc);
    free(p);
}

void blas_close(void) {
    if (lt.users == 0 || --lt.users > 0) return;
    lt.cublasLtDestroy(lt.handle);
    lt.handle = NULL;
}

#define CHECK(call)                  \
    do {                             \
        int checked = (call);        \
        if (checked) return checked; \
    } while (0)

static int describe(Plan *plan, const Product *p) {
    static const cudaDataType_t types[] = {CUDA_R_32F, CUDA_R_16BF, CUDA_R_16F, CUDA_R_32F};
    cublasComputeType_t compute = p->kind == 3 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    cudaDataType_t type = types[p->kind], result = types[p->result];
    cublasOperation_t ta = p->trans_a ? CUBLAS_OP_T : CUBLAS_OP_N, tb = p->trans_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    CHECK(lt.cublasLtMatmulDescCreate(&plan->desc, compute, CUDA_R_32F));
    CHECK(lt.cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, &ta, sizeof ta));
    CHECK(lt.cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_TRANSB, &tb, sizeof tb));
    if (p->bias) {
        cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
        CHECK(lt.cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
        CHECK(lt.cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &result, sizeof result));
        CHECK(lt.cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias, sizeof p->bias));
    }
    CHECK(lt.cublasLtMatrixLayoutCreate(&plan->a, type, p->trans_a ? p->k : p->m, p->trans_a ? p->m : p->k, p->lda));
    CHECK(lt.cublasLtMatrixLayoutCreate(&plan->b, type, p->trans_b ? p->n : p->k, p->trans_b ? p->k : p->n, p->ldb));
    return lt.cublasLtMatrixLayoutCreate(&plan->c, result, p->m, p->n, p->ldc);
}

static int choose(Plan *plan, size_t workspace) {
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t best = {0};
    int found = 0, status;
    CHECK(lt.cublasLtMatmulPreferenceCreate(&preference));
    status = lt.cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace);
    if (!status)
        status = lt.cublasLtMatmulAlgoGetHeuristic(lt.handle, plan->desc, plan->a, plan->b, plan->c, plan->c, preference, 1, &best, &found);
    lt.cublasLtMatmulPreferenceDestroy(preference);
    if (!status && !found) status = CUBLAS_STATUS_NOT_SUPPORTED;
    plan->algorithm = best.algo;
    return status;
}

// blas_plan chooses how to compute products like p.
int blas_plan(void *context, const Product *p, size_t workspace, Plan **out) {
    if (p->kind < 0 || p->kind > 3 || p->result < 0 || p->result > 2) return CUBLAS_STATUS_INVALID_VALUE;
    if (cuCtxSetCurrent((CUcontext)context) != CUDA_SUCCESS) return -1;
    Plan *plan = calloc(1, sizeof *plan);
    if (!plan) return CUBLAS_STATUS_ALLOC_FAILED;
    int status = describe(plan, p);
    if (!status) status = choose(plan, workspace);
    if (status) {
        blas_free(plan);
        return status;
    }
    *out = plan;
    return 0;
}

// blas_run queues a product like the one planned for.
int blas_run(void *context, Plan *plan, const Product *p, uint64_t workspace, size_t workspace_size, void *stream) {
    if (cuCtxSetCurrent((CUcontext)context) != CUDA_SUCCESS) return -1;
    if (p->bias)
        CHECK(lt.cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias, sizeof p->bias));
    return lt.cublasLtMatmul(lt.handle, plan->desc, &p->alpha, (void *)p->a, plan->a, (void *)p->b, plan->b, &p->beta, (void *)p->c,
                             plan->c, (void *)p->d, plan->c, &plan->algorithm, (void *)workspace, workspace_size, (cudaStream_t)stream);
}
