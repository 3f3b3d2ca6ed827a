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

// The padding behind a row is written too, so that one of few numbers is a single store.
template <class T>
inline void copy_row(const T* from, int width, T* row) {
    int c = 0;
    for (; c + VL<T> <= width; c += VL<T>) store(row + c, load(from + c));
    if (c < width) store(row + c, load_some(from + c, width - c));
}

// X is a copy, and what finishes a vector below has copies of all it takes: a store may change whatever is in memory, for
// all the compiler knows.
template <class T, class From>
inline void gather_from(const Source X, const int64_t* order, int n, int width, T* input, int64_t ld) {
    const From* values = static_cast<const From*>(X.values);
    const bool as_it_is = sizeof(From) == sizeof(T) && X.scale == 1 && X.shift == 0;
    for (int i = 0; i < n; i++, input += ld) {
        if (X.starts) {
            __builtin_memset(input, 0, width * sizeof(T));
            for (int64_t at = X.starts[order[i]]; at < X.starts[order[i] + 1]; at++) input[X.columns[at]] += T(values[at]);
        } else if (as_it_is) {
            copy_row(reinterpret_cast<const T*>(values + order[i] * X.stride), width, input);
        } else {
            convert_row(values + order[i] * X.stride, T(X.scale), T(X.shift), width, input);
        }
    }
}

// The n rows that `order` names, one below the other in `input`.
template <class T>
void gather(const Layer<T>& l, const Source& X, const int64_t* order, int n, T* input) {
    switch (X.number) {
        case Number::f32: return gather_from<T, float>(X, order, n, l.n_in, input, l.ldx);
        case Number::f64: return gather_from<T, double>(X, order, n, l.n_in, input, l.ldx);
        case Number::u8: return gather_from<T, uint8_t>(X, order, n, l.n_in, input, l.ldx);
    }
}

// y = x·W + b, and the activation that follows, vector by vector.
template <class T>
void dense_forward(const Layer<T>& l, const Layer<T>* next, const T* params, int lo, int hi, Scratch<T> scratch) {
    const T *W = params + l.matrix, *b = params + l.vector;
    T *z = l.y + lo * l.ldy, *y = next ? next->y + lo * l.ldy : z;
    with_activation<T>(next ? next->kind : Kind::dense, [&](auto f) {
        const T setting = next ? next->setting : T(0);
        const bool keep = next && !by_output(next->kind);
        const int64_t ld = l.ldy;
        const auto bias = [=](int j, int n) { return load_some(b + j, n); };
        const auto finish = [=](Vec<T> product, Vec<T> own, int i, int j) __attribute__((always_inline)) {
            const Vec<T> sum = product + own;
            if (keep) store(z + i * ld + j, sum);
            store(y + i * ld + j, f.value(sum, setting));
        };
        const Left<T> left{l.x + lo * l.ldx, l.ldx, 1};
        const Right<T> right = l.panels ? in_panels(l.panels, l.n_in) : in_rows(W, l.n_out, l.n_out);
        if (l.n_in <= SHALLOW) return shallow_product<T>(hi - lo, l.n_out, l.n_in, left, right, bias, finish);
        if (has_few_columns(l.n_out, l.n_in))
            return few_columns_product<T>(hi - lo, l.n_out, l.n_in, left, W, scratch.panel, bias, finish);
        product<T>(hi - lo, l.n_out, l.n_in, left, right, {z, ld}, scratch, [=](const T* tile, int i, int j, int rows, int cols) {
            each_vector(tile, i, j, rows, cols, bias, finish);
        });
    });
}

// dx = dy·Wᵀ, and the derivative of the activation before, vector by vector.
template <class T>
void dense_backward(const Layer<T>& l, const Layer<T>* before, int lo, int hi, Scratch<T> scratch) {
    T* dx = (before ? before->dx : l.dx) + lo * l.ldx;
    const T* point = before ? (by_output(before->kind) ? before->y : before->x) + lo * l.ldx : dx;
    with_activation<T>(before ? before->kind : Kind::dense, [&](auto f) {
        const T setting = before ? before->setting : T(0);
        const int64_t ld = l.ldx;
        const auto none = [](int, int) { return Vec<T>{}; };
        const auto finish = [=](Vec<T> sums, Vec<T>, int i, int j) __attribute__((always_inline)) {
            store(dx + i * ld + j, f.backward(sums, load(point + i * ld + j), setting));
        };
        const Left<T> left{l.dy + lo * l.ldy, l.ldy, 1};
        const Right<T> right = in_panels(l.transposed, l.n_out);
        if (l.n_out <= SHALLOW) return shallow_product<T>(hi - lo, l.n_in, l.n_out, left, right, none, finish);
        product<T>(hi - lo, l.n_in, l.n_out, left, right, {dx, ld}, scratch, [=](const T* tile, int i, int j, int rows, int cols) {
            each_vector(tile, i, j, rows, cols, none, finish);
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
