// Which instruction sets this processor runs: all that the compiler may use under -march=x86-64-v3 and -v4.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

namespace chainrule {

// The builtins ask the operating system too; the three features that not every compiler's builtin knows come with AVX.
inline bool runs_v3() {
    __builtin_cpu_init();
    unsigned a, b, c, d;
    const bool movbe_f16c = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_MOVBE) && (c & bit_F16C);
    const bool lzcnt = __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT);
    return movbe_f16c && lzcnt && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

inline bool runs_v4() {
    return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace chainrule
#endif
