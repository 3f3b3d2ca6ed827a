#include "engine.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <stdexcept>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#define CHAINRULE_ISA any  // Philox needs none: this is a copy of it that no instruction set owns
#include "philox.hpp"

namespace chainrule {

namespace {

template <class Value>
struct Named {
    const char* name;
    Value value;
};

constexpr Named<Kind> KINDS[] = {
    {"Dense", Kind::dense}, {"Dropout", Kind::dropout}, {"LayerNorm", Kind::layer_norm}, {"Softmax", Kind::softmax},
    {"ReLU", Kind::relu}, {"LeakyReLU", Kind::leaky_relu}, {"ELU", Kind::elu}, {"SELU", Kind::selu},
    {"GELU", Kind::gelu}, {"GELUTanh", Kind::gelu_tanh}, {"SiLU", Kind::silu}, {"Mish", Kind::mish},
    {"Softplus", Kind::softplus}, {"Tanh", Kind::tanh}, {"Sigmoid", Kind::sigmoid}};
constexpr Named<LossKind> LOSSES[] = {
    {"SoftmaxCrossEntropy", LossKind::cross_entropy}, {"BinaryCrossEntropy", LossKind::binary_cross_entropy},
    {"MeanSquaredError", LossKind::squared}, {"HalfSquaredError", LossKind::half_squared},
    {"MeanAbsoluteError", LossKind::absolute}, {"Huber", LossKind::huber}, {"QuantileLoss", LossKind::quantile},
    {"Poisson", LossKind::poisson}, {"PoissonDeviance", LossKind::poisson_deviance}};
constexpr Named<Rule> RULES[] = {
    {"SGD", Rule::sgd}, {"ClassicalMomentum", Rule::classical_momentum}, {"AdaGrad", Rule::adagrad},
    {"RMSProp", Rule::rmsprop}, {"Adam", Rule::adam}, {"AdamW", Rule::adam}, {"AdamEpsilonHat", Rule::adam}};

template <class Value, size_t N>
Value named(const Named<Value> (&table)[N], const std::string& name) {
    for (const auto& row : table)
        if (name == row.name) return row.value;
    throw std::invalid_argument("no kernel for " + name);
}

template <class Value, size_t N>
std::vector<std::string> names(const Named<Value> (&table)[N]) {
    std::vector<std::string> all;
    for (const auto& row : table) all.emplace_back(row.name);
    return all;
}

// Rows are an odd number of whole lines apart, in each of which whole vectors fit: else the same columns of many rows would
// compete for a few places of the first cache.
template <class T>
int64_t row_stride(int width) {
    constexpr int64_t line = LINE / sizeof(T);
    return ((width + line - 1) / line | 1) * line;
}

// Random numbers of which about one falls into each bucket by its first bits: sorted by bucket, then within.
class Shuffle {
public:
    explicit Shuffle(int64_t n) : bits(1), keys(n + 3), sorted(n) {
        while ((int64_t(1) << bits) < n) bits++;
        end.resize((size_t(1) << bits) + 1);
    }

    void draw(uint64_t seed, uint64_t epoch, int64_t* order) {
        constexpr uint64_t STREAM = uint64_t(1) << 63;
        const int64_t n = int64_t(sorted.size());
        any::Philox(seed, STREAM, epoch, 0).first(n, keys.data());
        std::fill(end.begin(), end.end(), 0);
        for (int64_t i = 0; i < n; i++) end[(keys[i] >> (64 - bits)) + 1]++;
        for (size_t b = 1; b < end.size(); b++) end[b] += end[b - 1];
        for (int64_t i = 0; i < n; i++) sorted[end[keys[i] >> (64 - bits)]++] = {keys[i], i};
        for (int64_t i = 1; i < n; i++) {  // a few places at most; the order within equal keys is that of the rows
            const Row row = sorted[i];
            int64_t at = i;
            for (; at > 0 && sorted[at - 1].key > row.key; at--) sorted[at] = sorted[at - 1];
            sorted[at] = row;
        }
        for (int64_t i = 0; i < n; i++) order[i] = sorted[i].number;
    }

private:
    struct Row {
        uint64_t key;
        int64_t number;
    };
    int bits;
    std::vector<uint64_t> keys;
    std::vector<Row> sorted;
    std::vector<int64_t> end;
};

}  // namespace

std::vector<std::string> layer_names() { return names(KINDS); }
std::vector<std::string> loss_names() { return names(LOSSES); }
std::vector<std::string> rule_names() { return names(RULES); }

void epoch_orders(int64_t n, uint64_t seed, uint64_t first, int64_t count, int64_t* orders, int threads) {
    const int n_threads = int(std::clamp<int64_t>(count, 1, std::max(threads, 1)));
    std::vector<Shuffle> own;  // room for each, made here: a thread that cannot have it could not say so
    own.reserve(n_threads);
    for (int t = 0; t < n_threads; t++) own.emplace_back(n);
    run_on(n_threads, [&](int t) {
        for (int64_t i = t; i < count; i += n_threads) own[t].draw(seed, first + uint64_t(i), orders + i * n);
    });
}

void* Memory::take(size_t bytes) {
    constexpr size_t ALIGN = 64;
    void* raw = std::calloc(bytes + 2 * ALIGN, 1);  // large ones come untouched from the system
    if (!raw) throw std::bad_alloc();
    blocks.emplace_back(raw);
    void* at = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(raw) + ALIGN - 1) / ALIGN * ALIGN);
