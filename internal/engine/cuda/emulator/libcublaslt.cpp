// A libcublasLt.so that computes products by loops, with the types of NVIDIA's
// header, beside the emulated libcuda. Environment: EMULATOR_BLAS (the release,
// 12 or 13, that does not start), EMULATOR_NO_BIAS (biases are not supported).
#include <cublasLt.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))
#define OK CUBLAS_STATUS_SUCCESS

struct Desc {
    cublasComputeType_t compute;
    std::map<int, uint64_t> attributes;
};
struct Layout {
    cudaDataType_t type;
    uint64_t rows, columns;
    int64_t ld;
};

#ifndef LIBRARY
#define LIBRARY 13
#endif
// current is the device that calls are for: a handle is of one alone.
static void *current() {
    void *cuda = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    typedef void *(*Current)();
    Current f = cuda ? (Current)dlsym(cuda, "emulated_current") : nullptr;
    return f ? f() : nullptr;
}

API size_t cublasLtGetVersion() { return LIBRARY * 10000; }
API cublasStatus_t cublasLtCreate(cublasLtHandle_t *h) {
    const char *bad = getenv("EMULATOR_BLAS");
    if (bad && atoi(bad) == LIBRARY) return CUBLAS_STATUS_NOT_INITIALIZED;
    return *h = (cublasLtHandle_t)current(), *h ? OK : CUBLAS_STATUS_NOT_INITIALIZED;
}
API cublasStatus_t cublasLtDestroy(cublasLtHandle_t) { return OK; }
API cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t compute, cudaDataType_t scale) {
    *d = (cublasLtMatmulDesc_t) new Desc{compute, {}};
    return scale == CUDA_R_32F ? OK : CUBLAS_STATUS_INVALID_VALUE;
}
API cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d) { return delete (Desc *)d, OK; }
API cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t a, const void *v, size_t n) {
    uint64_t value = 0;
    if (n > 8) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&value, v, n);
    ((Desc *)d)->attributes[a] = value;
    return OK;
}
API cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *l, cudaDataType type, uint64_t rows, uint64_t columns, int64_t ld) {
    *l = (cublasLtMatrixLayout_t) new Layout{type, rows, columns, ld};
    return ld < (int64_t)rows ? CUBLAS_STATUS_INVALID_VALUE : OK;
}
API cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l) { return delete (Layout *)l, OK; }
API cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p) { return *p = (cublasLtMatmulPreference_t) new size_t, OK; }
API cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p) { return delete (size_t *)p, OK; }
API cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t a, const void *, size_t n) {
    return a == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES && n == 8 ? OK : CUBLAS_STATUS_INVALID_VALUE;
}
API cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                                  cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int count,
                                                  cublasLtMatmulHeuristicResult_t *r, int *found) {
    *found = count < 3 ? count : 3;
    for (int i = 0; i < *found; i++) r[i].algo.data[0] = 42 + i;
    return getenv("EMULATOR_NO_BIAS") && ((Desc *)d)->attributes[CUBLASLT_MATMUL_DESC_EPILOGUE] == CUBLASLT_EPILOGUE_BIAS
               ? CUBLAS_STATUS_NOT_SUPPORTED : OK;
}
API cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algo, cublasLtMatmulAlgoConfigAttributes_t a, void *v,
                                                        size_t n, size_t *written) {
    uint32_t value = a == CUBLASLT_ALGO_CONFIG_ID ? algo->data[0] : 0;
    if (n != (a >= CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID ? 2 : 4)) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(v, &value, n);
    return *written = n, OK;
}

static float element(const Layout &l, const void *p, int64_t i) {
    if (l.type == CUDA_R_32F) return ((const float *)p)[i];
    uint16_t h = ((const uint16_t *)p)[i];
    if (l.type == CUDA_R_16BF) {
        uint32_t u = (uint32_t)h << 16;
        float f;
        memcpy(&f, &u, 4);
        return f;
    }
    int e = h >> 10 & 31, m = h & 1023;
    double v = e == 0 ? ldexp(m, -24) : e == 31 ? (m ? NAN : INFINITY) : ldexp(m + 1024, e - 25);
    return (float)(h & 0x8000 ? -v : v);
}

