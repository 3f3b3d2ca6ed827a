// The layers but Dense, forward beside backward. An element-wise layer is its value at x, and dx from dy and a point: y
// where the kind is `by_output`, else x.
#pragma once

#include "math.hpp"
#include "philox.hpp"
#include "program.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
struct ReLU {
    static Vec<T> value(Vec<T> x, T) { return Vec<T>{} > x ? Vec<T>{} : x; }  // NaN stays
    static Vec<T> backward(Vec<T> dy, Vec<T> y, T) { return y > Vec<T>{} ? dy : Vec<T>{}; }
};

template <class T>
struct LeakyReLU {
    static Vec<T> value(Vec<T> x, T slope) { return x > Vec<T>{} ? x : fill(slope) * x; }
    static Vec<T> backward(Vec<T> dy, Vec<T> y, T slope) { return y > Vec<T>{} ? dy : fill(slope) * dy; }
};

template <class T>
struct ELU {
    static Vec<T> value(Vec<T> x, T alpha) {
        return x > Vec<T>{} ? x : fill(alpha) * expm1<T>(x > Vec<T>{} ? Vec<T>{} : x);
    }
    static Vec<T> backward(Vec<T> dy, Vec<T> y, T alpha) { return y > Vec<T>{} ? dy : dy * (y + fill(alpha)); }
};

template <class T>
struct SELU {
    static constexpr T alpha = 1.6732632423543772, scale = 1.0507009873554805;
    static Vec<T> value(Vec<T> x, T) { return fill(scale) * ELU<T>::value(x, alpha); }
    static Vec<T> backward(Vec<T> dy, Vec<T> y, T) {
        return dy * (y > Vec<T>{} ? fill(scale) : y + fill(scale * alpha));
    }
};

template <class T>
struct GELU {
    static Vec<T> phi(Vec<T> x) { return (fill(T(1)) + erf<T>(x * fill(T(0.7071067811865476)))) * fill(T(0.5)); }
    static Vec<T> value(Vec<T> x, T) { return x * phi(x); }
    static Vec<T> backward(Vec<T> dy, Vec<T> x, T) {
        const Vec<T> density = exp<T>(x * x * fill(T(-0.5))) * fill(T(0.3989422804014327));  // 1/√(2π)
        return dy * fma(x, density, phi(x));
    }
};

template <class T>
struct GELUTanh {
    static constexpr T root = 0.7978845608028654, cubic = 0.044715;  // √(2/π)
    static Vec<T> t(Vec<T> x) { return tanh<T>(fill(root) * x * fma(x * x, fill(cubic), fill(T(1)))); }
    static Vec<T> value(Vec<T> x, T) { return fill(T(0.5)) * x * (fill(T(1)) + t(x)); }
    static Vec<T> backward(Vec<T> dy, Vec<T> x, T) {
        const Vec<T> th = t(x), du = fill(root) * fma(x * x, fill(3 * cubic), fill(T(1)));
        return dy * fill(T(0.5)) * fma(x * (fill(T(1)) - th * th), du, fill(T(1)) + th);
    }
};

template <class T>
struct SiLU {
    static Vec<T> value(Vec<T> x, T) { return x * sigmoid<T>(x); }
    static Vec<T> backward(Vec<T> dy, Vec<T> x, T) {
        const Vec<T> s = sigmoid<T>(x);
        return dy * fma(x * s, fill(T(1)) - s, s);
    }
};

template <class T>
struct Mish {
    static Vec<T> value(Vec<T> x, T) { return x * tanh<T>(softplus<T>(x)); }
    static Vec<T> backward(Vec<T> dy, Vec<T> x, T) {
        const Vec<T> t = tanh<T>(softplus<T>(x));
        return dy * fma(x * (fill(T(1)) - t * t), sigmoid<T>(x), t);
    }
};

template <class T>
struct Softplus {
    static Vec<T> value(Vec<T> x, T) { return softplus<T>(x); }
    static Vec<T> backward(Vec<T> dy, Vec<T> x, T) { return dy * sigmoid<T>(x); }
};

