// The matrix product: tiles, most of them of TILE_ROWS × two vectors, that stay in registers over the whole sum. What
// happens to a finished tile (bias and activation, derivative, optimizer) is its caller's `finish`, while the tile is in the
// first cache.
//
// Every element is the sum of chains of fma over k in order, of at most CHAIN terms each, added up in runs of at most DEPTH;
// where there are few columns, of LANES chains, each of every LANES-th term. No matter how the tiles lie, how wide a vector is,
// or which thread comes by, the bits are the same.
#pragma once

#include "program.hpp"
#include "simd.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
constexpr int TILE_COLS = 2 * VL<T>;
static_assert(BYTES <= LINE);  // rows are whole lines, and so whole vectors

template <class T>
struct Left {  // element (i, k) of the left factor
    const T* at;
    int64_t row, k;
};

template <class T>
struct Right {  // element (k, j) of the right factor; `readable` columns may be loaded, the others do not exist
    const T* at;
    int64_t k, panel;  // from row to row, and from each TILE_COLS columns to the next
    int readable;

    bool lies_in_rows() const { return panel == TILE_COLS<T>; }
};

// A matrix in rows, and one in panels: TILE_COLS columns side by side, row after row, then the next.
template <class T>
inline Right<T> in_rows(const T* at, int64_t row, int readable) {
    return {at, row, TILE_COLS<T>, readable};
}
template <class T>
inline Right<T> in_panels(const T* at, int64_t height) {
    return {at, TILE_COLS<T>, height * TILE_COLS<T>, 1 << 30};
}
template <class T>
inline int64_t in_panel(int64_t height, int64_t k, int64_t j) {
    return (j / TILE_COLS<T> * height + k) * TILE_COLS<T> + j % TILE_COLS<T>;
}

template <class T>
struct Carry {  // where sums of earlier runs wait
    T* at;
    int64_t row;
};

// The left factor comes in registers: a structure would be read from memory that waits for the tile before.
template <class T, int M, int N, class V = Vec<T>>
void micro(int depth, const T* a, int64_t a_row, int64_t a_k, const T* b, int64_t b_k, T* tile) {
    constexpr int WIDTH = sizeof(V) / sizeof(T);
    const auto place = [=](int i, int column) {  // tiles side by side lie one after the other
        return tile + (column / TILE_COLS<T> * M + i) * TILE_COLS<T> + column % TILE_COLS<T>;
    };
    for (int first = 0, k = 0; first < depth; first += CHAIN) {
        const int end = min(depth, first + CHAIN);
        V sum[M][N] = {};
        for (; k < end; k++, b += b_k) {
            V right[N];
#pragma GCC unroll 16
            for (int j = 0; j < N; j++) __builtin_memcpy(&right[j], b + j * WIDTH, sizeof(V));
#pragma GCC unroll 24
            for (int i = 0; i < M; i++) {
                const V left = a[i * a_row + k * a_k] - V{};
#pragma GCC unroll 16
                for (int j = 0; j < N; j++) sum[i][j] = fma(left, right[j], sum[i][j]);
            }
        }
        if (first > 0) {
#pragma GCC unroll 24
            for (int i = 0; i < M; i++)
#pragma GCC unroll 16
                for (int j = 0; j < N; j++) {
                    V before;
                    __builtin_memcpy(&before, place(i, j * WIDTH), sizeof(V));
                    sum[i][j] += before;
                }
        }
#pragma GCC unroll 24
        for (int i = 0; i < M; i++)
#pragma GCC unroll 16
            for (int j = 0; j < N; j++) __builtin_memcpy(place(i, j * WIDTH), &sum[i][j], sizeof(V));
    }
    if constexpr (sizeof(V) < sizeof(Vec<T>))  // who finishes the tile loads whole vectors
        for (int i = 0; i < M; i++) __builtin_memset(tile + i * TILE_COLS<T> + WIDTH, 0, sizeof(V));
}

// A tile of at most TILE_ROWS rows, or of exactly TALL in one vector: as many chains at once as two vectors give.
constexpr int TALL = 2 * TILE_ROWS;

// Few rows of the left factor take more vectors at once, for the same reason: so many tiles of them lie side by side.
constexpr int FEW = 3;
template <int M>
constexpr int ABREAST = M == 1 ? 256 / BYTES : 4;
static_assert(FEW * ABREAST<FEW> <= 2 * TALL && ABREAST<1> <= 2 * TALL);  // fit into the room of a tile

