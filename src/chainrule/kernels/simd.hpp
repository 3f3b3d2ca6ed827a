// Vectors of one instruction set. Whatever includes this file is compiled once for each set, in a namespace of its own,
// and uses no template of the standard library: the linker would merge its copies, and an old CPU might get a new one's.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace chainrule::CHAINRULE_ISA {

#if defined(__AVX512F__)
constexpr int BYTES = 64, TILE_ROWS = 12;  // 24 of 32 registers accumulate
#elif defined(__AVX2__)
constexpr int BYTES = 32, TILE_ROWS = 6;  // 12 of 16
#else
constexpr int BYTES = 16, TILE_ROWS = 12;
#endif
#if defined(__AVX512F__)
constexpr int NARROW = 32;  // bytes of a vector for columns that fit into it: some CPUs multiply two such at once
#else
constexpr int NARROW = BYTES;
#endif
constexpr int LANES = 16;  // what sums over a row are laid out in, whatever the width of a vector

template <class T>
struct Types;
template <>
struct Types<float> {
    typedef float Vec __attribute__((vector_size(BYTES)));
    typedef float Narrow __attribute__((vector_size(NARROW)));
    typedef float Four __attribute__((vector_size(4 * sizeof(float))));
    typedef int32_t Int __attribute__((vector_size(BYTES)));
    typedef int32_t Lane;
};
template <>
struct Types<double> {
    typedef double Vec __attribute__((vector_size(BYTES)));
    typedef double Narrow __attribute__((vector_size(NARROW)));
    typedef double Four __attribute__((vector_size(4 * sizeof(double))));
    typedef int64_t Int __attribute__((vector_size(BYTES)));
    typedef int64_t Lane;
};
template <class T>
using Vec = typename Types<T>::Vec;
template <class T>
using Four = typename Types<T>::Four;
template <class T>
using Int = typename Types<T>::Int;
template <class T>
using Lane = typename Types<T>::Lane;  // of an Int
template <class T>
constexpr int VL = BYTES / sizeof(T);

template <class T>
inline Vec<T> fill(T x) {
    return x - Vec<T>{};
}

