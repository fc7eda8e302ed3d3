//go:build gpu

/* Every function of the driver that gorgonia.org/cu and this package call is a
 * jump to the real one, which is looked up in libcuda.so.1 when a GPU is asked
 * for: so one program runs where there is a driver and where there is none.
 * The library that cu names to the linker, libcuda.a beside this file, is empty. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#define NOT_INITIALIZED 3 /* CUDA_ERROR_NOT_INITIALIZED */

static int missing(void) { return NOT_INITIALIZED; }

#define HIDDEN __attribute__((visibility("hidden")))
#define CUDA_FUNCTION(name, arguments) HIDDEN void *forward_##name = (void *)missing;
#include "functions.h"
#undef CUDA_FUNCTION

#if defined(__x86_64__)
#define JUMP(name) "jmp *forward_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name) "adrp x16, forward_" #name "\nldr x16, [x16, :lo12:forward_" #name "]\nbr x16\n"
#else
#error "no way to forward calls on this processor: x86-64 and arm64 are known"
#endif

/* Hidden, since the program's own symbols come before those of the libraries it
 * opens, and the driver calls its functions by name. */
#define CUDA_FUNCTION(name, arguments)                                                            \
    __asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" #name ":\n" \
            JUMP(name) ".size " #name ", .-" #name "\n.previous\n");
#include "functions.h"
#undef CUDA_FUNCTION

static const struct {
    const char *name;
    void **forward;
} table[] = {
#define CUDA_FUNCTION(name, arguments) {#name, &forward_##name},
#include "functions.h"
#undef CUDA_FUNCTION
};

static int status = -1;
static char reason[512];

/* libcuda_reason is why the library could not be loaded. */
const char *libcuda_reason(void) { return reason; }

/* cuInit does nothing: gorgonia.org/cu calls it when the program starts, also
 * one that never uses a GPU, and would end the program where it fails. */
HIDDEN int cuInit(unsigned int flags) {
    (void)flags;
    return 0;
}

static void load(void) {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        for (size_t i = 0; why && why[i] && i + 1 < sizeof reason; i++) reason[i] = why[i];
        return;
    }
    int (*init)(unsigned int) = (int (*)(unsigned int))dlsym(library, "cuInit");
    if (init) status = init(0);
    if (status != 0) return;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        void *f = dlsym(library, table[i].name);
        if (f) *table[i].forward = f;
    }
}

/* libcuda_open starts the driver, at its first call. It returns 0 if the driver
 * works, -1 if there is none, else the driver's own error. */
int libcuda_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return status;
}
