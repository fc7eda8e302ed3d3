// A device in a process of its own. It maps the range of addresses it is told,
// reads commands from standard input and answers on standard output; see
// fake_test.go for the other end. Nothing but Read and Sync is answered.
#include "kernels.cu"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

uint3 threadIdx, blockIdx, blockDim, gridDim;

extern char __start_shared_memory[], __stop_shared_memory[];

namespace emulator {

const size_t stack_size = 128 << 10;

struct Barrier {
    int members = 0, arrived = 0;
    unsigned generation = 0;
    void release() {
        arrived = 0;
        generation++;
    }
};

struct Warp {
    Barrier barrier;
    uint64_t slots[32];
};

struct Fibre {
    ucontext_t context;
    uint3 index;
    bool done;
    Barrier *waits;
    unsigned generation;
};

ucontext_t scheduler;
std::vector<Fibre> fibres;
std::vector<char> stacks;
std::vector<Warp> warps;
Barrier block;
int current;
std::vector<char> shared;
std::string failure;
void (*run_thread)(const char *);
const char *thread_args;

void *dynamic_shared() { return shared.data(); }
int lane() { return current % 32; }
uint64_t *warp_slot(int l) { return &warps[current / 32].slots[l]; }

void wait(Barrier &b) {
    Fibre &f = fibres[current];
    f.waits = &b;
    f.generation = b.generation;
    if (++b.arrived == b.members) b.release();
    else swapcontext(&f.context, &scheduler);
    f.waits = nullptr;
}
void block_barrier() { wait(block); }
void warp_barrier() { wait(warps[current / 32].barrier); }

void leave(Barrier &b) {
    b.members--;
    if (b.members > 0 && b.arrived == b.members) b.release();
}

void entry() {
    run_thread(thread_args);
    Fibre &f = fibres[current];
    f.done = true;
    leave(block);
    leave(warps[current / 32].barrier);
    swapcontext(&f.context, &scheduler);
}

// one_block runs all threads of the block blockIdx to their end.
void one_block(int threads, bool backwards) {
    fibres.resize(threads);
    warps.assign((threads + 31) / 32, Warp());
    stacks.resize(stack_size * threads);
    block = Barrier();
    block.members = threads;
    std::fill(shared.begin(), shared.end(), (char)0xff);
    std::fill(__start_shared_memory, __stop_shared_memory, (char)0xff);
    for (int t = 0; t < threads; t++) {
        Fibre &f = fibres[t];
        f.done = false;
        f.waits = nullptr;
        f.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
        warps[t / 32].barrier.members++;
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = &stacks[stack_size * t];
        f.context.uc_stack.ss_size = stack_size;
        f.context.uc_link = nullptr;
        makecontext(&f.context, entry, 0);
    }
    for (int left = threads; left > 0;) {
        bool moved = false;
        for (int k = 0; k < threads; k++) {
            int t = backwards ? threads - 1 - k : k;
            Fibre &f = fibres[t];
            if (f.done || (f.waits && f.waits->generation == f.generation)) continue;
            current = t;
            threadIdx = f.index;
            moved = true;
            swapcontext(&scheduler, &f.context);
            if (f.done) left--;
        }
        if (!moved) {
            failure = "threads of a block wait for one another for ever";
            return;
        }
    }
}

// unpack reads one argument as the driver lays them out: each at its own
// alignment.
template <class T> T unpack(const char *args, size_t &at) {
    at = (at + alignof(T) - 1) / alignof(T) * alignof(T);
    T v;
    std::memcpy(&v, args + at, sizeof v);
    at += sizeof v;
    return v;
}

template <auto F, class... A> struct Caller {
    static void run(const char *args) {
        size_t at = 0;
        std::tuple<A...> t{unpack<A>(args, at)...}; // braces: left to right
        std::apply(F, t);
    }
    static size_t size() {
        size_t at = 0;
        ((at = (at + alignof(A) - 1) / alignof(A) * alignof(A) + sizeof(A)), ...);
        return at;
    }
};

struct Kernel {
    void (*run)(const char *);
    size_t size;
};
std::map<std::string, Kernel> kernels;

template <auto F, class... A> void add(const char *name, void (*)(A...)) {
    kernels[name] = {Caller<F, A...>::run, Caller<F, A...>::size()};
}

bool get(void *p, size_t n) { return fread(p, 1, n, stdin) == n; }
template <class T> T get() {
    T v{};
    if (!get(&v, sizeof v)) exit(0);
    return v;
}
std::string text() {
    std::string s(get<uint32_t>(), 0);
    if (!s.empty() && !get(&s[0], s.size())) exit(0);
    return s;
}
void answer(const void *p, size_t n) {
    fwrite(p, 1, n, stdout);
    fflush(stdout);
}

void launch() {
    std::string name = text();
    uint3 grid = get<uint3>(), dim = get<uint3>();
    shared.resize(get<uint32_t>() + 16);
    std::string args = text();
    auto k = kernels.find(name);
    if (!failure.empty()) return;
    if (k == kernels.end()) {
        failure = "no kernel " + name;
        return;
    }
    if (k->second.size != args.size()) {
        failure = name + " takes " + std::to_string(k->second.size) + " bytes of arguments, got " + std::to_string(args.size());
        return;
    }
    unsigned threads = dim.x * dim.y * dim.z;
    if (!grid.x || !grid.y || !grid.z || grid.y > 65535 || grid.z > 65535 || !threads || threads > 1024 || shared.size() > 48 << 10) {
        failure = name + ": invalid launch";
        return;
    }
    gridDim = grid;
    blockDim = dim;
    run_thread = k->second.run;
    thread_args = args.data();
    static unsigned blocks;
    for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid.x && failure.empty(); blockIdx.x++) one_block(threads, blocks++ % 2);
}