template <class T>
inline Vec<T> load(const T* p) {
    Vec<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

template <class T>
inline void store(T* p, Vec<T> v) {
    __builtin_memcpy(p, &v, sizeof v);
}

// fma(a, b, c) = a·b + c, rounded once: written out everywhere, so that no compiler has a choice.
using F = Vec<float>;
using D = Vec<double>;
#if defined(__AVX512F__)
inline F fma(F a, F b, F c) { return (F)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
inline D fma(D a, D b, D c) { return (D)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
inline F sqrt(F a) { return (F)_mm512_sqrt_ps((__m512)a); }
inline D sqrt(D a) { return (D)_mm512_sqrt_pd((__m512d)a); }
inline Types<float>::Narrow fma(Types<float>::Narrow a, Types<float>::Narrow b, Types<float>::Narrow c) {
    return (Types<float>::Narrow)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
inline Types<double>::Narrow fma(Types<double>::Narrow a, Types<double>::Narrow b, Types<double>::Narrow c) {
    return (Types<double>::Narrow)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#elif defined(__AVX2__)
inline F fma(F a, F b, F c) { return (F)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
inline D fma(D a, D b, D c) { return (D)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
inline F sqrt(F a) { return (F)_mm256_sqrt_ps((__m256)a); }
inline D sqrt(D a) { return (D)_mm256_sqrt_pd((__m256d)a); }
#else
inline F fma(F a, F b, F c) { return (F)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
inline D fma(D a, D b, D c) { return (D)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
inline F sqrt(F a) { return (F)vsqrtq_f32((float32x4_t)a); }
inline D sqrt(D a) { return (D)vsqrtq_f64((float64x2_t)a); }
#endif

// All bits set in the first n lanes.
template <class T>
inline Int<T> first(int n) {
    Int<T> lane = {};
    for (int i = 0; i < VL<T>; i++) lane[i] = i;
    return lane < (n - Int<T>{});
}

// The first n lanes; the others are 0, and memory beyond is not touched.
#if defined(__AVX512F__)
inline F load_some(const float* p, int n) { return (F)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
inline D load_some(const double* p, int n) { return (D)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p); }
inline void store_some(float* p, F v, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v); }
inline void store_some(double* p, D v, int n) { _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v); }
#else
#if defined(__AVX2__)
inline F load_some(const float* p, int n) {
    return n == VL<float> ? load(p) : (F)_mm256_maskload_ps(p, (__m256i)first<float>(n));
}
inline D load_some(const double* p, int n) {
    return n == VL<double> ? load(p) : (D)_mm256_maskload_pd(p, (__m256i)first<double>(n));
}
#else
template <class T>
inline Vec<T> load_some(const T* p, int n) {
    if (n == VL<T>) return load(p);
    T lanes[VL<T>] = {};
    for (int i = 0; i < n; i++) lanes[i] = p[i];
    return load(lanes);
}
#endif
inline void store_some(float* p, F v, int n) {
    if (n == VL<float>) return store(p, v);
    for (int i = 0; i < n; i++) p[i] = v[i];
}
inline void store_some(double* p, D v, int n) {
    if (n == VL<double>) return store(p, v);
    for (int i = 0; i < n; i++) p[i] = v[i];
}
#endif

// The lanes of v folded onto each other, halves onto halves: f(lanes 0 to n/2, lanes n/2 to n), and so on down to one.
template <class T, int N, class Fold>
inline T fold(const T* lanes, Fold f) {
    if constexpr (N == 1) {
        return lanes[0];
    } else {
        typedef T Half __attribute__((vector_size(N / 2 * sizeof(T))));
        Half low, high;
        __builtin_memcpy(&low, lanes, sizeof low);
        __builtin_memcpy(&high, lanes + N / 2, sizeof high);
        const Half folded = f(low, high);
        T rest[N / 2];
        __builtin_memcpy(rest, &folded, sizeof folded);
        return fold<T, N / 2>(rest, f);
    }
}

// A sum over a row whose order does not depend on the vector's width: 16 lanes, then halves onto halves.
template <class T>
struct LaneSum {
    Vec<T> part[LANES / VL<T>] = {};

    void add(int column, Vec<T> v) { part[column / VL<T> % (LANES / VL<T>)] += v; }

    T total() const {
        alignas(64) T lanes[LANES];
        for (int i = 0; i < LANES; i += VL<T>) store(lanes + i, part[i / VL<T>]);
        return fold<T, LANES>(lanes, [](auto low, auto high) { return low + high; });
    }
};

inline int min(int a, int b) { return a < b ? a : b; }

// Entries I of two vectors of T; those of b are counted on from a's.
template <class T, int... I, class V>
inline V shuffle(V a, V b) {
#if defined(__clang__)
    return __builtin_shufflevector(a, b, I...);
#else
    typedef Lane<T> Index __attribute__((vector_size(sizeof(V))));
    return __builtin_shuffle(a, b, Index{I...});
#endif
}

// Half 0 or 1 of a vector.
template <class Half, class V>
inline Half half(V v, int which) {
    Half h;
    __builtin_memcpy(&h, reinterpret_cast<const char*>(&v) + which * sizeof h, sizeof h);
    return h;
}

// The lanes of a sum, halves onto halves down to four. Inlined, as totals is: else sums would leave their registers.
template <class T>
[[gnu::always_inline]] inline Four<T> quarter(LaneSum<T> sum) {
    Vec<T>* part = sum.part;
#pragma GCC unroll 4
    for (int width = LANES / VL<T> / 2; width * VL<T> >= 4; width /= 2)
#pragma GCC unroll 4
        for (int p = 0; p < width; p++) part[p] += part[p + width];
    if constexpr (VL<T> <= 4) {
        Four<T> four;
        __builtin_memcpy(&four, part, sizeof four);
        return four;
    } else if constexpr (VL<T> == 8) {
        return half<Four<T>>(part[0], 0) + half<Four<T>>(part[0], 1);
    } else {
        typedef T Eight __attribute__((vector_size(8 * sizeof(T))));
        const Eight eight = half<Eight>(part[0], 0) + half<Eight>(part[0], 1);
        return half<Four<T>>(eight, 0) + half<Four<T>>(eight, 1);
    }
}

// The totals of four sums, without a way through memory for each.
template <class T>
[[gnu::always_inline]] inline Four<T> totals(const LaneSum<T> (&sums)[4]) {
    const Four<T> a = quarter(sums[0]), b = quarter(sums[1]), c = quarter(sums[2]), d = quarter(sums[3]);
    const Four<T> ab = shuffle<T, 0, 4, 1, 5>(a, b) + shuffle<T, 2, 6, 3, 7>(a, b);
    const Four<T> cd = shuffle<T, 0, 4, 1, 5>(c, d) + shuffle<T, 2, 6, 3, 7>(c, d);
    return shuffle<T, 0, 1, 4, 5>(ab, cd) + shuffle<T, 2, 3, 6, 7>(ab, cd);
}

// Four rows of four become four rows of their columns.
template <class T>
inline void transpose_four(const T* from, int64_t row, T* to, int64_t to_row) {
    Four<T> rows[4];
    for (int k = 0; k < 4; k++) __builtin_memcpy(&rows[k], from + k * row, sizeof rows[k]);
    const Four<T> low[] = {shuffle<T, 0, 4, 1, 5>(rows[0], rows[1]), shuffle<T, 0, 4, 1, 5>(rows[2], rows[3])};
    const Four<T> high[] = {shuffle<T, 2, 6, 3, 7>(rows[0], rows[1]), shuffle<T, 2, 6, 3, 7>(rows[2], rows[3])};
    const Four<T> columns[] = {shuffle<T, 0, 1, 4, 5>(low[0], low[1]), shuffle<T, 2, 3, 6, 7>(low[0], low[1]),
                               shuffle<T, 0, 1, 4, 5>(high[0], high[1]), shuffle<T, 2, 3, 6, 7>(high[0], high[1])};
    for (int k = 0; k < 4; k++) __builtin_memcpy(to + k * to_row, &columns[k], sizeof columns[k]);
}

// `rows` rows become columns. Out of line: where sizes are known GCC warns of loops that do not run.
template <class T>
[[gnu::noinline]] void transpose(const T* from, int64_t row, int rows, int cols, T* to, int64_t to_row) {
    int r = 0;
    for (; r + 4 <= rows; r += 4) {
        int c = 0;
        for (; c + 4 <= cols; c += 4) transpose_four(from + r * row + c, row, to + c * to_row + r, to_row);
        for (; c < cols; c++)
            for (int k = r; k < r + 4; k++) to[c * to_row + k] = from[k * row + c];
    }
    for (; r < rows; r++)
        for (int c = 0; c < cols; c++) to[c * to_row + r] = from[r * row + c];
}

}  // namespace chainrule::CHAINRULE_ISA