template <class T, int M = TILE_ROWS>
[[gnu::always_inline]] inline void multiply(int rows, int cols, int depth, Left<T> a, const T* b, int64_t b_k, T* tile) {
    if constexpr (M > 0) {
        if (rows < M) return multiply<T, M - 1>(rows, cols, depth, a, b, b_k, tile);
        cols > VL<T> ? micro<T, M, 2>(depth, a.at, a.row, a.k, b, b_k, tile)
                     : micro<T, M, 1>(depth, a.at, a.row, a.k, b, b_k, tile);
    }
}

template <class T>
inline void multiply_tall(int cols, int depth, Left<T> a, const T* b, int64_t b_k, T* tile) {
    if (cols * int(sizeof(T)) > NARROW) micro<T, TALL, 1>(depth, a.at, a.row, a.k, b, b_k, tile);
    else micro<T, TALL, 1, typename Types<T>::Narrow>(depth, a.at, a.row, a.k, b, b_k, tile);
}

template <class T>
inline void few_rows(int rows, int depth, Left<T> a, const T* b, int64_t b_k, T* tile) {
    switch (rows) {
        case 1: return micro<T, 1, ABREAST<1>>(depth, a.at, a.row, a.k, b, b_k, tile);
        case 2: return micro<T, 2, ABREAST<2>>(depth, a.at, a.row, a.k, b, b_k, tile);
        default: return micro<T, FEW, ABREAST<FEW>>(depth, a.at, a.row, a.k, b, b_k, tile);
    }
}

// From how many rows of the left factor on it pays to pack columns of the right one first.
template <class T>
inline int packing_pays_from(Right<T> b, int K) {
    const int64_t row = b.k * int64_t(sizeof(T));
    if (!b.lies_in_rows() || !better_in_panels(row, K)) return 1 << 30;
    return (row > FAR ? 2 : 4) * TILE_ROWS;
}

// Whether it pays to pack a left factor whose rows are columns in memory: the lines that a tile reads do not stay in the first
// cache for the next tile, beside a panel of the right factor, and there are panels enough.
template <class T>
inline bool packing_left_pays(Left<T> a, int N, int depth) {
    return a.k > 1 && depth * (LINE + TILE_COLS<T> * int(sizeof(T))) >= L1 && N >= 128;
}

// Columns of the right factor, close together; those beyond `readable` are 0.
template <class T>
inline const T* pack_panel(const T* at, int64_t row, int readable, int vectors, int depth, T* panel) {
    for (int k = 0; k < depth; k++)
        for (int v = 0; v < vectors; v++) {
            const T* from = at + k * row + v * VL<T>;
            const int n = readable - v * VL<T>;
            store(panel + (k * vectors + v) * VL<T>, n >= VL<T> ? load(from) : load_some(from, n));
        }
    return panel;
}

// Rows of a left factor whose rows are columns in memory, in strips of TILE_ROWS.
template <class T>
inline void pack_block(Left<T> a, int rows, int depth, T* block) {
    for (int k = 0; k < depth; k++)
        for (int i = 0; i < rows; i += TILE_ROWS) {
            const T* from = a.at + k * a.k + i;
            T* to = block + (int64_t)i * depth + k * TILE_ROWS;
            if (rows - i >= TILE_ROWS) __builtin_memcpy(to, from, TILE_ROWS * sizeof(T));
            else for (int r = 0; r < rows - i; r++) to[r] = from[r];
        }
}

template <class T>
inline void carry_in(T* tile, Carry<T> c, int i, int j, int rows, int cols) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < cols; v += VL<T>) {
            const Vec<T> before = load_some(c.at + (i + r) * c.row + j + v, min(VL<T>, cols - v));
            store(tile + r * TILE_COLS<T> + v, before + load(tile + r * TILE_COLS<T> + v));
        }
}

template <class T>
inline void carry_out(const T* tile, Carry<T> c, int i, int j, int rows, int cols) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < cols; v += VL<T>)
            store_some(c.at + (i + r) * c.row + j + v, load(tile + r * TILE_COLS<T> + v), min(VL<T>, cols - v));
}