// put rounds to nearest, ties to even, as the GPU does; values are in range.
static void put(const Layout &l, void *p, int64_t i, float v) {
    if (l.type == CUDA_R_32F) {
        ((float *)p)[i] = v;
        return;
    }
    uint32_t u;
    memcpy(&u, &v, 4);
    uint16_t h = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    if (l.type == CUDA_R_16F) {
        int e;
        frexp(v, &e);
        int step = e < -13 ? -24 : e - 11; // of the last place
        double r = nearbyint(ldexp(fabs((double)v), -step));
        h = (u >> 16 & 0x8000) | (uint16_t)(v == 0 ? 0 : e < -13 ? r : ((e + 13) << 10) + r);
    }
    ((uint16_t *)p)[i] = h;
}

struct Call {
    Desc d;
    Layout a, b, c;
    const void *pa, *pb, *pc;
    void *pd;
    float alpha, beta;
};

static void compute(void *what) {
    Call &x = *(Call *)what;
    bool ta = x.d.attributes[CUBLASLT_MATMUL_DESC_TRANSA] == CUBLAS_OP_T, tb = x.d.attributes[CUBLASLT_MATMUL_DESC_TRANSB] == CUBLAS_OP_T;
    const void *bias = nullptr;
    if (x.d.attributes[CUBLASLT_MATMUL_DESC_EPILOGUE] == CUBLASLT_EPILOGUE_BIAS)
        bias = (const void *)x.d.attributes[CUBLASLT_MATMUL_DESC_BIAS_POINTER];
    uint64_t k = ta ? x.a.rows : x.a.columns;
    for (uint64_t j = 0; j < x.c.columns; j++)
        for (uint64_t i = 0; i < x.c.rows; i++) {
            double s = 0;
            for (uint64_t l = 0; l < k; l++)
                s += (double)element(x.a, x.pa, ta ? i * x.a.ld + l : l * x.a.ld + i) * element(x.b, x.pb, tb ? l * x.b.ld + j : j * x.b.ld + l);
            s *= x.alpha;
            if (x.beta != 0) s += x.beta * element(x.c, x.pc, j * x.c.ld + i);
            if (bias) s += element(x.c, bias, i);
            put(x.c, x.pd, j * x.c.ld + i, (float)s);
        }
}

API cublasStatus_t cublasLtMatmul(cublasLtHandle_t h, cublasLtMatmulDesc_t d, const void *alpha, const void *a, cublasLtMatrixLayout_t la,
                                  const void *b, cublasLtMatrixLayout_t lb, const void *beta, const void *c, cublasLtMatrixLayout_t lc,
                                  void *out, cublasLtMatrixLayout_t, const cublasLtMatmulAlgo_t *algo, void *, size_t, cudaStream_t stream) {
    typedef int (*Work)(void *, void (*)(void *), void *);
    void *cuda = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    Work work = cuda ? (Work)dlsym(cuda, "emulated_work") : nullptr;
    if (!work || h != (cublasLtHandle_t)current() || algo->data[0] < 42 || algo->data[0] > 44) return CUBLAS_STATUS_INVALID_VALUE;
    Call *call = new Call{*(Desc *)d, *(Layout *)la, *(Layout *)lb, *(Layout *)lc, a, b, c, out, *(const float *)alpha, *(const float *)beta};
    uint64_t m = call->c.rows, n = call->c.columns;
    bool ta = call->d.attributes[CUBLASLT_MATMUL_DESC_TRANSA] == CUBLAS_OP_T, tb = call->d.attributes[CUBLASLT_MATMUL_DESC_TRANSB] == CUBLAS_OP_T;
    uint64_t ka = ta ? call->a.rows : call->a.columns, kb = tb ? call->b.columns : call->b.rows;
    if (call->d.attributes[CUBLASLT_MATMUL_DESC_EPILOGUE] == CUBLASLT_EPILOGUE_BIAS &&
        call->d.attributes[CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE] != (uint64_t)call->c.type) return CUBLAS_STATUS_NOT_SUPPORTED;
    if ((ta ? call->a.columns : call->a.rows) != m || (tb ? call->b.rows : call->b.columns) != n || ka != kb) return CUBLAS_STATUS_INVALID_VALUE;
    return work(stream, compute, call) ? CUBLAS_STATUS_EXECUTION_FAILED : OK; // kept: a graph may run it again
}
