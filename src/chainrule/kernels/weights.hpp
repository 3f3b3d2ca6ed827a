// The second phase of a step, behind a barrier: a slice of one layer's weights, each summed over the whole batch and updated
// at once.
#pragma once

#include "layers.hpp"
#include "optimizers.hpp"
#include "product.hpp"

namespace chainrule::CHAINRULE_ISA {

// Whether nothing but the rule's step is to be done, on matrices too.
template <class T>
inline bool is_bare(const Update<T>& u) { return !u.grads && u.l2 == 0 && u.l1 == 0 && u.keep == 1; }

// What a finished sum over the batch becomes: part of the gradient asked for, or a step at once. Returns the parameter.
// BARE: is_bare is known to hold, so that nothing has to be asked for each vector.
template <bool BARE = false, class T, class Step>
inline Vec<T> finish_gradient(const Update<T>& u, Vec<T> g, int64_t at, int n, bool matrix, Step step) {
    Vec<T> p = load_some(u.params + at, n);
    if constexpr (!BARE) {
        if (matrix && u.l2 != 0) g = fma(fill(u.l2), p, g);
        if (matrix && u.l1 != 0) g += p > Vec<T>{} ? fill(u.l1) : p < Vec<T>{} ? fill(-u.l1) : Vec<T>{};
        if (u.grads) {
            store_some(u.grads + at, u.add ? load_some(u.grads + at, n) + g : g, n);
            return p;
        }
        if (matrix && u.keep != 1) p *= fill(u.keep);
    }
    p = step.step(u, p, g, at, n);
    store_some(u.params + at, p, n);
    return p;
}

// Copies a block of W, rows i and following, columns j and following of one panel, to where products read it.
template <class T>
inline void mirror(const Layer<T>& l, const T* block, int64_t row, int i, int j, int rows, int cols) {
    constexpr int C = TILE_COLS<T>;
    if (l.panels)
        for (int r = 0; r < rows; r++) {
            T* to = l.panels + in_panel<T>(l.n_in, i + r, j);
            for (int v = 0; v < cols; v += VL<T>)
                store_some(to + v, load_some(block + r * row + v, min(VL<T>, cols - v)), min(VL<T>, cols - v));
        }
    if (!l.transposed) return;
    for (int r = 0, n; r < rows; r += n) {
        n = min(rows - r, C - (i + r) % C);
        transpose(block + r * row, row, n, cols, l.transposed + in_panel<T>(l.n_out, j, i + r), C);
    }
}

// Column sums of `value(row, column)` over the batch, in runs of rows that are then added: what is summed one by one loses
// a rounding each time.
template <class T, class Value, class Finish>
inline void column_sums(int n_rows, int width, Value value, Finish finish) {
    constexpr int MANY = 4, RUN = 32;
    for (int j = 0; j < width; j += MANY * VL<T>) {
        Vec<T> total[MANY] = {};
        const int vectors = min(MANY, (width - j + VL<T> - 1) / VL<T>);
        for (int first = 0; first < n_rows; first += RUN) {
            Vec<T> sum[MANY] = {};
            const int end = min(n_rows, first + RUN);
            if (vectors == MANY)
                for (int row = first; row < end; row++)
#pragma GCC unroll 4
                    for (int v = 0; v < MANY; v++) sum[v] += value(row, j + v * VL<T>);
            else
                for (int row = first; row < end; row++)
                    for (int v = 0; v < vectors; v++) sum[v] += value(row, j + v * VL<T>);
            for (int v = 0; v < vectors; v++) total[v] += sum[v];
        }
        for (int v = 0; v < vectors; v++) finish(total[v], j + v * VL<T>, min(VL<T>, width - j - v * VL<T>));
    }
}

template <bool BARE, class T, class Step>
inline void finish_rows(const Layer<T>& l, const Update<T>& u, T* tile, int i, int j, int rows, int cols, Step step) {
    const bool mirrored = l.panels || l.transposed;
    const int64_t start = l.matrix + int64_t(i) * l.n_out + j, width = l.n_out;
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < cols; v += VL<T>) {
            T* place = tile + r * TILE_COLS<T> + v;
            const Vec<T> p = finish_gradient<BARE>(u, load(place), start + r * width + v, min(VL<T>, cols - v), true, step);
            if (mirrored) store(place, p);
        }
}

