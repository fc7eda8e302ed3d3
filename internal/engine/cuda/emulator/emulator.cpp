// A device in a process of its own. It maps the range of addresses it is told,
// of which only what is allocated may be touched, reads commands from standard
// input and answers on standard output; see fake_test.go for the other end.
// Nothing but Read and Sync is answered.
#include "core.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

namespace emulator {

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
    uint32_t dynamic = get<uint32_t>();
    std::string args = text();
    launch(name, grid, dim, dynamic, args.data(), args.size());
}

// read and write an element of a matrix of the given kind: 0 float32, 1
// bfloat16, 2 half.
float read(uint64_t base, int64_t i, int kind) {
    if (kind == 0) return ((const float *)base)[i];
    uint16_t h = ((const uint16_t *)base)[i];
    return kind == 1 ? widen(bf16{h}) : widen(fp16{h});
}
void write(uint64_t base, int64_t i, int kind, float v) {
    if (kind == 0) ((float *)base)[i] = v;
    else ((uint16_t *)base)[i] = kind == 1 ? narrow<bf16>(v).bits : narrow<fp16>(v).bits;
}

struct Product { // as cuBLAS takes it: column-major d = alpha op(a) op(b) + beta c + bias
    uint64_t a, b, c, d, bias;
    int64_t m, n, k, lda, ldb, ldc;
    int32_t trans_a, trans_b, kind;
    float alpha, beta;
    int32_t result;
};

void product() {
    Product p = get<Product>();
    if (!failure.empty()) return;
    int64_t ra = p.trans_a ? p.k : p.m, rb = p.trans_b ? p.n : p.k;
    if (p.lda < ra || p.ldb < rb || p.ldc < p.m) {
        failure = "product: a leading dimension is too small";
        return;
    }
    if (p.result != 0 && p.result != p.kind) {
        failure = "product: factors and a 16-bit result differ";
        return;
    }
    auto at = [&](uint64_t base, int64_t i) { return (double)read(base, i, p.kind); };
    for (int64_t j = 0; j < p.n; j++)
        for (int64_t i = 0; i < p.m; i++) {
            double s = 0;
            for (int64_t l = 0; l < p.k; l++)
                s += at(p.a, p.trans_a ? i * p.lda + l : l * p.lda + i) * at(p.b, p.trans_b ? l * p.ldb + j : j * p.ldb + l);
            s *= p.alpha;
            if (p.beta != 0) s += p.beta * read(p.c, j * p.ldc + i, p.result);
            if (p.bias) s += read(p.bias, i, p.result);
            write(p.d, j * p.ldc + i, p.result, (float)s);
        }
}

} // namespace emulator

int main(int, char **argv) {
    using namespace emulator;
    void *base = (void *)strtoull(argv[1], nullptr, 0);
    size_t size = strtoull(argv[2], nullptr, 0);
    if (mmap(base, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != base) return 3;
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
        } else if (command == 'M') {
            uint64_t at = get<uint64_t>(), n = get<uint64_t>(), from = at / 4096 * 4096;
            mprotect((void *)from, at + n - from, get<uint32_t>() ? PROT_READ | PROT_WRITE : PROT_NONE);
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
