// exp, log, tanh, erf from fma, +, ·, / and bit patterns alone, so that every compiler and CPU gives the same bits.
#pragma once

#include "simd.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
struct Format;
template <>
struct Format<float> {
    static constexpr int mantissa = 23, bias = 127, exp_terms = 8, log_terms = 5;
    static constexpr float magic = 12582912.f;  // 1.5·2²³: adding it rounds to a whole number, held in the low bits
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f, exp_least = -86.6f, exp_most = 89.f;
    static constexpr int32_t half_sqrt2 = 0x3f3504f3;
};
template <>
struct Format<double> {
    static constexpr int mantissa = 52, bias = 1023, exp_terms = 14, log_terms = 10;
    static constexpr double magic = 6755399441055744.0;
    static constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    static constexpr double exp_least = -708.0, exp_most = 710.0;
    static constexpr int64_t half_sqrt2 = 0x3fe6a09e667f3bcd;
};

// x = n·ln 2 + f with |f| ≤ ln 2 / 2; power is 2^(n-1), grow is e^f - 1 by its Taylor series.
template <class T>
struct Exponential {
    Vec<T> power, grow;

    explicit Exponential(Vec<T> x) {
        using N = Format<T>;
        const Vec<T> shifted = fma(x, fill(T(1.4426950408889634)), fill(N::magic)), n = shifted - fill(N::magic);
        Vec<T> f = fma(n, fill(-N::ln2_high), x);
        f = fma(n, fill(-N::ln2_low), f);
        double factorial[N::exp_terms + 1] = {1};
        for (int k = 1; k <= N::exp_terms; k++) factorial[k] = factorial[k - 1] * k;
        Vec<T> series = fill(T(1 / factorial[N::exp_terms]));
        for (int k = N::exp_terms - 1; k >= 2; k--) series = fma(series, f, fill(T(1 / factorial[k])));
        grow = fma(f * f, series, f);
        power = (Vec<T>)(((Int<T>)shifted << N::mantissa) + ((Int<T>{} + (N::bias - 1)) << N::mantissa));
    }
};

// e^x; 0 below exp_least, a little above where numbers stop being normal (2.5e-38 in float32, 3.3e-308 in float64), and
// infinite where it overflows. NaN stays.
template <class T>
inline Vec<T> exp(Vec<T> x) {
    using N = Format<T>;
    const auto small = x < fill(N::exp_least), large = x > fill(N::exp_most);
    x = small ? fill(N::exp_least) : large ? fill(N::exp_most) : x;
    const Exponential<T> e(x);
    const Vec<T> y = fill(T(2)) * fma(e.power, e.grow, e.power);
    return small ? Vec<T>{} : y;
}

// e^x - 1 for x ≤ 0, to the last bits near 0 too.
template <class T>
inline Vec<T> expm1(Vec<T> x) {
    using N = Format<T>;
    x = x < fill(N::exp_least) ? fill(N::exp_least) : x;
    const Exponential<T> e(x);
    const Vec<T> power = e.power + e.power;
    return fma(power, e.grow, power - fill(T(1)));
}

// log x for normal x > 0: x = 2^n·m with m around 1, log m = 2·atanh((m - 1)/(m + 1)). Infinity and NaN give NaN.
template <class T>
inline Vec<T> log(Vec<T> x) {
    using N = Format<T>;
    const Int<T> one = Int<T>{} + 1, bits = (Int<T>)x - N::half_sqrt2, exponent = bits >> N::mantissa;
    const Vec<T> m = (Vec<T>)((bits & ((one << N::mantissa) - 1)) + N::half_sqrt2);
    const Vec<T> n = (Vec<T>)((Int<T>)fill(N::magic) + exponent) - fill(N::magic);
    const Vec<T> s = (m - fill(T(1))) / (m + fill(T(1))), z = s * s;
    Vec<T> series = fill(T(2) / (2 * N::log_terms + 1));
    for (int k = N::log_terms - 1; k >= 1; k--) series = fma(series, z, fill(T(2) / (2 * k + 1)));
    const Vec<T> log_m = fma(s, series * z, s + s);
    return fma(n, fill(N::ln2_high), fma(n, fill(N::ln2_low), log_m)) + (x - x);
}

// log(1 + u) for u in [0, 1]: what 1 + u lost in rounding is put back.
template <class T>
inline Vec<T> log1p(Vec<T> u) {
    const Vec<T> w = fill(T(1)) + u;
    return log<T>(w) + (u - (w - fill(T(1)))) / w;
}

template <class T>
inline Vec<T> absolute(Vec<T> x) {
    return x < Vec<T>{} ? -x : x;
}

template <class T>
inline Vec<T> sigmoid(Vec<T> x) {
    return fill(T(1)) / (fill(T(1)) + exp<T>(-x));
}

template <class T>
inline Vec<T> softplus(Vec<T> x) {
    return (x < Vec<T>{} ? Vec<T>{} : x) + log1p<T>(exp<T>(-absolute<T>(x)));
}

template <class T>
inline Vec<T> tanh(Vec<T> x) {
    const Vec<T> t = expm1<T>(fill(T(-2)) * absolute<T>(x)), y = -t / (t + fill(T(2)));
    return x < Vec<T>{} ? -y : y;
}

// The series of chainrule.special.erf, where it is derived.
template <class T>
inline Vec<T> erf(Vec<T> x) {
    constexpr double series[] = {
        -2.623107347133476e-09, -1.9551358868985616e-09, 3.197926671666804e-08,   1.879082322370048e-08,
        -2.4857126248016745e-07, -5.084465378687302e-08, 1.7419821586224816e-06,  -9.79262570730352e-07,
        -1.1438048033346894e-05, 2.2387565714911816e-05, 5.164652974177416e-05,   -0.00029015535246077655,
        0.000293714378044958,    0.0017556261651970652,  -0.009746579683265262,   0.02836227737211114,
        -0.05869339857664933,    0.09230432116428125,    -0.10880393014244463,    0.08227673848999507,
        0.003585415485479032,    -0.14024059858554527,   1.2375126308378275};
    const Vec<T> a = absolute<T>(x), y = (a - fill(T(3.75))) / (a + fill(T(3.75)));
    Vec<T> p = fill(T(series[0]));
    for (int k = 1; k < 23; k++) p = fma(p, y, fill(T(series[k])));
    const Vec<T> value = fill(T(1)) - exp<T>(-a * a) * p / fma(a, fill(T(2)), fill(T(1)));
    return x < Vec<T>{} ? -value : value;
}

}  // namespace chainrule::CHAINRULE_ISA