template <class T>
struct Tanh {
    static Vec<T> value(Vec<T> x, T) { return tanh<T>(x); }
    static Vec<T> backward(Vec<T> dy, Vec<T> y, T) { return dy * (fill(T(1)) - y * y); }
};

template <class T>
struct Sigmoid {
    static Vec<T> value(Vec<T> x, T) { return sigmoid<T>(x); }
    static Vec<T> backward(Vec<T> dy, Vec<T> y, T) { return dy * y * (fill(T(1)) - y); }
};

struct Identity {
    template <class V, class S>
    static V value(V x, S) { return x; }
    template <class V, class S>
    static V backward(V dy, V, S) { return dy; }
};

// Calls use(activation); the one place that knows which structure belongs to which kind.
template <class T, class Use>
inline void with_activation(Kind kind, Use use) {
    switch (kind) {
        case Kind::relu: return use(ReLU<T>());
        case Kind::leaky_relu: return use(LeakyReLU<T>());
        case Kind::elu: return use(ELU<T>());
        case Kind::selu: return use(SELU<T>());
        case Kind::gelu: return use(GELU<T>());
        case Kind::gelu_tanh: return use(GELUTanh<T>());
        case Kind::silu: return use(SiLU<T>());
        case Kind::mish: return use(Mish<T>());
        case Kind::softplus: return use(Softplus<T>());
        case Kind::tanh: return use(Tanh<T>());
        case Kind::sigmoid: return use(Sigmoid<T>());
        default: return use(Identity());
    }
}

template <class T>
void elementwise_forward(const Layer<T>& l, int lo, int hi) {
    with_activation<T>(l.kind, [&](auto f) {
        for (int64_t at = lo * l.ldx; at < hi * l.ldx; at += VL<T>) store(l.y + at, f.value(load(l.x + at), l.setting));
    });
}

template <class T>
void elementwise_backward(const Layer<T>& l, int lo, int hi) {
    const T* point = by_output(l.kind) ? l.y : l.x;
    with_activation<T>(l.kind, [&](auto f) {
        for (int64_t at = lo * l.ldx; at < hi * l.ldx; at += VL<T>)
            store(l.dx + at, f.backward(load(l.dy + at), load(point + at), l.setting));
    });
}

template <class T>
void dropout_mask(const Layer<T>& l, const Batch<T>& batch, int lo, int hi) {
    const auto threshold = uint32_t(l.setting);
    const T kept = T(65536.0 / (65536 - threshold));
    Philox stream(batch.seed, uint64_t(l.index), 0, batch.step);
    for (int row = lo; row < hi; row++) {
        const uint64_t begin = uint64_t(batch.first_row + row) * l.n_in;
        for (int column = 0; column < l.n_in; column++)
            l.memory[row * l.ldx + column] = stream.bits16(begin + column) < threshold ? T(0) : kept;
    }
}

template <class T>
void dropout_forward(const Layer<T>& l, int lo, int hi) {
    for (int64_t at = lo * l.ldx; at < hi * l.ldx; at += VL<T>) store(l.y + at, load(l.x + at) * load(l.memory + at));
}

template <class T>
void dropout_backward(const Layer<T>& l, int lo, int hi) {
    for (int64_t at = lo * l.ldx; at < hi * l.ldx; at += VL<T>) store(l.dx + at, load(l.dy + at) * load(l.memory + at));
}

// Columns c and following of a row, 0 beyond its width.
template <class T>
inline Vec<T> entries(const T* row, int c, int width) {
    const Vec<T> v = load(row + c);
    return c + VL<T> <= width ? v : first<T>(width - c) ? v : Vec<T>{};
}

template <class T>
inline T highest(const T* row, int width) {
    Vec<T> most = fill(row[0]);
    for (int c = 0; c < width; c += VL<T>) {
        const Vec<T> v = load(row + c), some = c + VL<T> <= width ? v : first<T>(width - c) ? v : most;
        most = some > most ? some : most;
    }
    alignas(64) T lanes[VL<T>];
    store(lanes, most);
    return fold<T, VL<T>>(lanes, [](auto low, auto high) { return low > high ? low : high; });
}