// What a tile of several runs meets at its end, so that it comes while the tile is computed.
template <class T>
inline void fetch_carry(Carry<T> c, int i, int j, int rows, int cols) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < cols; v += LINE / int(sizeof(T))) __builtin_prefetch(c.at + (i + r) * c.row + j + v, 1, 3);
}

// a (M, K) · b (K, N); finish(tile, i, j, rows, cols) gets each tile of the product once, with row stride TILE_COLS.
template <class T, class Finish>
void product(int M, int N, int K, Left<T> a, Right<T> b, Carry<T> carry, Scratch<T> scratch, Finish finish) {
    const int runs = (K + DEPTH - 1) / DEPTH, longest = (K + runs - 1) / runs;
    const bool pack_left = packing_left_pays(a, N, longest);
    const int pays_from = packing_pays_from(b, K);
    const int abreast = M > FEW || !b.lies_in_rows() ? 0 : (M == 1 ? ABREAST<1> : ABREAST<FEW>) * VL<T>;
    alignas(64) T tile[TALL * TILE_COLS<T>];
    for (int k0 = 0; k0 < K; k0 += longest) {
        const int depth = min(longest, K - k0);
        const auto finish_run = [&](T* sums, int i, int j, int rows, int cols) {
            if (k0 > 0) carry_in(sums, carry, i, j, rows, cols);
            if (k0 + depth < K) carry_out(sums, carry, i, j, rows, cols);
            else finish(sums, i, j, rows, cols);
        };
        for (int i0 = 0; i0 < M; i0 += BLOCK_M) {
            const int m = min(BLOCK_M, M - i0);
            const Left<T> block{a.at + i0 * a.row + k0 * a.k, a.row, a.k};
            if (pack_left) pack_block(block, m, depth, scratch.block);
            int j = 0;
            for (; abreast && N - j >= abreast; j += abreast) {
                few_rows<T>(M, depth, block, b.at + k0 * b.k + j, b.k, tile);
                for (int c = 0; c < abreast; c += TILE_COLS<T>) finish_run(tile + c * M, 0, j + c, M, TILE_COLS<T>);
            }
            for (; j < N; j += TILE_COLS<T>) {
                const int cols = min(TILE_COLS<T>, N - j), vectors = (cols + VL<T> - 1) / VL<T>;
                const T* right = b.at + k0 * b.k + j / TILE_COLS<T> * b.panel;
                int64_t right_k = b.k;
                if (m >= pays_from || j + vectors * VL<T> > b.readable) {
                    right = pack_panel(right, b.k, b.readable - j, vectors, depth, scratch.panel);
                    right_k = vectors * VL<T>;
                }
                for (int i = 0, rows; i < m; i += rows) {
                    rows = vectors == 1 && !pack_left && m - i >= TALL ? TALL : min(TILE_ROWS, m - i);
                    const Left<T> left = pack_left ? Left<T>{scratch.block + (int64_t)i * depth, 1, TILE_ROWS}
                                                   : Left<T>{block.at + i * block.row, block.row, block.k};
                    if (runs > 1) fetch_carry(carry, i0 + i, j, rows, cols);
                    if (rows == TALL) multiply_tall(cols, depth, left, right, right_k, tile);
                    else multiply(rows, cols, depth, left, right, right_k, tile);
                    finish_run(tile, i0 + i, j, rows, cols);
                }
            }
        }
    }
}

// use(sums, own, i, j) for each vector of a finished tile, where own(j, n) is what its columns have of their own.
template <class T, class Own, class Use>
inline void each_vector(const T* tile, int i, int j, int rows, int cols, Own own, Use use) {
    for (int v = 0; v < cols; v += VL<T>) {
        const Vec<T> columns = own(j + v, min(VL<T>, cols - v));
        for (int r = 0; r < rows; r++) use(load(tile + r * TILE_COLS<T> + v), columns, i + r, j + v);
    }
}

constexpr int SHALLOW = 4;  // terms of a sum that are too few for a tile

