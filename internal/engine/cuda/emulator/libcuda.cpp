// A libcuda.so.1 that runs the kernels on the processor, so that the driver
// package, with gorgonia.org/cu under it, can be run where there is no GPU. It
// holds the functions those call, does all work at once, and checks addresses.
// Of several devices each has its own context, memory and streams; one call runs
// at a time.
// Environment: EMULATOR_INIT, EMULATOR_RETAIN (errors those calls return),
// EMULATOR_CUBIN (error for machine code), EMULATOR_VERSION (CUDA version),
// EMULATOR_CAPABILITY (90 for 9.0), EMULATOR_MEMORY (bytes), EMULATOR_CAPTURE (error when a
// capture ends), EMULATOR_IDLE (kernels and products do nothing, on memory of zeros:
// what remains is the host's time), EMULATOR_DEVICES (how many), EMULATOR_TRACE (a file that notes
// starts and contexts).
#include "core.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>

#define API extern "C" __attribute__((visibility("default"))) int

using emulator::failure;
typedef std::vector<std::function<void()>> Graph;

static long setting(const char *name, long otherwise) {
    const char *v = getenv(name);
    return v ? atol(v) : otherwise;
}

struct Block {
    size_t size;
    struct Device *of;
};
struct Device {
    int streams[2], made, retained;
    size_t held;
    Graph *capture;
};
static bool idle() {
    static const bool set = setting("EMULATOR_IDLE", 0);
    return set;
}

static std::map<uintptr_t, Block> blocks;
static Device device_objects[16];
static thread_local Device *current;
static int module_object;
static std::recursive_mutex one_call;
#define ONE std::lock_guard<std::recursive_mutex> one(one_call)

static int fail(const std::string &why) {
    if (failure.empty()) {
        failure = why;
        fprintf(stderr, "emulated libcuda: %s\n", why.c_str());
    }
    return 700;
}

static bool inside(uint64_t p, size_t n) {
    auto b = blocks.upper_bound(p);
    if (b == blocks.begin()) return false;
    --b;
    return p + n <= b->first + b->second.size && b->second.of == current;
}

// own says which of the current device's streams it is, -1 if none.
static int own(void *stream) { return stream == &current->streams[0] ? 0 : stream == &current->streams[1] ? 1 : -1; }

// work does something in the stream, or notes it while a graph is captured.
static int work(void *stream, std::function<void()> f) {
    ONE;
    if (!current) return 201;
    if (own(stream) < 0) return fail("work on another stream");
    if (current->capture && own(stream) == 0) current->capture->push_back(f);
    else f();
    return failure.empty() ? 0 : 719;
}

static const char *names[] = {
#define add_name(name) name,
#include "names.inc"
};

// trace notes a call in the file that EMULATOR_TRACE names.
static void trace(const char *call) {
    const char *path = getenv("EMULATOR_TRACE");
    FILE *f = path ? fopen(path, "a") : nullptr;
    if (!f) return;
    fprintf(f, "%s\n", call);
    fclose(f);
}

