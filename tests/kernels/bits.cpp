// Random networks trained by the kernels alone, without Python: for sanitizers, other compilers and other processors.
// Each case runs on 1 to 7 threads, one of its epochs on so many or one, the first two together or the last two, in one
// call or in many, of which some steps are abandoned, with every instruction set of the machine, and must give the same
// bits; the last line is a hash of them all, which every compiler and processor must print alike.
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
    int64_t n_params = 0, n_decay = 0, rows, batch;
    bool weights, soft, sparse;
    Number number;
};

// The caller's rows: numbers of one of three types, all of them or some in each row.
struct Given {
    std::vector<float> f32;
    std::vector<double> f64;
    std::vector<uint8_t> u8;
    std::vector<int64_t> starts, columns;
    Source source;

    Given(const Case& c, Dice& dice) {
        const int width = c.layers.front().n_in;
        starts.push_back(0);
        for (int64_t row = 0; row < c.rows; row++) {
            for (int column = 0; column < width; column++) {
                if (c.sparse && dice.below(3)) continue;
                columns.push_back(column);
                const int value = dice.below(256);
                f32.push_back(float(value) / 128 - 1), f64.push_back(double(value) / 128 - 1), u8.push_back(uint8_t(value));
            }
            starts.push_back(int64_t(columns.size()));
        }
        const void* values = c.number == Number::f32 ? static_cast<void*>(f32.data())
                             : c.number == Number::f64 ? static_cast<void*>(f64.data()) : static_cast<void*>(u8.data());
        const bool bytes = c.number == Number::u8 && !c.sparse;
        source = {values, c.number, width, bytes ? 1.0 / 128 : 1, bytes ? -1.0 : 0, c.sparse ? starts.data() : nullptr, c.sparse ? columns.data() : nullptr};
    }
};