// The same product for K of at most SHALLOW: each vector stays in registers until use(sums, own, i, j) has it.
template <class T, int K = SHALLOW, class Own, class Use>
inline void shallow_product(int M, int N, int depth, Left<T> a, Right<T> b, Own own, Use use) {
    if constexpr (K > 0) {
        if (depth < K) return shallow_product<T, K - 1>(M, N, depth, a, b, own, use);
        for (int j = 0; j < N; j += TILE_COLS<T>) {
            const T* panel = b.at + j / TILE_COLS<T> * b.panel;
            Vec<T> right[2][K], columns[2];
            int vectors = 0;
            for (; vectors < 2 && j + vectors * VL<T> < N; vectors++) {
                const int at = vectors * VL<T>;
                columns[vectors] = own(j + at, min(VL<T>, N - j - at));
                for (int k = 0; k < K; k++) right[vectors][k] = load_some(panel + k * b.k + at, min(VL<T>, b.readable - j - at));
            }
            for (int i = 0; i < M; i++) {
                Vec<T> left[K];
                for (int k = 0; k < K; k++) left[k] = fill(a.at[i * a.row + k * a.k]);
                for (int v = 0; v < vectors; v++) {
                    Vec<T> sum = {};
                    for (int k = 0; k < K; k++) sum = fma(left[k], right[v][k], sum);
                    use(sum, columns[v], i, j + v * VL<T>);
                }
            }
        }
    }
}

// Few columns would leave most of a vector empty: there the terms of a sum lie side by side, and are added as LaneSum adds.
constexpr int FEW_COLUMNS = 4, MOST_TERMS = 2048;

inline bool has_few_columns(int N, int K) { return N <= FEW_COLUMNS && K <= MOST_TERMS; }

// sums[i * WIDTH + c] = sum of a(i, k) * column c(k). Columns lie `height` apart, with 0 behind their K terms up to whole LANES;
// those from N on give 0.
template <class T, int WIDTH, int N = FEW_COLUMNS>
void few_columns_rows(int rows, int columns, int K, Left<T> a, const T* b, int64_t height, T* sums) {
    if constexpr (N > 1)
        if (columns < N) return few_columns_rows<T, WIDTH, N - 1>(rows, columns, K, a, b, height, sums);
    for (int i = 0; i < rows; i++) {
        const T* row = a.at + i * a.row;
        LaneSum<T> sum[FEW_COLUMNS];
        const auto add = [&](int k, int p, Vec<T> left) __attribute__((always_inline)) {
#pragma GCC unroll 4
            for (int c = 0; c < N; c++) sum[c].part[p] = fma(left, load(b + c * height + k), sum[c].part[p]);
        };
        int k = 0;
        for (; k + LANES <= K; k += LANES)
#pragma GCC unroll 8
            for (int p = 0; p < LANES / VL<T>; p++) add(k + p * VL<T>, p, load(row + k + p * VL<T>));
        if (k < K)
#pragma GCC unroll 8
            for (int p = 0; p < LANES / VL<T>; p++)
                if (const int at = k + p * VL<T>; at < K) add(at, p, load_some(row + at, min(VL<T>, K - at)));
        const Four<T> four = totals(sum) + Four<T>{};  // never -0: which empty lanes met 0 depends on a vector's width
        __builtin_memcpy(sums + i * WIDTH, &four, sizeof four);
    }
}

// The product of a (M, K), in rows, and b (K, N) where has_few_columns; use(sums, own, i, j) as in shallow_product.
template <class T, class Own, class Use>
inline void few_columns_product(int M, int N, int K, Left<T> a, const T* b, T* room, Own own, Use use) {
    constexpr int AT_ONCE = 8;  // rows: a sum is read when it has long been written
    constexpr int WIDTH = VL<T> > FEW_COLUMNS ? VL<T> : FEW_COLUMNS;
    static_assert(MOST_TERMS % LANES == 0 && FEW_COLUMNS * MOST_TERMS * int(sizeof(T)) <= PANEL);
    const int64_t height = (K + LANES - 1) / LANES * LANES;
    transpose(b, N, K, N, room, height);
    for (int c = 0; c < N; c++)
        for (int k = K; k < height; k++) room[c * height + k] = 0;
    alignas(64) T sums[AT_ONCE * WIDTH] = {};
    for (int i = 0; i < M; i += AT_ONCE) {
        const int rows = min(AT_ONCE, M - i);
        few_columns_rows<T, WIDTH>(rows, N, K, {a.at + i * a.row, a.row, 1}, room, height, sums);
        for (int j = 0; j < N; j += VL<T>) {
            const Vec<T> columns = own(j, min(VL<T>, N - j));
            for (int r = 0; r < rows; r++) use(load(sums + r * WIDTH + j), columns, i + r, j);
        }
    }
}

}  // namespace chainrule::CHAINRULE_ISA