__attribute__((constructor)) static void loaded() { trace("load"); }
API cuInit(unsigned) {
    trace("init");
#include "table.inc"
    return (int)setting("EMULATOR_INIT", 0);
}
API cuDriverGetVersion(int *v) { return *v = (int)setting("EMULATOR_VERSION", 13000), 0; }
static int devices() { return (int)setting("EMULATOR_DEVICES", 1); }
API cuDeviceGet(int *d, int i) { return *d = i, i >= 0 && i < devices() ? 0 : 101; }
API cuDeviceGetCount(int *n) { return *n = devices(), 0; }
API cuDeviceGetName(char *s, int n, int) { return snprintf(s, n, "Emulated GPU"), 0; }
API cuDeviceTotalMem_v2(size_t *n, int) { return *n = setting("EMULATOR_MEMORY", 1l << 30), 0; }
static int capability() { return (int)setting("EMULATOR_CAPABILITY", 90); }
API cuDeviceGetAttribute(int *v, int a, int d) { // 33 is the bus that a device has for itself
    return *v = a == 75 ? capability() / 10 : a == 76 ? capability() % 10 : a == 33 ? d + 1 : 0, 0;
}
API cuDevicePrimaryCtxRetain(void **c, int d) {
    ONE;
    int error = (int)setting("EMULATOR_RETAIN", 0);
    *c = &device_objects[d];
    if (!error) device_objects[d].retained++;
    trace("retain");
    return error;
}
API cuDevicePrimaryCtxRelease_v2(int d) {
    ONE;
    trace("release");
    return --device_objects[d].retained > 0 || !device_objects[d].held ? 0 : fail("memory is left when the context goes");
}
API cuCtxSetCurrent(void *c) { return current = (Device *)c, 0; }
API cuStreamCreate(void **s, unsigned) {
    ONE;
    return current ? (*s = &current->streams[current->made++ % 2], 0) : 201;
}
API cuStreamDestroy_v2(void *) { return 0; }
API cuStreamSynchronize(void *s) {
    ONE;
    if (!current) return 201;
    if (own(s) < 0) return fail("waiting for another device's stream");
    return current->capture ? fail("waiting while capturing") : failure.empty() ? 0 : 719;
}
API cuMemGetInfo_v2(size_t *free, size_t *total) {
    ONE;
    cuDeviceTotalMem_v2(total, 0);
    if (!current) return 201;
    return *free = *total - current->held, 0;
}
API cuMemAlloc_v2(uint64_t *p, size_t n) {
    ONE;
    size_t total;
    if (!current) return 201;
    cuDeviceTotalMem_v2(&total, 0);
    if (current->held + n > total) return 2;
    *p = (uint64_t)aligned_alloc(256, (n + 255) / 256 * 256);
    memset((void *)*p, idle() ? 0 : 0xff, n);
    blocks[*p] = {n, current};
    current->held += n;
    return 0;
}
API cuMemFree_v2(uint64_t p) {
    ONE;
    if (!blocks.count(p) || blocks[p].of != current) return fail("freed what is not allocated on this device");
    current->held -= blocks[p].size;
    blocks.erase(p);
    free((void *)p);
    return 0;
}
API cuMemAllocHost_v2(void **p, size_t n) { return *p = malloc(n), current ? 0 : 201; }
API cuMemFreeHost(void *p) { return free(p), 0; }
API cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t n, void *s) {
    ONE;
    if (!inside(to, n)) return fail("copy in to a bad address");
    return work(s, [=] { memcpy((void *)to, from, n); });
}
API cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t n, void *s) {
    ONE;
    if (!inside(from, n)) return fail("copy out of a bad address");
    return work(s, [=] { memcpy(to, (void *)from, n); });
}
API cuMemcpyDtoH_v2(void *to, uint64_t from, size_t n) {
    ONE;
    if (!inside(from, n)) return fail("copy out of a bad address");
    return memcpy(to, (void *)from, n), failure.empty() ? 0 : 719;
}
API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t n, void *s) {
    ONE;
    if (!inside(to, n) || !inside(from, n)) return fail("copy between bad addresses");
    return work(s, [=] { memmove((void *)to, (void *)from, n); });
}
API cuMemsetD32Async(uint64_t to, unsigned v, size_t n, void *s) {
    ONE;
    if (!inside(to, 4 * n)) return fail("fill of a bad address");
    return work(s, [=] { std::fill((unsigned *)to, (unsigned *)to + n, v); });
}
API cuModuleLoadData(void **m, const void *image) {
    *m = &module_object;
    if (!memcmp(image, "\177ELF", 4)) {
        int made = ((const unsigned char *)image)[48]; // the low byte of the header's flags
        if (((const unsigned char *)image)[8] > 7) made = ((const unsigned char *)image)[49]; // of ABI 8 the second
        return made / 10 == capability() / 10 && made <= capability() ? (int)setting("EMULATOR_CUBIN", 0) : 209;
    }
    const char *target = strstr((const char *)image, ".target sm_");
    if (!target) return 218;
    return atoi(target + strlen(".target sm_")) <= capability() ? 0 : 209;
}
API cuModuleUnload(void *) { return 0; }
API cuModuleGetFunction(void **f, void *, const char *name) {
    for (const char *&n : names)
        if (!strcmp(n, name)) return *f = (void *)n, 0;
    return 500;
}
API cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void *s, void **params, void **extra) {
    if (params || !extra || extra[0] != (void *)1 || extra[2] != (void *)2 || extra[4] != nullptr) return 1;
    if (idle()) return work(s, [] {});
    size_t n = *(size_t *)extra[3];
    std::string name = (const char *)f, args((const char *)extra[1], n);
    return work(s, [=] { emulator::launch(name, {gx, gy, gz}, {bx, by, bz}, shared, args.data(), args.size()); });
}
API cuEventCreate(void **e, unsigned) { return *e = &module_object, 0; }
API cuEventRecord(void *, void *s) { return work(s, [] {}); }
API cuStreamWaitEvent(void *s, void *, unsigned) { return work(s, [] {}); }
API cuEventSynchronize(void *) { return 0; }
API cuEventDestroy_v2(void *) { return 0; }
API cuStreamBeginCapture_v2(void *s, int) {
    ONE;
    if (!current || own(s)) return fail("capture of another stream");
    return current->capture = new Graph, 0;
}
API cuStreamEndCapture(void *, void **g) {
    ONE;
    *g = current->capture;
    current->capture = nullptr;
    return (int)setting("EMULATOR_CAPTURE", 0);
}
API cuGraphInstantiateWithFlags(void **x, void *g, unsigned long long) { return *x = new Graph(*(Graph *)g), 0; }
API cuGraphDestroy(void *g) { return delete (Graph *)g, 0; }
API cuGraphExecDestroy(void *g) { return delete (Graph *)g, 0; }
API cuGraphLaunch(void *g, void *s) {
    return work(s, [=] {
        for (auto &f : *(Graph *)g) f();
    });
}

// emulated_current is the device whose context is current, for the emulated cuBLAS.
extern "C" __attribute__((visibility("default"))) void *emulated_current() { return current; }

// emulated_work lets the emulated cuBLAS queue its products.
extern "C" __attribute__((visibility("default"))) int emulated_work(void *stream, void (*f)(void *), void *what) {
    if (idle()) return work(stream, [] {});
    return work(stream, [=] { f(what); });
}