static Case draw(Dice& dice) {
    Case c;
    const auto kinds = layer_names(), losses = loss_names(), rules = rule_names();
    int width = 1 + dice.below(dice.below(8) ? 40 : 1500);
    const auto add = [&](const std::string& name, int out) {
        const double setting = name == "Dropout" ? 20000 : name == "LayerNorm" ? 1e-5 : 0.3;
        c.layers.push_back({name, width, out, setting, int(c.layers.size()), 0, 0});
        width = out;
    };
    const int depth = 1 + dice.below(3);
    for (int i = 0; i < depth; i++) {
        const int units = 1 + dice.below(dice.below(4) ? 50 : 300);
        add("Dense", dice.below(4) ? units : (units + 31) / 32 * 32);
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
    c.n_decay = c.n_params;
    for (auto& l : c.layers) {
        if (l.name == "LayerNorm") l.matrix = c.n_params, c.n_params += l.n_in;
        if (l.name == "LayerNorm" || l.name == "Dense") l.vector = c.n_params, c.n_params += l.n_out;
    }
    c.batch = 1 + dice.below(dice.below(4) ? 70 : 700);
    c.rows = c.batch + dice.below(int(c.batch) * 2);
    c.weights = dice.below(3) == 0;
    c.sparse = dice.below(4) == 0;
    const Number numbers[] = {Number::f32, Number::f64, Number::u8};
    c.number = numbers[dice.below(3)];
    return c;
}

// Layers so wide that their factors are packed, with few rows and with more than one run of them; so small that batches
// are summed in parts.
static Case wide(std::vector<int> widths, int64_t batch) {
    Case c{};
    for (size_t i = 1; i < widths.size(); i++) {
        c.layers.push_back({"Dense", widths[i - 1], widths[i], 0, int(c.layers.size()), c.n_params, 0});
        c.n_params += int64_t(widths[i - 1]) * widths[i];
        if (i + 1 < widths.size()) c.layers.push_back({"ReLU", widths[i], widths[i], 0, int(c.layers.size()), 0, 0});
    }
    c.n_decay = c.n_params;
    for (auto& l : c.layers)
        if (l.name == "Dense") l.vector = c.n_params, c.n_params += l.n_out;
    c.loss = {"SoftmaxCrossEntropy", 0, "labels"};
    c.rule = {"SGD", 0.9, 0, 0, false, 0, 0, 0, 0};
    c.batch = batch, c.rows = 2 * batch - 1;
    c.number = Number::f32;
    return c;
}

constexpr int64_t EPOCHS = 3;
static int abandoned = 0;

// Everything that training, gradients and prediction write. With `seconds` of 0 a call makes one step, or none.
template <class T>
static uint64_t train(const Case& c, const Isa& isa, int threads, double seconds, uint64_t seed) {
    Dice dice{seed};
    const auto numbers = [&](int64_t n, double scale) {
        std::vector<T> v(n);
        for (auto& x : v) x = T(dice.unit() * scale);
        return v;
    };
    const int width = c.layers.front().n_in, outputs = c.layers.back().n_out;
    const Given given(c, dice);
    std::vector<T> params = numbers(c.n_params, 0.3), moments(2 * c.n_params);
    std::vector<T> targets = numbers(c.rows * outputs, 1), weights = numbers(c.rows, 0.5);
    for (auto& t : targets) t = std::fabs(t);
    for (auto& w : weights) w += T(1);
    std::vector<int64_t> labels(c.rows), orders(EPOCHS * c.rows);
    for (auto& label : labels) label = dice.below(outputs);
    const int64_t steps = (c.rows + c.batch - 1) / c.batch;
    std::vector<double> scalars, totals(EPOCHS * steps);
    for (int64_t i = 0; i < EPOCHS * steps; i++) scalars.insert(scalars.end(), {0.01, 0.5, 0.25});
    epoch_orders(c.rows, seed, 0, EPOCHS, orders.data(), threads);
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
        const int64_t* order = &orders[epoch * c.rows];
        for (int64_t i = 0; i < c.rows; i++) totals[epoch * steps + i / c.batch] += c.weights ? double(weights[order[i]]) : 1;
    }
    Engine<T> engine(isa, c.layers, c.loss, c.n_params, c.n_decay, c.batch, true, false);
    const Rows<T> data{given.source, c.soft ? nullptr : labels.data(), c.soft ? targets.data() : nullptr,
                       c.weights ? weights.data() : nullptr, 0.3};
    engine.use(data);
    engine.use(params.data(), moments.data(), moments.data() + c.n_params);
    engine.use(c.rule);
    std::vector<double> results(2 * EPOCHS);
    std::vector<T> kept(2 * c.n_params);
    Dice whims{seed};
    const auto unwanted = [&] { return whims.below(8) == 0; };
    Progress p;
    for (int64_t epoch = 0, count; epoch < EPOCHS; epoch += count) {
        count = epoch == (seconds > 0 ? 0 : 1) ? 2 : 1;
        p.done = 0;
        while (p.done < count * steps) {
            const int64_t first = epoch * steps;
            p = engine.train({&orders[epoch * c.rows], count, c.rows, c.batch, &totals[first], &scalars[3 * first], 3, 5,
                              uint64_t(first), seconds, &results[2 * epoch], double(c.rows), double(c.rows),
                              seconds > 0 ? std::function<bool()>() : unwanted},
                             p, {threads, 4, epoch != 2}, kept.data());
            abandoned += p.abandoned;
            if (p.diverged || !p.finite) return 1;
        }
    }
    results.push_back(p.lowest);
    uint64_t hash = 14695981039346656037u;
    const auto mix = [&](const void* from, size_t bytes) {
        for (size_t i = 0; i < bytes; i++) hash = (hash ^ static_cast<const unsigned char*>(from)[i]) * 1099511628211u;
    };
    mix(params.data(), params.size() * sizeof(T));
    mix(moments.data(), moments.size() * sizeof(T));
    mix(results.data(), results.size() * sizeof(double));
    mix(&kept[p.best * c.n_params], c.n_params * sizeof(T));
    std::vector<T> sums(c.n_params), dX(c.rows * width);
    Engine<T> whole(isa, c.layers, c.loss, c.n_params, c.n_decay, std::min<int64_t>(c.rows, 64), true, true);
    whole.use(data);
    whole.use(params.data(), nullptr, nullptr);
    whole.gradients(c.rows, double(c.rows), 5, 9, sums.data(), dX.data(), {threads, 2, true}, 1e9, [] { return false; });
    mix(sums.data(), sums.size() * sizeof(T));
    mix(dX.data(), dX.size() * sizeof(T));
    std::vector<LayerSpec> layers;
    for (const LayerSpec& layer : c.layers)
        if (layer.name != "Dropout") layers.push_back(layer);
    Engine<T> prediction(isa, layers, c.loss, c.n_params, c.n_decay, threads * int64_t(ROWS), false, false);
    prediction.use(params.data(), nullptr, nullptr);
    std::vector<T> out(c.rows * outputs);
    prediction.infer(given.source, c.rows, out.data(), {threads, 2, true});
    mix(out.data(), out.size() * sizeof(T));
    const auto [value, score] = evaluate<T>(isa, c.loss, data, out.data(), c.rows, int(outputs), double(c.rows),
                                            params.data(), c.n_decay, 1e-3, 1e-4);
    mix(&value, sizeof value);
    mix(&score, sizeof score);
    return hash;
}