#if defined(__linux__)
    constexpr size_t PAGE = size_t(1) << 21;
    const uintptr_t first = (reinterpret_cast<uintptr_t>(at) + PAGE - 1) / PAGE * PAGE;
    const uintptr_t stop = (reinterpret_cast<uintptr_t>(at) + bytes) / PAGE * PAGE;
    if (stop > first) madvise(reinterpret_cast<void*>(first), stop - first, MADV_HUGEPAGE);  // a wish: fewer pages to look up
#endif
    return at;
}

void Memory::Free::operator()(void* p) const { std::free(p); }

double total_of(const double* sums, int64_t n) {
    double chain[4] = {};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) chain[k] += sums[i + k];
    for (; i < n; i++) chain[i % 4] += sums[i];
    return (chain[0] + chain[1]) + (chain[2] + chain[3]);
}

int64_t n_strips(int64_t n) { return (n + STRIP - 1) / STRIP; }

// With room for a call of so many rows.
template <class T>
static Loss<T> loss_of(const LossSpec& spec, int64_t rows, Memory& memory) {
    const ScoreKind score = spec.target == "labels" ? ScoreKind::labels
                            : spec.target == "flags" ? ScoreKind::flags : ScoreKind::values;
    Loss<T> loss{named(LOSSES, spec.name), T(spec.setting), score, false, 0, nullptr, nullptr, nullptr, nullptr};
    loss.total = memory.array<T>(rows), loss.shift = memory.array<T>(rows);
    loss.rows = memory.array<double>(rows), loss.scores = memory.array<double>(rows);
    return loss;
}

template <class T>
std::pair<double, double> evaluate(const Isa& isa, const LossSpec& spec, const Rows<T>& data, const T* z, int64_t n_rows,
                                   int width, double total, const T* matrices, int64_t n_decay, double l2, double l1) {
    const Kernels<T>& kernels = isa.kernels<T>();
    Memory memory;
    const int64_t ld = row_stride<T>(width);
    T *outputs = memory.array<T>(ROWS * ld), *gradient = memory.array<T>(ROWS * ld);
    Loss<T> loss = loss_of<T>(spec, ROWS, memory);
    loss.soft = !data.labels, loss.spread = data.spread;
    std::vector<double> values(n_rows), scores(n_rows), strips(l2 != 0 || l1 != 0 ? n_strips(n_decay) : 0);
    run_on(1, [&](int) {
        for (int64_t first = 0; first < n_rows; first += ROWS) {
            const int n = int(std::min<int64_t>(ROWS, n_rows - first));
            int64_t order[ROWS];
            for (int i = 0; i < n; i++) {
                order[i] = first + i;
                std::copy_n(z + (first + i) * width, width, outputs + i * ld);
            }
            loss.rows = &values[first], loss.scores = &scores[first];
            const Batch<T> batch{{}, data.labels, data.targets, data.weights, order, n, 0, total, 0, 0};
            kernels.losses(loss, batch, {outputs, gradient, ld, width}, 0, n);
        }
        for (int64_t i = 0; i < int64_t(strips.size()); i++)
            strips[i] = kernels.penalty(matrices + i * STRIP, std::min<int64_t>(STRIP, n_decay - i * STRIP), T(l2), T(l1));
    });
    const auto sum = [](const std::vector<double>& all) { return total_of(all.data(), all.size()); };
    return {sum(values) / total + sum(strips), sum(scores) / total};
}

template <class T>
Engine<T>::Engine(const Isa& isa, const std::vector<LayerSpec>& specs, const LossSpec& loss, int64_t n_params,
                  int64_t n_decay, int64_t rows, bool training, bool input_gradient)
    : kernels(isa.kernels<T>()), n_params(n_params), capacity(training ? rows : (rows + ROWS - 1) / ROWS * ROWS) {
    place(specs, training, input_gradient);
    program.layers = layers.data();
    program.n_layers = int(layers.size());
    program.n_decay = n_decay;
    program.input = layers[0].x;
    if (!training) return;
    program.loss = loss_of<T>(loss, capacity, memory);
    if (capacity > DEPTH) carry = memory.array<T>(n_params);
    strips = memory.array<double>(n_params / STRIP + 1);
    int64_t width = specs[0].n_in;  // of all that a row becomes
    for (const LayerSpec& spec : specs) width += spec.n_out;
    const int64_t most = std::min({int64_t(MOST_SHARDS), capacity / SHARD_ROWS, capacity * width / (MUCH * n_params)});
    if (most < SHARDS) return;
    n_shards = int(most);
    shard_size = (n_params + 31) / 16 * 16;  // no two in one line
    shards = memory.array<T>(2 * n_shards * shard_size);
}

