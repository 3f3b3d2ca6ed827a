// Each row's loss in float64, its share of the score, and its gradient times weight/total.
#pragma once

#include "layers.hpp"
#include "program.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
struct Pair {
    Vec<T> value, gradient;
};

template <class T>
inline Pair<T> half_square(Vec<T> e, T) {
    return {fill(T(0.5)) * e * e, e};
}

template <class T>
inline Pair<T> huber(Vec<T> e, T delta) {
    const Vec<T> size = absolute<T>(e), near = size > fill(delta) ? fill(delta) : size;
    return {near * (size - fill(T(0.5)) * near), e < Vec<T>{} ? -near : near};
}

template <class T>
inline Pair<T> pinball(Vec<T> e, T below, T above) {  // e = z - t; below · -e where the output is too low
    const Vec<T> zero = {};
    return {e < zero ? fill(-below) * e : fill(above) * e, e < zero ? fill(-below) : e > zero ? fill(above) : e * zero};
}

// use(f, scale): f(z, t) is the loss of one output and its derivative, scale what averages over the outputs.
template <class T, class Use>
inline void with_loss(const Loss<T>& loss, int width, Use use) {
    const T a = loss.setting, mean = T(1) / T(width);
    using V = Vec<T>;
    switch (loss.kind) {
        case LossKind::squared: return use([](V z, V t) { return half_square<T>(z - t, 0); }, 2 * mean);
        case LossKind::half_squared: return use([](V z, V t) { return half_square<T>(z - t, 0); }, T(1));
        case LossKind::absolute: return use([](V z, V t) { return pinball<T>(z - t, 1, 1); }, mean);
        case LossKind::huber: return use([a](V z, V t) { return huber<T>(z - t, a); }, mean);
        case LossKind::quantile: return use([a](V z, V t) { return pinball<T>(z - t, a, 1 - a); }, mean);
        case LossKind::poisson:
            return use([](V z, V t) { const V rate = exp<T>(z); return Pair<T>{rate - t * z, rate - t}; }, T(1));
        case LossKind::poisson_deviance:
            return use([](V z, V t) {
                const V rate = exp<T>(z), own = t * log<T>(t > V{} ? t : fill(T(1))) - t;
                return Pair<T>{rate - t * z + own, rate - t};
            }, T(1));
        default:
            return use([](V z, V t) { return Pair<T>{softplus<T>(z) - t * z, sigmoid<T>(z) - t}; }, T(1));
    }
}

template <class T>
void elementwise_loss(const Loss<T>& loss, const Batch<T>& batch, Outputs<T> o, int lo, int hi) {
    with_loss<T>(loss, o.width, [&](auto f, T scale) {
        for (int row = lo; row < hi; row++) {
            const int64_t from = batch.order[row];
            const double weight = batch.weights ? double(batch.weights[from]) : 1.0;
            const Vec<T> factor = fill(T(weight * scale / batch.total));
            const T *z = o.z + row * o.ld, *t = batch.targets + from * o.width;
            LaneSum<T> sum;
            for (int c = 0; c < o.width; c += VL<T>) {
                const int n = min(VL<T>, o.width - c);
                const auto keep = first<T>(n);
                const Pair<T> p = f(load(z + c), load_some(t + c, n));
                sum.add(c, keep ? p.value : Vec<T>{});
                store(o.dz + row * o.ld + c, keep ? p.gradient * factor : Vec<T>{});
            }
            loss.rows[row] = double(sum.total()) * scale * weight;
        }
    });
}

