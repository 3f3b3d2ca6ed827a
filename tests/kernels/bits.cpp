// Random networks trained by the kernels alone, without Python: for sanitizers, other compilers and other processors.
// Each case runs on 1 to 4 threads, in one call and in many, with every instruction set of the machine, and must give the
// same bits; the last line is a hash of them all, which every compiler and processor must print alike.
//   bits [cases]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cpu.hpp"
#include "engine.hpp"

using namespace chainrule;

#if defined(__x86_64__)
namespace chainrule {
namespace v3 { extern const Isa isa; }
namespace v4 { extern const Isa isa; }
}
static std::vector<const Isa*> sets() {
    std::vector<const Isa*> found;
    if (runs_v3()) found.push_back(&v3::isa);
    if (runs_v4()) found.push_back(&v4::isa);
    return found;
}
#else
namespace chainrule::neon { extern const Isa isa; }
static std::vector<const Isa*> sets() { return {&neon::isa}; }
#endif

// The same numbers everywhere: whole arithmetic only.
struct Dice {
    uint64_t state;
    uint64_t next() {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return state >> 33;
    }
    int below(int n) { return int(next() % uint64_t(n)); }
    double unit() { return double(next() % 65536) / 32768 - 1; }
};

struct Case {
    std::vector<LayerSpec> layers;
    LossSpec loss;
    RuleSpec rule;
    int64_t n_params = 0, n_matrices = 0, rows, batch;
    bool weights, soft;
};

static Case draw(Dice& dice) {
    Case c;
    const auto kinds = layer_names(), losses = loss_names(), rules = rule_names();
    int width = 1 + dice.below(40);
    const auto add = [&](const std::string& name, int out) {
        const double setting = name == "Dropout" ? 20000 : name == "LayerNorm" ? 1e-5 : 0.3;
        c.layers.push_back({name, width, out, setting, int(c.layers.size()), 0, 0});
        width = out;
    };
    const int depth = 1 + dice.below(3);
    for (int i = 0; i < depth; i++) {
        add("Dense", 1 + dice.below(dice.below(4) ? 50 : 300));
        for (int more = dice.below(3); more > 0; more--) {
            const std::string& name = kinds[dice.below(int(kinds.size()))];
            if (name != "Dense") add(name, width);
        }
    }
    const std::string loss = losses[dice.below(int(losses.size()))];
    add("Dense", loss == "SoftmaxCrossEntropy" ? 2 + dice.below(20) : 1 + dice.below(4));
    c.soft = loss != "SoftmaxCrossEntropy" || dice.below(3) == 0;
    c.loss = {loss, loss == "SoftmaxCrossEntropy" ? (dice.below(2) ? 0.1 : 0.0) : 0.4,
              loss == "SoftmaxCrossEntropy" ? "labels" : loss == "BinaryCrossEntropy" ? "flags" : "values"};
    const std::string rule = rules[dice.below(int(rules.size()))];
    c.rule = {rule, rule == "SGD" && dice.below(2) ? 0.0 : 0.9, 0.99, 1e-7, dice.below(2) == 1,
              dice.below(2) * 0.1, dice.below(3) ? 0.0 : 0.5, dice.below(3) ? 0.0 : 1e-3, dice.below(3) ? 0.0 : 1e-4};
    for (auto& l : c.layers)
        if (l.name == "Dense") l.matrix = c.n_params, c.n_params += int64_t(l.n_in) * l.n_out;
    c.n_matrices = c.n_params;
    for (auto& l : c.layers) {
        if (l.name == "LayerNorm") l.matrix = c.n_params, c.n_params += l.n_in;
        if (l.name == "LayerNorm" || l.name == "Dense") l.vector = c.n_params, c.n_params += l.n_out;
    }
    c.batch = 1 + dice.below(dice.below(4) ? 70 : 700);
    c.rows = c.batch + dice.below(int(c.batch) * 2);
    c.weights = dice.below(3) == 0;
    return c;
}

