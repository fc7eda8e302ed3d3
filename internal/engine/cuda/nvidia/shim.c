//go:build gpu

#include "shim.h"
#include <cuda.h>

#define ENTER(context)                                      \
    do {                                                    \
        CUresult entered = cuCtxSetCurrent((CUcontext)context); \
        if (entered != CUDA_SUCCESS) return entered;        \
    } while (0)

int shim_launch(void *context, void *function, const uint32_t *g, uint32_t shared, void *stream, const void *args, size_t size) {
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, (void *)args, CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END};
    ENTER(context);
    return cuLaunchKernel((CUfunction)function, g[0], g[1], g[2], g[3], g[4], g[5], shared, (CUstream)stream, NULL, extra);
}

int shim_alloc_host(void *context, void **at, size_t size) {
    ENTER(context);
    return cuMemAllocHost(at, size);
}

int shim_free_host(void *context, void *at) {
    ENTER(context);
    return cuMemFreeHost(at);
}

int shim_capture_begin(void *context, void *stream) {
    ENTER(context);
    return cuStreamBeginCapture((CUstream)stream, CU_STREAM_CAPTURE_MODE_RELAXED);
}

int shim_capture_end(void *context, void *stream, void **executable) {
    CUgraph graph = NULL;
    CUresult result;
    ENTER(context);
    result = cuStreamEndCapture((CUstream)stream, &graph);
    if (result != CUDA_SUCCESS) return result;
    result = cuGraphInstantiateWithFlags((CUgraphExec *)executable, graph, 0);
    cuGraphDestroy(graph);
    return result;
}

int shim_graph_launch(void *context, void *executable, void *stream) {
    ENTER(context);
    return cuGraphLaunch((CUgraphExec)executable, (CUstream)stream);
}

int shim_graph_destroy(void *context, void *executable) {
    ENTER(context);
    return cuGraphExecDestroy((CUgraphExec)executable);
}
