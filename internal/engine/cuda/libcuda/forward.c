/* A libcuda to link against where there is none, and the reason why a program
 * built with CUDA support also runs where there is no driver: every function of
 * the driver that the program uses is a jump to the real one, which is looked
 * up in libcuda.so.1 when a GPU is asked for.
 *
 * symbols.inc, made from the header by make.sh, lists SYMBOL(name) for each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#define NOT_INITIALIZED 3 /* CUDA_ERROR_NOT_INITIALIZED */

static int missing(void) { return NOT_INITIALIZED; }

#define HIDDEN __attribute__((visibility("hidden")))
#define SYMBOL(name) HIDDEN void *forward_##name = (void *)missing;
#include "symbols.inc"
#undef SYMBOL

#if defined(__x86_64__)
#define JUMP(name) "jmp *forward_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name) "adrp x16, forward_" #name "\nldr x16, [x16, :lo12:forward_" #name "]\nbr x16\n"
#else
#error "no way to forward calls on this processor: x86-64 and arm64 are known"
#endif

#define SYMBOL(name) \
    __asm__(".text\n.globl " #name "\n.type " #name ", %function\n" #name ":\n" JUMP(name) ".size " #name ", .-" #name "\n");
#include "symbols.inc"
#undef SYMBOL

static const struct {
    const char *name;
    void **forward;
} table[] = {
#define SYMBOL(name) {#name, &forward_##name},
#include "symbols.inc"
#undef SYMBOL
};

static int status = -1;
static char reason[512];

/* libcuda_reason is why the library could not be loaded. */
const char *libcuda_reason(void) { return reason; }

/* cuInit does nothing: gorgonia.org/cu calls it when the program starts, also
 * one that never uses a GPU, and would end the program where it fails. */
int cuInit(unsigned int flags) {
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