// softmax(z) - q, where q is the label's unit vector or the caller's probabilities, smoothed.
template <class T>
void cross_entropy(const Loss<T>& loss, const Batch<T>& batch, Outputs<T> o, int lo, int hi) {
    const int width = o.width;
    const T sharp = 1 - loss.setting, even = loss.setting / T(width);
    for (int row = lo; row < hi; row++) {
        const int64_t from = batch.order[row];
        const T factor = T((batch.weights ? double(batch.weights[from]) : 1.0) / batch.total);
        const T* z = o.z + row * o.ld;
        T *dz = o.dz + row * o.ld, most = highest(z, width), shift = 0;
        LaneSum<T> sum;
        for (int c = 0; c < width; c += VL<T>) {
            const Vec<T> e = exp<T>(load(z + c) - fill(most));
            store(dz + c, e);
            sum.add(c, entries(dz, c, width));
        }
        loss.total[row] = sum.total();
        const Vec<T> inverse = fill(factor / loss.total[row]);
        if (!loss.soft && loss.setting == 0) {
            const int64_t label = batch.labels[from];
            for (int c = 0; c < width; c += VL<T>) store(dz + c, entries(dz, c, width) * inverse);
            dz[label] -= factor;
            shift = z[label] - most;
        } else {
            LaneSum<T> along;
            for (int c = 0; c < width; c += VL<T>) {
                const int n = min(VL<T>, width - c);
                Vec<T> q = {};
                if (loss.soft) q = load_some(batch.targets + from * width + c, n);
                else if (const int64_t at = batch.labels[from] - c; at >= 0 && at < VL<T>) q[at] = 1;
                q = first<T>(n) ? fma(q, fill(sharp), fill(even)) : Vec<T>{};
                along.add(c, q * entries(z, c, width) - q * fill(most));
                store(dz + c, entries(dz, c, width) * inverse - q * fill(factor));
            }
            shift = along.total();
        }
        loss.shift[row] = shift;
    }
    for (int row = lo; row < hi; row += VL<T>) {  // the logarithm of many rows at once
        const int n = min(VL<T>, hi - row);
        const Vec<T> some = load_some(loss.total + row, n), total = first<T>(n) ? some : fill(T(1));
        const Vec<T> value = log<T>(total) - load_some(loss.shift + row, n);
        for (int i = 0; i < n; i++)
            loss.rows[row + i] = double(value[i]) * (batch.weights ? double(batch.weights[batch.order[row + i]]) : 1.0);
    }
}

// One row in each lane of the columns z, `ld` apart, which become the gradient; the others have one number for each lane.
template <class T>
inline void cross_entropy_of_lanes(T* z, int ld, int width, const Lane<T>* labels, const T* factors, T* values, Lane<T>* best) {
    Int<T> label, top = {};
    __builtin_memcpy(&label, labels, sizeof label);
    const Vec<T> factor = load(factors);
    Vec<T> most = load(z), at_label = {}, sum[LANES];
    for (int c = 1; c < width; c++) most = load(z + c * ld) > most ? load(z + c * ld) : most;
    for (int c = width; c-- > 0;) {
        const Vec<T> value = load(z + c * ld);
        top = value == most ? Int<T>{} + c : top;
        at_label = label == Int<T>{} + c ? value : at_label;
        sum[c] = exp<T>(value - most);
        store(z + c * ld, sum[c]);
    }
    for (int half = LANES / 2, terms = width; half > 0; half /= 2) {
        for (int c = half; c < terms; c++) sum[c - half] += sum[c];
        terms = min(terms, half);
    }
    const Vec<T> inverse = factor / sum[0];
    store(values, log<T>(sum[0]) - (at_label - most));
    __builtin_memcpy(best, &top, sizeof top);
    for (int c = 0; c < width; c++) {
        const Vec<T> p = load(z + c * ld) * inverse;
        store(z + c * ld, label == Int<T>{} + c ? p - factor : p);
    }
}