// Gives every layer its arrays. An element-wise layer writes over its input where nobody needs that any more, and over the
// gradient it receives.
template <class T>
void Engine<T>::place(const std::vector<LayerSpec>& specs, bool training, bool input_gradient) {
    const int64_t rows = capacity;
    T *x = memory.array<T>(rows * row_stride<T>(specs[0].n_in)), *dx = nullptr;
    bool wanted = input_gradient;
    if (wanted) dx = memory.array<T>(rows * row_stride<T>(specs[0].n_in));
    bool x_is_free = true;  // the layer before does not read its output again
    for (const LayerSpec& spec : specs) {
        const Kind kind = named(KINDS, spec.name);
        Layer<T> l{kind, spec.n_in, spec.n_out, T(spec.setting), spec.index, spec.matrix, spec.vector,
                   x, nullptr, dx, nullptr, row_stride<T>(spec.n_in), row_stride<T>(spec.n_out), nullptr, nullptr,
                   nullptr, nullptr, nullptr, rows};
        const bool in_place = elementwise(kind);
        l.y = in_place && by_output(kind) && x_is_free ? x : memory.array<T>(rows * l.ldy);
        x_is_free = kind == Kind::dense || kind == Kind::dropout || kind == Kind::layer_norm;
        if (training) {
            const auto panels = [&](int64_t height, int width) { return memory.array<T>(height * ((width + 31) / 32 * 32)); };
            if (kind == Kind::dense && rows > FEW_ROWS && better_in_panels(spec.n_out * sizeof(T), spec.n_in))
                l.panels = panels(spec.n_in, spec.n_out);
            if (kind == Kind::dense && l.ldy * sizeof(T) > FAR && spec.n_in >= WHOLE_TILES)  // enough tiles read each column
                l.dy_panels = panels(rows, spec.n_out);
            if (kind == Kind::dense && dx) l.transposed = panels(spec.n_out, spec.n_in);
            wanted = wanted || has_weights(kind);
            if (wanted) l.dy = in_place && dx ? dx : memory.array<T>(rows * l.ldy);
        }
        if (kind == Kind::dropout && training) l.memory = memory.array<T>(rows * l.ldx);
        if (kind == Kind::layer_norm) {
            l.memory = memory.array<T>(rows * l.ldx);
            l.scale = memory.array<T>(rows);
        }
        x = l.y, dx = l.dy;
        layers.push_back(l);
    }
}

template <class T>
void Engine<T>::use(T* p, T* moment0, T* moment1) {
    params = p, moments[0] = moment0, moments[1] = moment1;
}

template <class T>
void Engine<T>::use(const RuleSpec& spec) {
    rule_kind = named(RULES, spec.name);
    rule = spec;
    if (rule.clip > 0) room_for_gradient();
}

template <class T>
void Engine<T>::room_for_gradient() {
    if (!grads) grads = memory.array<T>(n_params);
}

// Which rows of which layer's weights are whose: equal work for each thread, in pieces that others may take.
template <class T>
auto Engine<T>::divide(int threads) const -> std::vector<std::vector<Range>> {
    const auto height = [](const Layer<T>& l) {
        return l.kind == Kind::dense ? l.n_in + 1 : l.kind == Kind::layer_norm ? 1 : 0;
    };
    double total = 0;
    for (const auto& l : layers) total += double(height(l)) * l.ldy;
    std::vector<std::vector<Range>> ranges(threads);
    double before = 0;
    for (int i = 0; i < int(layers.size()); i++) {
        const int rows = height(layers[i]);
        const double row = double(layers[i].ldy);
        const auto place = [&](int t) {
            const double at = (total * t / threads - before) / row;
            return t == threads || at >= rows ? rows : std::clamp(int(std::lround(at / 4)) * 4, 0, rows);
        };
        const int least = std::max(1, int(PIECE / row) / WHOLE_TILES) * WHOLE_TILES;
        for (int t = 0; t < threads; t++)
            for (int at = place(t), end; at < place(t + 1); at = end) {  // smaller and smaller
                const double left = (total * (t + 1) / threads - before) / row - at;
                const int piece = std::max(least, std::min(int(left / 2) / WHOLE_TILES * WHOLE_TILES, LOOK_ROWS));
                end = place(t + 1) - at < piece + least ? place(t + 1) : at + piece;
                ranges[t].push_back({i, at, end});
            }
        before += rows * row;
    }
    return ranges;
}

template <class T>
void Engine<T>::reserve(int threads) {
    while (int(scratch.size()) < threads) {
        constexpr int64_t panel = PANEL / sizeof(T), block = (BLOCK_M + 16) * DEPTH;
        scratch.push_back(Scratch<T>{memory.array<T>(panel), memory.array<T>(block)});
    }
}

template class Engine<float>;
template class Engine<double>;
template std::pair<double, double> evaluate(const Isa&, const LossSpec&, const Rows<float>&, const float*, int64_t, int,
                                            double, const float*, int64_t, double, double);
template std::pair<double, double> evaluate(const Isa&, const LossSpec&, const Rows<double>&, const double*, int64_t, int,
                                            double, const double*, int64_t, double, double);

}  // namespace chainrule
