// Compiled once for each instruction set, with -DCHAINRULE_ISA=<name> and the compiler's flags for it.
#include "rows.hpp"
#include "weights.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
constexpr Kernels<T> table() {
    return {rows<T>, infer<T>, loss_rows<T>, weights<T>, shard<T>, combine<T>, apply<T>, mirrors<T>, penalty<T>, squares<T>, finite<T>};
}

// The inner loop of a product without its memory: as many independent chains as a tile has.
static double peak(int64_t n) {
    Vec<float> sum[24] = {};
    volatile float opaque = 0.5f;
    const Vec<float> a = fill<float>(opaque), b = fill<float>(opaque);
    constexpr int chains = TILE_ROWS * 2;
    for (int c = 0; c < chains; c++) sum[c] = fill(float(c));  // else the compiler would keep one of them
    for (int64_t i = 0; i < n; i++)
#pragma GCC unroll 24
        for (int c = 0; c < chains; c++) sum[c] = fma(a, b, sum[c]);
    double total = 0;
    for (int c = 0; c < chains; c++) total += double(sum[c][0]);
    return total;
}

#define NAME_OF(isa) #isa
#define NAME(isa) NAME_OF(isa)
extern const Isa isa;
const Isa isa = {NAME(CHAINRULE_ISA), table<float>(), table<double>(), peak, VL<float> * TILE_ROWS * 2};

}  // namespace chainrule::CHAINRULE_ISA
