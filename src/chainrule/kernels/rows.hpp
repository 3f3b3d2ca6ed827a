// The first phase of a step: a slice of the batch through all layers forward, the loss, and back to every layer's dz. And
// outputs alone, for predictions.
#pragma once

#include "layers.hpp"
#include "losses.hpp"
#include "product.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T, class From>
inline void convert_row(const From* from, T scale, T shift, int width, T* row) {
    for (int c = 0; c < width; c++) row[c] = T(from[c]) * scale + shift;
}

template <class T, class From>
inline void load_row(const Source& X, int64_t from, int width, T* row) {
    const From* values = static_cast<const From*>(X.values);
    if (X.starts) {
        __builtin_memset(row, 0, width * sizeof(T));
        for (int64_t at = X.starts[from]; at < X.starts[from + 1]; at++) row[X.columns[at]] += T(values[at]);
    } else if (sizeof(From) == sizeof(T) && X.scale == 1 && X.shift == 0) {
        __builtin_memcpy(row, values + from * X.stride, width * sizeof(T));
    } else {
        convert_row(values + from * X.stride, T(X.scale), T(X.shift), width, row);
    }
}

// The n rows that `order` names, one below the other in `input`.
template <class T>
void gather(const Layer<T>& l, const Source& X, const int64_t* order, int n, T* input) {
    for (int i = 0; i < n; i++) {
        T* row = input + i * l.ldx;
        switch (X.number) {
            case Number::f32: load_row<T, float>(X, order[i], l.n_in, row); break;
            case Number::f64: load_row<T, double>(X, order[i], l.n_in, row); break;
            case Number::u8: load_row<T, uint8_t>(X, order[i], l.n_in, row); break;
        }
    }
}

// use(sums, a, b) for a column of vectors in a tile and what belongs to it in two arrays. All of it in registers: a store
// may change whatever is in memory, for all the compiler knows.
template <class T, class A, class B, class Use>
inline void each_row(int rows, const T* tile, int64_t ld, A* a, B* b, Use use) {
    for (int r = 0; r < rows; r++, tile += TILE_COLS<T>, a += ld, b += ld) use(tile, a, b);
}

// y = x·W + b, and the activation that follows, tile by tile.
template <class T>
void dense_forward(const Layer<T>& l, const Layer<T>* next, const T* params, int lo, int hi, Scratch<T> scratch) {
    const T *W = params + l.matrix, *b = params + l.vector;
    T *z = l.y + lo * l.ldy, *y = next ? next->y + lo * l.ldy : z;
    with_activation<T>(next ? next->kind : Kind::dense, [&](auto f) {
        const T setting = next ? next->setting : T(0);
        const bool keep = next && !by_output(next->kind);
        const Right<T> right = l.panels ? in_panels(l.panels, l.n_in) : in_rows(W, l.n_out, l.n_out);
        product<T>(hi - lo, l.n_out, l.n_in, {l.x + lo * l.ldx, l.ldx, 1}, right, {z, l.ldy}, scratch,
                   [&](const T* tile, int i, int j, int rows, int cols) {
                       const int64_t ld = l.ldy, at = i * ld + j;
                       for (int v = 0; v < cols; v += VL<T>) {
                           const Vec<T> bias = load_some(b + j + v, min(VL<T>, cols - v));
                           each_row(rows, tile + v, ld, z + at + v, y + at + v, [=](const T* sums, T* z, T* y) {
                               const Vec<T> sum = load(sums) + bias;
                               if (keep) store(z, sum);
                               store(y, f.value(sum, setting));
                           });
                       }
                   });
    });
}

// dx = dy·Wᵀ, and the derivative of the activation before, tile by tile.
template <class T>
void dense_backward(const Layer<T>& l, const Layer<T>* before, int lo, int hi, Scratch<T> scratch) {
    T* dx = (before ? before->dx : l.dx) + lo * l.ldx;
    const T* point = before ? (by_output(before->kind) ? before->y : before->x) + lo * l.ldx : dx;
    with_activation<T>(before ? before->kind : Kind::dense, [&](auto f) {
        const T setting = before ? before->setting : T(0);
        product<T>(hi - lo, l.n_in, l.n_out, {l.dy + lo * l.ldy, l.ldy, 1}, in_panels(l.transposed, l.n_out),
                   {dx, l.ldx}, scratch, [&](const T* tile, int i, int j, int rows, int cols) {
                       const int64_t ld = l.ldx, at = i * ld + j;
                       for (int v = 0; v < cols; v += VL<T>)
                           each_row(rows, tile + v, ld, dx + at + v, point + at + v, [=](const T* sums, T* dx, const T* point) {
                               store(dx, f.backward(load(sums), load(point), setting));
                           });
                   });
    });
}