float widen(uint16_t h, int kind) {
    if (kind == 1) { // bfloat16
        uint32_t u = (uint32_t)h << 16;
        float f;
        std::memcpy(&f, &u, 4);
        return f;
    }
    int e = h >> 10 & 31, m = h & 1023;
    double v = e == 0 ? std::ldexp(m, -24) : e == 31 ? (m ? NAN : INFINITY) : std::ldexp(m + 1024, e - 25);
    return (float)(h & 0x8000 ? -v : v);
}

struct Product { // as cuBLAS takes it: column-major d = alpha op(a) op(b) + beta c + bias
    uint64_t a, b, c, d, bias;
    int64_t m, n, k, lda, ldb, ldc;
    int32_t trans_a, trans_b, kind;
    float alpha, beta;
    int32_t pad;
};

void product() {
    Product p = get<Product>();
    if (!failure.empty()) return;
    int64_t ra = p.trans_a ? p.k : p.m, rb = p.trans_b ? p.n : p.k;
    if (p.lda < ra || p.ldb < rb || p.ldc < p.m) {
        failure = "product: a leading dimension is too small";
        return;
    }
    auto at = [&](uint64_t base, int64_t i) {
        return p.kind == 0 ? (double)((const float *)base)[i] : (double)widen(((const uint16_t *)base)[i], p.kind);
    };
    for (int64_t j = 0; j < p.n; j++)
        for (int64_t i = 0; i < p.m; i++) {
            double s = 0;
            for (int64_t l = 0; l < p.k; l++)
                s += at(p.a, p.trans_a ? i * p.lda + l : l * p.lda + i) * at(p.b, p.trans_b ? l * p.ldb + j : j * p.ldb + l);
            s *= p.alpha;
            if (p.beta != 0) s += p.beta * ((const float *)p.c)[j * p.ldc + i];
            if (p.bias) s += ((const float *)p.bias)[i];
            ((float *)p.d)[j * p.ldc + i] = (float)s;
        }
}

} // namespace emulator

int main(int, char **argv) {
    using namespace emulator;
    void *base = (void *)strtoull(argv[1], nullptr, 0);
    size_t size = strtoull(argv[2], nullptr, 0);
    if (mmap(base, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != base) return 3;
#include "table.inc"
    for (;;) {
        char command;
        if (!get(&command, 1)) return 0;
        if (command == 'W') {
            uint64_t to = get<uint64_t>(), n = get<uint64_t>();
            if (!get((void *)to, n)) return 0;
        } else if (command == 'R') {
            uint64_t from = get<uint64_t>(), n = get<uint64_t>();
            answer((void *)from, n);
        } else if (command == 'C') {
            uint64_t to = get<uint64_t>(), from = get<uint64_t>(), n = get<uint64_t>();
            std::memmove((void *)to, (void *)from, n);
        } else if (command == 'S') {
            uint64_t to = get<uint64_t>(), n = get<uint64_t>();
            uint32_t word = get<uint32_t>();
            for (uint64_t i = 0; i < n; i++) ((uint32_t *)to)[i] = word;
        } else if (command == 'L') {
            launch();
        } else if (command == 'G') {
            product();
        } else if (command == 'Y') {
            uint32_t n = failure.size();
            answer(&n, 4);
            answer(failure.data(), n);
        } else {
            return 4;
        }
    }
}
