// How a gradient becomes a step, on one vector of parameters; the equations are those of chainrule/optimizers.py.
#pragma once

#include "math.hpp"
#include "program.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
struct Descent {  // SGD without momentum, or none: the gradient itself is wanted
    static Vec<T> step(const Update<T>& u, Vec<T> p, Vec<T> g, int64_t, int) { return fma(fill(-u.lr), g, p); }
};

template <class T>
struct SGD {
    static Vec<T> step(const Update<T>& u, Vec<T> p, Vec<T> g, int64_t at, int n) {
        const Vec<T> v = fma(fill(u.a), load_some(u.moment[0] + at, n), g);
        store_some(u.moment[0] + at, v, n);
        return fma(fill(-u.lr), u.nesterov ? fma(fill(u.a), v, g) : v, p);
    }
};

template <class T>
struct ClassicalMomentum {
    static Vec<T> step(const Update<T>& u, Vec<T> p, Vec<T> g, int64_t at, int n) {
        const Vec<T> push = fill(-u.lr) * g, v = fma(fill(u.a), load_some(u.moment[0] + at, n), push);
        store_some(u.moment[0] + at, v, n);
        return p + (u.nesterov ? fma(fill(u.a), v, push) : v);
    }
};

template <class T>
struct AdaGrad {
    static Vec<T> step(const Update<T>& u, Vec<T> p, Vec<T> g, int64_t at, int n) {
        const Vec<T> c = fma(g, g, load_some(u.moment[0] + at, n));
        store_some(u.moment[0] + at, c, n);
        return p - fill(u.lr) * g / (sqrt(c) + fill(u.epsilon));
    }
};

template <class T>
struct RMSProp {
    static Vec<T> step(const Update<T>& u, Vec<T> p, Vec<T> g, int64_t at, int n) {
        const Vec<T> c = fma(fill(u.a), load_some(u.moment[0] + at, n), fill(u.c) * g * g);
        store_some(u.moment[0] + at, c, n);
        return p - fill(u.lr) * g / (sqrt(c) + fill(u.epsilon));
    }
};

template <class T>
struct Adam {
    static Vec<T> step(const Update<T>& u, Vec<T> p, Vec<T> g, int64_t at, int n) {
        const Vec<T> m = fma(fill(u.a), load_some(u.moment[0] + at, n), fill(u.c) * g);
        const Vec<T> v = fma(fill(u.b), load_some(u.moment[1] + at, n), fill(u.d) * g * g);
        store_some(u.moment[0] + at, m, n);
        store_some(u.moment[1] + at, v, n);
        return p - fill(u.rate) * m / (sqrt(v * fill(u.scale)) + fill(u.epsilon));
    }
};

template <class T, class Use>
inline void with_rule(const Update<T>& u, Use use) {
    switch (u.rule) {
        case Rule::sgd: return u.a == 0 ? use(Descent<T>()) : use(SGD<T>());
        case Rule::classical_momentum: return use(ClassicalMomentum<T>());
        case Rule::adagrad: return use(AdaGrad<T>());
        case Rule::rmsprop: return use(RMSProp<T>());
        case Rule::adam: return use(Adam<T>());
        default: return use(Descent<T>());
    }
}

}  // namespace chainrule::CHAINRULE_ISA