// What becomes of the sums over the batch for rows i to i + rows of W, columns j to j + cols.
template <class T, class Step>
inline void finish_tile(const Layer<T>& l, const Update<T>& u, T* tile, int i, int j, int rows, int cols, Step step) {
    if (!is_bare(u)) finish_rows<false>(l, u, tile, i, j, rows, cols, step);
    else if (cols == TILE_COLS<T>) finish_rows<true>(l, u, tile, i, j, rows, TILE_COLS<T>, step);  // whole vectors
    else finish_rows<true>(l, u, tile, i, j, rows, cols, step);
    if (!u.grads) mirror(l, tile, TILE_COLS<T>, i, j, rows, cols);
}

// The same from the transposed product, outputs j to j + rows and inputs i to i + cols: what a layer of few outputs fills
// vectors with. All its outputs are in the tile, so that rows of W follow each other without a gap.
template <class T, class Step>
inline void finish_narrow(const Layer<T>& l, const Update<T>& u, const T* tile, int i, int rows, int cols, Step step) {
    alignas(64) T flat[TILE_ROWS * TILE_COLS<T> + LANES];
    transpose(tile, TILE_COLS<T>, rows, cols, flat, rows);
    for (int v = 0; v < rows * cols; v += VL<T>) {
        const int64_t at = l.matrix + int64_t(i) * rows + v;
        store(flat + v, finish_gradient(u, load(flat + v), at, min(VL<T>, rows * cols - v), true, step));
    }
    if (!l.transposed || u.grads) return;
    for (int c = 0, n; c < cols; c += n) {
        n = min(cols - c, TILE_COLS<T> - (i + c) % TILE_COLS<T>);
        transpose(flat + c * rows, rows, n, rows, l.transposed + in_panel<T>(l.n_out, 0, i + c), TILE_COLS<T>);
    }
}

// With each tile some lines, so that they come while others are computed with.
inline void fetch(Ahead& a) {
    for (int line = 0; line < 32 && a.row < a.n; line++) {
        __builtin_prefetch(a.values + a.order[a.row] * a.stride + a.at, 0, 2);
        a.at += LINE;
        if (a.at >= a.width) a.at = 0, a.row++;
    }
}

// Rows lo to hi of a layer's weights (b is row n_in of W; LayerNorm's gamma and beta are one row).
template <class T>
void weights(const Layer<T>& l, const Update<T>& given, int n_rows, int lo, int hi, Scratch<T> scratch) {
    const Update<T> u = given;  // a copy that no store can change
    with_rule<T>(u, [&](auto step) {
        const auto dy = [&](int row, int j) { return load(l.dy + row * l.ldy + j); };
        const auto vector = [&](int64_t start) {
            return [&, start](Vec<T> g, int j, int n) { finish_gradient(u, g, start + j, n, false, step); };
        };
        if (l.kind == Kind::layer_norm) {
            column_sums<T>(n_rows, l.n_in, dy, vector(l.vector));
            column_sums<T>(
                n_rows, l.n_in, [&](int row, int j) { return dy(row, j) * load(l.memory + row * l.ldx + j); },
                vector(l.matrix));
            return;
        }
        const int end = min(hi, l.n_in), width = l.n_out;
        T* carry = u.carry ? u.carry + l.matrix + int64_t(lo) * width : nullptr;
        const Left<T> dyT{l.dy, 1, l.ldy}, xT{l.x + lo, 1, l.ldx};
        const Right<T> dy_right = l.dy_panels ? in_panels(l.dy_panels, l.most_rows) : in_rows(l.dy, l.ldy, int(l.ldy));
        if (lo < end && width <= TILE_ROWS && width < VL<T>)
            product<T>(width, end - lo, n_rows, dyT, in_rows(l.x + lo, l.ldx, int(l.ldx) - lo), {carry, end - lo}, scratch,
                       [&](T* tile, int, int i, int rows, int cols) {
                           finish_narrow(l, u, tile, lo + i, rows, cols, step);
                           if (scratch.ahead) fetch(*scratch.ahead);
                       });
        else if (lo < end)
            product<T>(end - lo, width, n_rows, xT, dy_right, {carry, width}, scratch,
                       [&](T* tile, int i, int j, int rows, int cols) {
                           finish_tile(l, u, tile, lo + i, j, rows, cols, step);
                           if (scratch.ahead) fetch(*scratch.ahead);
                       });
        if (hi > l.n_in) column_sums<T>(n_rows, width, dy, vector(l.vector));
    });
}