template <class T>
static uint64_t check(const Case& c, uint64_t seed, int number) {
    uint64_t hash = 0;
    for (const Isa* isa : sets())
        for (int threads : {1, 2, 3, 4, 7}) {
            const uint64_t now = train<T>(c, *isa, threads, 1e9, seed), chunked = train<T>(c, *isa, threads, 0, seed);
            if (!hash) hash = now;
            if (now == hash && chunked == hash) continue;
            std::printf("case %d: other bits with %s, %d threads\n", number, isa->name, threads);
            std::exit(1);
        }
    return hash;
}

// Of 1000 calls, how many take one thread, where a step takes `many` or `one` seconds, and now and then ten times as long.
static int alone(Pace& pace, double many, double one) {
    int calls = 0;
    for (int call = 0; call < 1000; call++) {
        const int threads = pace.choose(4);
        const double step = (threads > 1 ? many : one) * (call % 5 == 0 ? 10 : 1);
        pace.tell(threads, step, 50 * step);
        calls += threads == 1;
    }
    return calls;
}

// What Pace chooses where many threads are quicker, then one; where nobody else leaves it more than one.
static bool paced() {
    Pace pace, fresh;
    const int few = alone(pace, 1e-5, 2e-5), most = alone(pace, 2e-5, 1e-5);
    const bool single = fresh.choose(1) == 1;
    fresh.tell(1, 1e-9, 1e-9);  // no trial: another limit's time says nothing
    return few < 20 && most > 700 && single && alone(fresh, 1e-5, 2e-5) < 20;
}

// Whether the rows of a batch follow each thread's pace, all of them dealt out, whatever happened before.
static bool split_fairly() {
    Split split(3);
    const auto part = [&](int64_t rows, int t) { return split.begin(rows, t + 1) - split.begin(rows, t); };
    const auto whole = [&](int64_t rows) {
        return split.begin(rows, 0) == 0 && split.begin(rows, 3) == rows && part(rows, 0) >= 0 && part(rows, 1) >= 0 &&
               part(rows, 2) >= 0;
    };
    const auto steps = [&](int64_t n, double slowest) {  // thread 1 takes so many times as long for a row as the others
        for (int i = 0; i < 100; i++) {
            for (int t = 0; t < 3; t++) split.tell(t, part(n, t), 1e-6 * double(part(n, t)) * (t == 1 ? slowest : 1));
            split.adapt();
            for (int64_t rows : {0, 1, 3, 4, 5, 13, 1200})
                if (!whole(rows)) return int64_t(-1);
        }
        return part(n, 1);
    };
    split.adapt();  // nobody has told anything
    return part(1200, 1) == 400 && steps(1200, 1) == 400 && steps(1200, 2) == 240 && steps(1200, 1e9) >= 60 &&
           steps(1200, 1) == 400 && steps(48, 1e9) <= 8 && steps(48, 1) == 16;
}

int main(int argc, char** argv) {
    const int cases = argc > 1 ? std::atoi(argv[1]) : 100;
    if (sets().empty()) {
        std::puts("this processor runs none of the kernels");
        return 1;
    }
    if (!paced()) {
        std::puts("the number of threads is not the quicker one");
        return 1;
    }
    if (!split_fairly()) {
        std::puts("the rows of a batch are not divided as the threads are quick");
        return 1;
    }
    Dice dice{20};
    uint64_t all = 0;
    std::vector<Case> all_cases{wide({1040, 530, 3}, 9), wide({40, 517, 3}, 1100), wide({2, 64, 3}, 300), wide({2, 530, 3}, 2100),
                                wide({2, 16, 3}, 4200), wide({2048, 3}, 20), wide({2049, 4}, 20)};
    for (int i = 0; i < cases; i++) all_cases.push_back(draw(dice));
    for (int number = 0; number < int(all_cases.size()); number++) {
        const Case& c = all_cases[number];
        const uint64_t seed = dice.next();
        all = all * 31 + check<float>(c, seed, number);
        all = all * 31 + check<double>(c, seed, number);
    }
    if (!abandoned) {
        std::puts("no step was abandoned");
        return 1;
    }
    std::printf("%d cases, the same bits: %016llx\n", cases, static_cast<unsigned long long>(all));
}