// The same for labels among at most LANES classes, and the score with it: a row in each lane, a vector for each class. The
// exponentials of a row are added as LaneSum adds them, so that the bits are the same. Many rows are turned at once, since
// a vector of numbers that were just written one by one would wait for them.
template <class T>
void cross_entropy_of_few(const Loss<T>& loss, const Batch<T>& batch, Outputs<T> o, int lo, int hi) {
    constexpr int MANY = 64;
    const int width = o.width, turned = (width + 3) / 4 * 4;  // what stands behind a row goes with it, and nobody reads it
    alignas(64) T z[LANES * MANY], factors[MANY], values[MANY];
    alignas(64) Lane<T> labels[MANY], best[MANY];
    double weights[MANY];
    for (int from = lo; from < hi; from += MANY) {
        const int rows = min(MANY, hi - from);
        for (int i = 0; i < rows; i++) {
            const int64_t row = batch.order[from + i];
            labels[i] = Lane<T>(batch.labels[row]);
            weights[i] = batch.weights ? double(batch.weights[row]) : 1.0;
        }
        for (int i = 0; i < rows; i++) factors[i] = T(weights[i] / batch.total);
        transpose(o.z + from * o.ld, o.ld, rows, turned, z, MANY);
        for (int i = rows; i % VL<T>; i++) {  // lanes without a row
            labels[i] = 0, factors[i] = 0;
            for (int c = 0; c < width; c++) z[c * MANY + i] = 0;
        }
        for (int i = 0; i < rows; i += VL<T>) cross_entropy_of_lanes(z + i, MANY, width, labels + i, factors + i, values + i, best + i);
        transpose(z, MANY, turned, rows, o.dz + from * o.ld, o.ld);
        for (int i = 0; i < rows; i++) {
            loss.rows[from + i] = double(values[i]) * weights[i];
            loss.scores[from + i] = best[i] == labels[i] ? weights[i] : 0;
        }
    }
}

// Whether `label` is the first of the row's highest entries.
template <class T>
inline bool is_first_highest(const T* row, int width, int64_t label) {
    if (row[label] != highest(row, width)) return false;
    for (int c = 0; c < label; c++)
        if (row[c] == row[label]) return false;
    return true;
}

// What a row adds to the score: its label right, all its flags right, or its share of R².
template <class T>
double score(const Loss<T>& loss, const Batch<T>& batch, const T* z, int width, int64_t from) {
    const T* t = batch.targets ? batch.targets + from * width : nullptr;  // labels come without
    if (loss.score == ScoreKind::labels) {
        int64_t label = 0;
        if (loss.soft)
            for (int c = 1; c < width; c++) label = t[c] > t[label] ? c : label;
        else
            label = batch.labels[from];
        return is_first_highest(z, width, label);
    }
    double squares = 0;
    for (int c = 0; c < width; c++) {
        if (loss.score == ScoreKind::flags) {
            if ((sigmoid<T>(fill(z[c]))[0] > T(0.5)) != (t[c] > T(0.5))) return 0;
            continue;
        }
        const double p = double(loss.kind >= LossKind::poisson ? exp<T>(fill(z[c]))[0] : z[c]);
        squares += (p - double(t[c])) * (p - double(t[c])) / width;
    }
    if (loss.score == ScoreKind::flags) return 1;
    return loss.spread > 0 ? 1 - squares / loss.spread : squares == 0;
}

template <class T>
void loss_rows(const Loss<T>& loss, const Batch<T>& batch, Outputs<T> o, int lo, int hi) {
    if (loss.kind == LossKind::cross_entropy && !loss.soft && loss.setting == 0 && o.width <= LANES)
        return cross_entropy_of_few(loss, batch, o, lo, hi);
    if (loss.kind == LossKind::cross_entropy) cross_entropy(loss, batch, o, lo, hi);
    else elementwise_loss(loss, batch, o, lo, hi);
    for (int row = lo; row < hi; row++) {
        const int64_t from = batch.order[row];
        const double weight = batch.weights ? double(batch.weights[from]) : 1.0;
        loss.scores[row] = weight * score(loss, batch, o.z + row * o.ld, o.width, from);
    }
}

}  // namespace chainrule::CHAINRULE_ISA
