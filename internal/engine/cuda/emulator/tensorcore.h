// The instructions of kernels/mma.cuh on the emulator's warps, by the layouts
// of the PTX ISA ("Matrix Fragments for mma.m16n8k16 with floating point type",
// "... mma.m16n8k8", "ldmatrix", "cp.async"). With group = lane / 4 and
// quad = lane % 4:
//
//   A of m16n8k16   a0..a7 in four registers, two elements in each, the lower
//                   half first; row = group, but group + 8 for a2, a3, a6, a7;
//                   column = 2 quad + (i & 1), and 8 more for a4..a7
//   B of m16n8k16   b0..b3 in two registers; row = 2 quad + (i & 1), and 8 more
//                   for b2, b3; column = group
//   A of m16n8k8    (tf32) a0..a3; row = group for a0, a2, group + 8 for a1, a3;
//                   column = quad for a0, a1, quad + 4 for a2, a3
//   B of m16n8k8    (tf32) b0, b1; row = quad, quad + 4; column = group
//   C and D         c0..c3; row = group for c0, c1, group + 8 for c2, c3;
//                   column = 2 quad + (i & 1)
//   ldmatrix        matrix m has its eight rows at the addresses that lanes 8m to
//                   8m + 7 give; a lane gets elements 2 quad and 2 quad + 1 of
//                   row group, with .trans those of column group
//   cp.async        writes 16 bytes, of which those beyond src-size are zeros
//
// What is wrong on a card shows here: a copy leaves NaN until its group is
// waited for, addresses must be multiples of 16, and factors must be TF32.
#pragma once
#include <vector>

namespace emulator {

int thread();
void fail(const char *why);

struct AsyncCopy {
    void *to;
    const void *from; // or null for zeros
};
typedef std::vector<AsyncCopy> CopyGroup;

// Of every thread of the block: the groups under way, the last one still open.
inline std::vector<std::vector<CopyGroup>> copies;

inline void forget_copies(int threads) { copies.assign(threads, std::vector<CopyGroup>(1)); }

inline bool aligned(const void *p) {
    if ((uintptr_t)p % 16 == 0) return true;
    fail("an address of a 16-byte access is no multiple of 16");
    return false;
}

// exchange gives every lane what all lanes of the warp pass.
template <class T> struct Exchange {
    T of[32];
    explicit Exchange(const T &mine) {
        *warp_slot(lane()) = (uint64_t)&mine;
        warp_barrier();
        for (int l = 0; l < 32; l++) of[l] = *(const T *)*warp_slot(l);
        warp_barrier();
    }
};

struct Factors {
    unsigned a[4], b[2];
};

inline Factors factors(const unsigned *a, const unsigned *b) {
    Factors f;
    std::memcpy(f.a, a, sizeof f.a);
    std::memcpy(f.b, b, sizeof f.b);
    return f;
}

// add_product adds the product of 16 x depth and depth x 8 elements to this
// lane's part of the accumulators.
template <class A, class B> void add_product(float *d, int depth, A a, B b) {
    for (int i = 0; i < 4; i++) {
        int row = lane() / 4 + (i >= 2 ? 8 : 0), column = lane() % 4 * 2 + (i & 1);
        for (int k = 0; k < depth; k++) d[i] += a(row, k) * b(k, column);
    }
}

template <class T> float half_of(unsigned word, int which) {
    T v;
    uint16_t bits = (uint16_t)(which ? word >> 16 : word);
    std::memcpy(&v, &bits, sizeof v);
    return widen(v);
}

inline float tf32(unsigned bits) {
    if (bits & 0x1fff) fail("a factor was not rounded to TF32");
    float f;
    std::memcpy(&f, &bits, sizeof f);
    return f;
}

inline void load_matrices(unsigned *r, const void *row, bool trans) {
    if (!aligned(row)) return;
    Exchange<const uint16_t *> rows((const uint16_t *)row);
    int group = lane() / 4, quad = lane() % 4;
    for (int m = 0; m < 4; m++) {
        uint16_t pair[2];
        for (int i = 0; i < 2; i++) pair[i] = trans ? rows.of[8 * m + 2 * quad + i][group] : rows.of[8 * m + group][2 * quad + i];
        r[m] = pair[0] | (unsigned)pair[1] << 16;
    }
}

} // namespace emulator

template <class T> void mma(float *d, const unsigned *a, const unsigned *b) {
    using namespace emulator;
    Exchange<Factors> x(factors(a, b));
    add_product(
        d, 16, [&](int row, int k) { return half_of<T>(x.of[row % 8 * 4 + k % 8 / 2].a[(row >= 8) + 2 * (k >= 8)], k & 1); },
        [&](int k, int column) { return half_of<T>(x.of[column * 4 + k % 8 / 2].b[k >= 8], k & 1); });
}

inline void mma_tf32(float *d, const unsigned *a, const unsigned *b) {
    using namespace emulator;
    Exchange<Factors> x(factors(a, b));
    add_product(
        d, 8, [&](int row, int k) { return tf32(x.of[row % 8 * 4 + k % 4].a[(row >= 8) + 2 * (k >= 4)]); },
        [&](int k, int column) { return tf32(x.of[column * 4 + k % 4].b[k >= 4]); });
}

// to_tf32 rounds to 10 bits of mantissa, ties away from zero.
inline unsigned to_tf32(float v) {
    unsigned u = __float_as_uint(v);
    if ((u & 0x7f800000u) == 0x7f800000u) return u & 0x7fffffu ? 0x7fffe000u : u;
    return (u + 0x1000u) & ~0x1fffu;
}

inline float exp2_fast(float v) { return std::exp2(v); }

inline void ldmatrix(unsigned *r, const void *row) { emulator::load_matrices(r, row, false); }
inline void ldmatrix_trans(unsigned *r, const void *row) { emulator::load_matrices(r, row, true); }

inline void cp_async(void *to, const void *from, bool there) {
    using namespace emulator;
    if (!aligned(to) || !aligned(from)) return;
    std::memset(to, 0xff, 16);
    copies[thread()].back().push_back({to, there ? from : nullptr});
}

inline void cp_async_commit() { emulator::copies[emulator::thread()].emplace_back(); }

template <int N> void cp_async_wait() {
    auto &groups = emulator::copies[emulator::thread()];
    while (groups.size() > N + 1) {
        for (auto &c : groups.front())
            if (c.from) std::memcpy(c.to, c.from, 16);
            else std::memset(c.to, 0, 16);
        groups.erase(groups.begin());
    }
}

inline void __syncwarp() { emulator::warp_barrier(); }