template <class T>
void mirrors(const Layer<T>& l, const T* params, int lo, int hi) {
    if (!l.panels && !l.transposed) return;
    constexpr int C = TILE_COLS<T>;
    for (int i = lo, end = min(hi, l.n_in); i < end; i += TILE_ROWS)
        for (int j = 0; j < l.n_out; j += C)
            mirror(l, params + l.matrix + int64_t(i) * l.n_out + j, l.n_out, i, j, min(TILE_ROWS, end - i), min(C, l.n_out - j));
}

// What becomes of the same rows when their sums are made already: gradient(at, n) loads n of them.
template <class T, class Gradient>
inline void finish(const Layer<T>& l, const Update<T>& u, int lo, int hi, Gradient gradient) {
    with_rule<T>(u, [&](auto step) {
        const auto range = [&](int64_t start, int64_t stop, bool matrix) {
            for (int64_t at = start; at < stop; at += VL<T>) {
                const int n = stop - at < VL<T> ? int(stop - at) : VL<T>;
                finish_gradient(u, gradient(at, n), at, n, matrix, step);
            }
        };
        if (l.kind == Kind::layer_norm) {
            range(l.matrix, l.matrix + l.n_in, false);
            range(l.vector, l.vector + l.n_in, false);
            return;
        }
        range(l.matrix + int64_t(lo) * l.n_out, l.matrix + int64_t(min(hi, l.n_in)) * l.n_out, true);
        if (hi > l.n_in) range(l.vector, l.vector + l.n_out, false);
        if (!u.grads) mirrors(l, u.params, lo, hi);
    });
}

// The step from gradients that wait in u.grads, times `factor`: what clipping needs.
template <class T>
void apply(const Layer<T>& l, const Update<T>& waiting, T factor, int lo, int hi) {
    Update<T> u = waiting;
    const T* grads = u.grads;
    u.grads = nullptr;
    u.l2 = u.l1 = 0;  // already part of them
    finish(l, u, lo, hi, [=](int64_t at, int n) { return load_some(grads + at, n) * fill(factor); });
}

// The sums over rows first to first + n_rows of the batch alone, of all the layer's weights.
template <class T>
void shard(const Layer<T>& l, const Update<T>& sums, int first, int n_rows, Scratch<T> scratch) {
    Layer<T> own = l;
    own.x += first * l.ldx, own.dy += first * l.ldy;
    if (l.memory) own.memory += first * l.ldx;
    if (l.dy_panels) own.dy_panels += first * TILE_COLS<T>;
    weights(own, sums, n_rows, 0, l.n_in + 1, scratch);
}

// What `weights` makes of the sums over the batch, from those over its shards, `stride` apart.
template <class T>
void combine(const Layer<T>& l, const Update<T>& u, const T* shards, int n_shards, int64_t stride, int lo, int hi) {
    finish(l, u, lo, hi, [=](int64_t at, int n) {
        Vec<T> sum = load_some(shards + at, n);
        for (int p = 1; p < n_shards; p++) sum += load_some(shards + p * stride + at, n);
        return sum;
    });
}

template <class T>
double penalty(const T* p, int64_t n, T l2, T l1) {
    LaneSum<T> squares, sizes;
    for (int64_t at = 0; at < n; at += VL<T>) {
        const Vec<T> v = load_some(p + at, n - at < VL<T> ? int(n - at) : VL<T>);
        squares.add(int(at), v * v);
        sizes.add(int(at), absolute<T>(v));
    }
    return double(l2) / 2 * double(squares.total()) + double(l1) * double(sizes.total());
}

template <class T>
double squares(const T* p, int64_t n) {
    return penalty<T>(p, n, 2, 0);
}

template <class T>
bool finite(const T* p, int64_t n) {
    Int<T> wrong = {};
    for (int64_t at = 0; at < n; at += VL<T>) {
        const Vec<T> v = load_some(p + at, n - at < VL<T> ? int(n - at) : VL<T>);
        wrong |= v - v != Vec<T>{};  // NaN where v is infinite or NaN
    }
    for (int i = 0; i < VL<T>; i++)
        if (wrong[i]) return false;
    return true;
}

}  // namespace chainrule::CHAINRULE_ISA