template <class T>
void forward(const Program<T>& p, const Batch<T>* batch, const T* params, int lo, int hi, Scratch<T> scratch) {
    for (int i = 0; i < p.n_layers; i++) {
        const Layer<T>& l = p.layers[i];
        switch (l.kind) {
            case Kind::dense: {
                const bool fused = i + 1 < p.n_layers && elementwise(p.layers[i + 1].kind);
                dense_forward(l, fused ? &p.layers[i + 1] : nullptr, params, lo, hi, scratch);
                i += fused;
                break;
            }
            case Kind::dropout:
                if (batch) dropout_mask(l, *batch, lo, hi);
                dropout_forward(l, lo, hi);
                break;
            case Kind::layer_norm: layer_norm_forward(l, params, lo, hi); break;
            case Kind::softmax: softmax_forward(l, lo, hi); break;
            default: elementwise_forward(l, lo, hi);
        }
    }
}

template <class T>
void backward(const Program<T>& p, const T* params, int lo, int hi, Scratch<T> scratch) {
    for (int i = p.n_layers - 1; i >= 0 && p.layers[i].dx; i--) {
        const Layer<T>& l = p.layers[i];
        switch (l.kind) {
            case Kind::dense: {
                const bool fused = i > 0 && elementwise(p.layers[i - 1].kind) && p.layers[i - 1].dx;
                dense_backward(l, fused ? &p.layers[i - 1] : nullptr, lo, hi, scratch);
                i -= fused;
                break;
            }
            case Kind::dropout: dropout_backward(l, lo, hi); break;
            case Kind::layer_norm: layer_norm_backward(l, params, lo, hi); break;
            case Kind::softmax: softmax_backward(l, lo, hi); break;
            default: elementwise_backward(l, lo, hi);
        }
    }
}

template <class T>
void copy_to_panels(const Layer<T>& l, int lo, int hi) {
    for (int row = lo; row < hi; row++)
        for (int j = 0; j < l.n_out; j += VL<T>)
            store(l.dy_panels + in_panel<T>(l.most_rows, row, j), load(l.dy + row * l.ldy + j));
}

template <class T>
void rows(const Program<T>& p, const Batch<T>& batch, const T* params, int lo, int hi, Scratch<T> scratch) {
    const Layer<T>& last = p.layers[p.n_layers - 1];
    for (int from = lo; from < hi; from += ROWS) {
        const int to = min(hi, from + ROWS);
        gather(p.layers[0], batch.X, batch.order + from, to - from, p.input + from * p.layers[0].ldx);
        forward(p, &batch, params, from, to, scratch);
        loss_rows(p.loss, batch, Outputs<T>{last.y, last.dy, last.ldy, last.n_out}, from, to);
        backward(p, params, from, to, scratch);
        for (int i = 0; i < p.n_layers; i++)
            if (p.layers[i].dy_panels) copy_to_panels(p.layers[i], from, to);
    }
}

// Outputs of rows lo to hi of the caller's, by way of the thread's own rows at `place`.
template <class T>
void infer(const Program<T>& p, const Batch<T>& batch, const T* params, int place, int64_t lo, int64_t hi, T* out,
           Scratch<T> scratch) {
    const Layer<T>& last = p.layers[p.n_layers - 1];
    for (int64_t from = lo; from < hi; from += ROWS) {
        const int n = int(hi - from < ROWS ? hi - from : ROWS);
        int64_t order[ROWS];
        for (int i = 0; i < n; i++) order[i] = from + i;
        gather(p.layers[0], batch.X, order, n, p.input + place * p.layers[0].ldx);
        forward<T>(p, nullptr, params, place, place + n, scratch);
        for (int i = 0; i < n; i++)
            __builtin_memcpy(out + (from + i) * last.n_out, last.y + (place + i) * last.ldy,
                             last.n_out * sizeof(T));
    }
}

}  // namespace chainrule::CHAINRULE_ISA
