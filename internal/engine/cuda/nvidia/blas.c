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
#include <string.h>
#include <time.h>

#define FUNCTIONS(F)                                                             \
    F(cublasLtCreate) F(cublasLtDestroy) F(cublasLtGetVersion)                   \
    F(cublasLtMatmulDescCreate) F(cublasLtMatmulDescDestroy)                     \
    F(cublasLtMatmulDescSetAttribute)                                            \
    F(cublasLtMatrixLayoutCreate) F(cublasLtMatrixLayoutDestroy)                 \
    F(cublasLtMatmulPreferenceCreate) F(cublasLtMatmulPreferenceDestroy)         \
    F(cublasLtMatmulPreferenceSetAttribute)                                      \
    F(cublasLtMatmulAlgoGetHeuristic) F(cublasLtMatmulAlgoConfigGetAttribute)       \
    F(cublasLtMatmul)

static struct {
    int loaded; // stays so till the process ends
#define F(name) __typeof__(name) *name;
    FUNCTIONS(F)
#undef F
} lt;

struct Plan {
    cublasLtHandle_t handle;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algorithm;
};

// try_open opens a version of the library and makes a handle for the current
// context; *why says what is amiss.
static int try_open(const char *version, char *why, size_t size, cublasLtHandle_t *handle) {
    const char *home = getenv("CUDA_HOME");
    char path[1024];
    void *library;
    snprintf(path, sizeof path, "libcublasLt.so.%s", version);
    if (!(library = dlopen(path, RTLD_NOW | RTLD_LOCAL))) {
        snprintf(path, sizeof path, "%s/lib64/libcublasLt.so.%s", home ? home : "/usr/local/cuda", version);
        if (!(library = dlopen(path, RTLD_NOW | RTLD_LOCAL))) {
            snprintf(why, size, "libcublasLt.so.%s is not found by the loader nor in %s/lib64", version, home ? home : "/usr/local/cuda");
            return -1;
        }
    }
    int status = -1;
#define F(name)                                                        \
    if (!(lt.name = (__typeof__(name) *)dlsym(library, #name))) {      \
        snprintf(why, size, "cuBLAS %s has no %s", version, #name);    \
        goto out;                                                      \
    }
    FUNCTIONS(F)
#undef F
    if ((status = lt.cublasLtCreate(handle))) snprintf(why, size, "cuBLAS %s did not start (status %d)", version, status);
out:
    if (status) dlclose(library);
    return status;
}

// blas_open makes a handle for a context, by the library of the driver's own
// generation, else the other; one that works serves all contexts. One thread at
// a time.
int blas_open(void *context, char *why, size_t size, int driver, void **handle) {
    const char *versions[] = {"13", "12"};
    if (driver < 13000) versions[0] = "12", versions[1] = "13";
    *handle = NULL;
    if (cuCtxSetCurrent((CUcontext)context) != CUDA_SUCCESS) {
        snprintf(why, size, "the GPU's context is not to be had");
        return -1;
    }
    if (lt.loaded) {
        int status = lt.cublasLtCreate((cublasLtHandle_t *)handle);
        if (status) snprintf(why, size, "cuBLAS did not start again (status %d)", status);
        return status;
    }
    size_t said = 0;
    for (int v = 0; v < 2; v++) {
        char reason[512] = "";
        if (!try_open(versions[v], reason, sizeof reason, (cublasLtHandle_t *)handle)) {
            lt.loaded = 1;
            return 0;
        }
        int n = snprintf(why + said, size - said, "%s%s", v ? "; " : "", reason);
        if (n > 0 && (said += (size_t)n) >= size) said = size - 1;
    }
    return -1;
}

size_t blas_version(void) { return lt.loaded ? lt.cublasLtGetVersion() : 0; }

void blas_free(Plan *p) {
    if (!p) return;
    if (p->a) lt.cublasLtMatrixLayoutDestroy(p->a);
    if (p->b) lt.cublasLtMatrixLayoutDestroy(p->b);
    if (p->c) lt.cublasLtMatrixLayoutDestroy(p->c);
    if (p->desc) lt.cublasLtMatmulDescDestroy(p->desc);
    free(p);
}

void blas_close(void *handle) {
    if (handle) lt.cublasLtDestroy((cublasLtHandle_t)handle);
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

// CANDIDATES is how many of the heuristic's ways are looked at.
#define CANDIDATES 8

static int candidates(Plan *plan, size_t workspace, cublasLtMatmulHeuristicResult_t *r, int *found) {
    cublasLtMatmulPreference_t preference;
    CHECK(lt.cublasLtMatmulPreferenceCreate(&preference));
    int status = lt.cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace);
    if (!status)
        status = lt.cublasLtMatmulAlgoGetHeuristic(plan->handle, plan->desc, plan->a, plan->b, plan->c, plan->c, preference, CANDIDATES, r, found);
    lt.cublasLtMatmulPreferenceDestroy(preference);
    return !status && !*found ? CUBLAS_STATUS_NOT_SUPPORTED : status;
}

// name writes the settings of an algorithm, in the order that algorithms.txt
// says; one that the library does not know is -1.
static void name(const cublasLtMatmulAlgo_t *algorithm, char *to, size_t size) {
    static const cublasLtMatmulAlgoConfigAttributes_t attributes[] = {
        CUBLASLT_ALGO_CONFIG_ID, CUBLASLT_ALGO_CONFIG_TILE_ID, CUBLASLT_ALGO_CONFIG_STAGES_ID, CUBLASLT_ALGO_CONFIG_SPLITK_NUM,
        CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION,
        CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID,
    };
    size_t said = 0;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes && said < size; i++) {
        // The last two are 16 bits wide, the others 32.
        uint32_t wide = 0;
        uint16_t narrow = 0;
        int is_narrow = i >= 7, known;
        size_t written;
        known = !lt.cublasLtMatmulAlgoConfigGetAttribute(algorithm, attributes[i], is_narrow ? (void *)&narrow : (void *)&wide,
                                                         is_narrow ? sizeof narrow : sizeof wide, &written);
        said += (size_t)snprintf(to + said, size - said, i ? "/%ld" : "%ld", known ? (long)(is_narrow ? narrow : wide) : -1L);
    }
}

static int make(void *context, void *handle, const Product *p, Plan **out) {
    if (p->kind < 0 || p->kind > 3 || p->result < 0 || p->result > 2) return CUBLAS_STATUS_INVALID_VALUE;
    if (cuCtxSetCurrent((CUcontext)context) != CUDA_SUCCESS) return -1;
    Plan *plan = calloc(1, sizeof *plan);
    if (!plan) return CUBLAS_STATUS_ALLOC_FAILED;
    plan->handle = (cublasLtHandle_t)handle;
    int status = describe(plan, p);
    if (status) blas_free(plan);
    else *out = plan;
    return status;
}

// blas_plan chooses how to compute products like p: by the algorithm that is
// wanted, if the heuristic names it, else by its first. got is the one chosen.
int blas_plan(void *context, void *handle, const Product *p, size_t workspace, const char *want, char *got, size_t size, Plan **out) {
    cublasLtMatmulHeuristicResult_t r[CANDIDATES] = {{{{0}}}};
    Plan *plan = NULL;
    int found = 0, status = make(context, handle, p, &plan);
    if (status) return status;
    if ((status = candidates(plan, workspace, r, &found))) {
        blas_free(plan);
        return status;
    }
    int chosen = 0;
    for (int i = 0; i < found && *want; i++) {
        name(&r[i].algo, got, size);
        if (!strcmp(got, want)) {
            chosen = i;
            break;
        }
    }
    plan->algorithm = r[chosen].algo;
    name(&plan->algorithm, got, size);
    *out = plan;
    return 0;
}

// blas_run queues a product like the one planned for.
int blas_run(void *context, Plan *plan, const Product *p, uint64_t workspace, size_t workspace_size, void *stream) {
    if (cuCtxSetCurrent((CUcontext)context) != CUDA_SUCCESS) return -1;
    if (p->bias)
        CHECK(lt.cublasLtMatmulDescSetAttribute(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias, sizeof p->bias));
    return lt.cublasLtMatmul(plan->handle, plan->desc, &p->alpha, (void *)p->a, plan->a, (void *)p->b, plan->b, &p->beta, (void *)p->c,
                             plan->c, (void *)p->d, plan->c, &plan->algorithm, (void *)workspace, workspace_size, (cudaStream_t)stream);
}

// blas_tune runs p in each of the ways that the heuristic names and leaves the
// name of the fastest in got: the least time of five groups of so many runs.
int blas_tune(void *context, void *handle, const Product *p, uint64_t workspace, size_t workspace_size, void *stream, int runs, char *got, size_t size) {
    cublasLtMatmulHeuristicResult_t r[CANDIDATES] = {{{{0}}}};
    Plan *plan = NULL;
    int found = 0, best = -1, status = make(context, handle, p, &plan);
    double least = 0;
    if (status) return status;
    status = candidates(plan, workspace_size, r, &found);
    for (int i = 0; i < found && !status; i++) {
        plan->algorithm = r[i].algo;
        for (int group = 0; group < 6; group++) { // the first warms up
            struct timespec from, to;
            if (cuStreamSynchronize((CUstream)stream) != CUDA_SUCCESS) status = -1;
            clock_gettime(CLOCK_MONOTONIC, &from);
            for (int k = 0; k < runs && !status; k++) status = blas_run(context, plan, p, workspace, workspace_size, stream);
            if (!status && cuStreamSynchronize((CUstream)stream) != CUDA_SUCCESS) status = -1;
            clock_gettime(CLOCK_MONOTONIC, &to);
            if (status) break;
            double s = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
            if (group && (best < 0 || s < least)) best = i, least = s;
        }
        if (status == CUBLAS_STATUS_NOT_SUPPORTED) status = 0; // one that was named and does not run
    }
    if (!status && best < 0) status = CUBLAS_STATUS_NOT_SUPPORTED;
    if (!status) name(&r[best].algo, got, size);
    blas_free(plan);
    return status;
}