template <class T>
void layer_norm_forward(const Layer<T>& l, const T* params, int lo, int hi) {
    const T *gamma = params + l.matrix, *beta = params + l.vector;
    const int width = l.n_in;
    for (int row = lo; row < hi; row++) {
        const T* x = l.x + row * l.ldx;
        T *xhat = l.memory + row * l.ldx, *y = l.y + row * l.ldy;
        LaneSum<T> sum, squares;
        for (int c = 0; c < width; c += VL<T>) sum.add(c, entries(x, c, width));
        const Vec<T> mean = fill(sum.total() / T(width));
        for (int c = 0; c < width; c += VL<T>) {
            Vec<T> centred = load(x + c) - mean;
            if (c + VL<T> > width) centred = first<T>(width - c) ? centred : Vec<T>{};
            store(xhat + c, centred);
            squares.add(c, centred * centred);
        }
        const Vec<T> rstd = fill(T(1)) / sqrt(fill(squares.total() / T(width) + l.setting));
        l.scale[row] = rstd[0];
        for (int c = 0; c < width; c += VL<T>) {
            const int n = min(VL<T>, width - c);
            const Vec<T> h = load(xhat + c) * rstd;
            store(xhat + c, h);
            store(y + c, fma(h, load_some(gamma + c, n), load_some(beta + c, n)));
        }
    }
}

template <class T>
void layer_norm_backward(const Layer<T>& l, const T* params, int lo, int hi) {
    const T* gamma = params + l.matrix;
    const int width = l.n_in;
    for (int row = lo; row < hi; row++) {
        const T *xhat = l.memory + row * l.ldx, *dy = l.dy + row * l.ldy;
        T* dx = l.dx + row * l.ldx;
        LaneSum<T> sum, along;
        for (int c = 0; c < width; c += VL<T>) {
            const Vec<T> dxhat = entries(dy, c, width) * load_some(gamma + c, min(VL<T>, width - c));
            sum.add(c, dxhat);
            along.add(c, dxhat * load(xhat + c));
            store(dx + c, dxhat);
        }
        const Vec<T> mean = fill(sum.total() / T(width)), slope = fill(along.total() / T(width));
        for (int c = 0; c < width; c += VL<T>)
            store(dx + c, fill(l.scale[row]) * (load(dx + c) - fma(load(xhat + c), slope, mean)));
    }
}

template <class T>
void softmax_forward(const Layer<T>& l, int lo, int hi) {
    const int width = l.n_in;
    for (int row = lo; row < hi; row++) {
        const T* x = l.x + row * l.ldx;
        T *y = l.y + row * l.ldy, most = highest(x, width);
        LaneSum<T> sum;
        for (int c = 0; c < width; c += VL<T>) {
            const Vec<T> e = exp<T>(load(x + c) - fill(most));
            store(y + c, e);
            sum.add(c, entries(y, c, width));
        }
        const Vec<T> total = fill(sum.total());
        for (int c = 0; c < width; c += VL<T>) store(y + c, load(y + c) / total);
    }
}

template <class T>
void softmax_backward(const Layer<T>& l, int lo, int hi) {
    const int width = l.n_in;
    for (int row = lo; row < hi; row++) {
        const T *y = l.y + row * l.ldy, *dy = l.dy + row * l.ldy;
        T* dx = l.dx + row * l.ldx;
        LaneSum<T> sum;
        for (int c = 0; c < width; c += VL<T>) sum.add(c, entries(dy, c, width) * entries(y, c, width));
        const Vec<T> mean = fill(sum.total());
        for (int c = 0; c < width; c += VL<T>) store(dx + c, load(y + c) * (load(dy + c) - mean));
    }
}

}  // namespace chainrule::CHAINRULE_ISA