template <class T>
static uint64_t train(const Case& c, const Isa& isa, int threads, double seconds, uint64_t seed) {
    Dice dice{seed};
    const auto numbers = [&](int64_t n, double scale) {
        std::vector<T> v(n);
        for (auto& x : v) x = T(dice.unit() * scale);
        return v;
    };
    const int width = c.layers.front().n_in, outputs = c.layers.back().n_out;
    std::vector<T> params = numbers(c.n_params, 0.3), moments(2 * c.n_params), X = numbers(c.rows * width, 1);
    std::vector<T> targets = numbers(c.rows * outputs, 1), weights = numbers(c.rows, 0.5);
    for (auto& t : targets) t = std::fabs(t);
    for (auto& w : weights) w += T(1);
    std::vector<int64_t> labels(c.rows), order(c.rows);
    for (int64_t i = 0; i < c.rows; i++) labels[i] = dice.below(outputs), order[i] = (i * 7 + 3) % c.rows;
    const int64_t steps = (c.rows + c.batch - 1) / c.batch;
    std::vector<double> totals(steps, 0), scalars;
    for (int64_t i = 0; i < c.rows; i++) totals[i / c.batch] += c.weights ? double(weights[order[i]]) : 1;
    for (int64_t i = 0; i < steps; i++) scalars.insert(scalars.end(), {0.01, 0.5, 0.25});
    Engine<T> engine(isa, c.layers, c.loss, c.n_params, c.n_matrices, c.batch, true, false);
    engine.use(Rows<T>{{X.data(), sizeof(T) == 4 ? Number::f32 : Number::f64, width, 1, nullptr, nullptr},
                       c.soft ? nullptr : labels.data(), targets.data(), c.weights ? weights.data() : nullptr, 0.3});
    engine.use(params.data(), moments.data(), moments.data() + c.n_params);
    engine.use(c.rule);
    std::vector<double> report;
    for (int epoch = 0; epoch < 3; epoch++) {
        Progress p;
        while (p.done < steps) {
            p = engine.train({order.data(), c.rows, c.batch, totals.data(), scalars.data(), 3, 5,
                              uint64_t(epoch * steps), seconds}, p, {threads, 2, true});
            if (p.diverged) return 1;
        }
        report.push_back(p.loss), report.push_back(p.score);
    }
    uint64_t hash = 14695981039346656037u;
    const auto mix = [&](const void* from, size_t bytes) {
        for (size_t i = 0; i < bytes; i++) hash = (hash ^ static_cast<const unsigned char*>(from)[i]) * 1099511628211u;
    };
    mix(params.data(), params.size() * sizeof(T));
    mix(moments.data(), moments.size() * sizeof(T));
    mix(report.data(), report.size() * sizeof(double));
    std::vector<T> sums(c.n_params), dX(c.rows * width);
    Engine<T> whole(isa, c.layers, c.loss, c.n_params, c.n_matrices, std::min<int64_t>(c.rows, 64), true, true);
    whole.use(Rows<T>{{X.data(), sizeof(T) == 4 ? Number::f32 : Number::f64, width, 1, nullptr, nullptr},
                      c.soft ? nullptr : labels.data(), targets.data(), c.weights ? weights.data() : nullptr, 0.3});
    whole.use(params.data(), nullptr, nullptr);
    whole.gradients(c.rows, double(c.rows), 5, 9, sums.data(), dX.data(), {threads, 2, true});
    mix(sums.data(), sums.size() * sizeof(T));
    mix(dX.data(), dX.size() * sizeof(T));
    return hash;
}

template <class T>
static uint64_t check(const Case& c, uint64_t seed, int number) {
    uint64_t hash = 0;
    for (const Isa* isa : sets())
        for (int threads = 1; threads <= 4; threads++) {
            const uint64_t now = train<T>(c, *isa, threads, 1e9, seed), chunked = train<T>(c, *isa, threads, 0, seed);
            if (!hash) hash = now;
            if (now == hash && chunked == hash) continue;
            std::printf("case %d: other bits with %s, %d threads\n", number, isa->name, threads);
            std::exit(1);
        }
    return hash;
}

int main(int argc, char** argv) {
    const int cases = argc > 1 ? std::atoi(argv[1]) : 100;
    if (sets().empty()) {
        std::puts("this processor runs none of the kernels");
        return 1;
    }
    Dice dice{20};
    uint64_t all = 0;
    for (int number = 0; number < cases; number++) {
        const Case c = draw(dice);
        const uint64_t seed = dice.next();
        all = all * 31 + check<float>(c, seed, number);
        all = all * 31 + check<double>(c, seed, number);
    }
    std::printf("%d cases, the same bits: %016llx\n", cases, static_cast<unsigned long long>(all));
}
