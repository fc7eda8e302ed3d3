// A device in a process of its own. It maps the range of addresses it is told,
// reads commands from standard input and answers on standard output; see
// fake_test.go for the other end. Nothing but Read and Sync is answered.
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
