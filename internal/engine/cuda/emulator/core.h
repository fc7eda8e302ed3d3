// Runs launches of the kernels, block by block. Part of emulator.cpp and of
// libcuda.cpp.
#pragma once
#include "fibre.h"

#include "kernels.cu"

#include <map>
#include <string>
#include <tuple>
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
    Context context;
    uint3 index;
    bool done;
    Barrier *waits;
    unsigned generation;
};

Context scheduler;
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
int thread() { return current; }
int lane() { return current % 32; }
uint64_t *warp_slot(int l) { return &warps[current / 32].slots[l]; }

void fail(const char *why) {
    if (failure.empty()) failure = why;
}

void wait(Barrier &b) {
    Fibre &f = fibres[current];
    f.waits = &b;
    f.generation = b.generation;
    if (++b.arrived == b.members) b.release();
    else change(f.context, scheduler);
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
    change(f.context, scheduler);
}

// one_warp runs the threads of a warp as far as they get without the others, and
// says whether any of them moved; left counts those that have not ended.
bool one_warp(int warp, int threads, bool backwards, int &left) {
    bool any = false;
    for (bool moved = true; moved;) {
        moved = false;
        for (int k = 0; k < 32; k++) {
            int t = 32 * warp + (backwards ? 31 - k : k);
            if (t >= threads) continue;
            Fibre &f = fibres[t];
            if (f.done || (f.waits && f.waits->generation == f.generation)) continue;
            current = t;
            threadIdx = f.index;
            moved = any = true;
            change(scheduler, f.context);
            if (f.done) left--;
        }
    }
    return any;
}

// one_block runs all threads of the block blockIdx to their end.
void one_block(int threads, bool backwards) {
    fibres.resize(threads);
    warps.assign((threads + 31) / 32, Warp());
    stacks.resize(stack_size * threads);
    forget_copies(threads);
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
        begin(f.context, &stacks[stack_size * t], stack_size, entry);
    }
    int count = (int)warps.size();
    for (int left = threads; left > 0;) {
        bool moved = false;
        for (int w = 0; w < count; w++) moved |= one_warp(backwards ? count - 1 - w : w, threads, backwards, left);
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

// launch runs a kernel, or says in failure why it cannot.
void launch(const std::string &name, uint3 grid, uint3 dim, size_t dynamic, const char *args, size_t size) {
    shared.resize(dynamic + 16);
    auto k = kernels.find(name);
    if (!failure.empty()) return;
    if (k == kernels.end()) {
        failure = "no kernel " + name;
        return;
    }
    if (k->second.size != size) {
        failure = name + " takes " + std::to_string(k->second.size) + " bytes of arguments, got " + std::to_string(size);
        return;
    }
    unsigned threads = dim.x * dim.y * dim.z;
    if (!grid.x || !grid.y || !grid.z || grid.y > 65535 || grid.z > 65535 || !threads || threads > 1024 || dynamic > 48 << 10) {
        failure = name + ": invalid launch";
        return;
    }
    gridDim = grid;
    blockDim = dim;
    run_thread = k->second.run;
    thread_args = args;
    static unsigned blocks;
    for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid.x && failure.empty(); blockIdx.x++) one_block(threads, blocks++ % 2);
}

} // namespace emulator
