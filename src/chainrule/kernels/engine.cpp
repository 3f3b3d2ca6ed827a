#include "engine.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <new>
#include <stdexcept>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#define CHAINRULE_ISA any
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

// Rows are whole vectors, and no multiple of 2 KiB apart: those would compete for the same few lines of the first cache.
template <class T>
int64_t row_stride(int width) {
    const int64_t stride = (width + 15) / 16 * 16;
    return stride * sizeof(T) % 2048 ? stride : stride + 16;
}

int64_t cut(int64_t n, int t, int threads) { return std::min(n, (n + 3) / 4 * t / threads * 4); }

constexpr int64_t LONG = 10'000'000;  // rows times parameters: such a step is always worth many threads

using Clock = std::chrono::steady_clock;
double seconds(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double>(to - from).count(); }
double since(Clock::time_point then) { return seconds(then, Clock::now()); }

}  // namespace

std::vector<std::string> layer_names() { return names(KINDS); }
std::vector<std::string> loss_names() { return names(LOSSES); }
std::vector<std::string> rule_names() { return names(RULES); }

// Random numbers of which about one falls into each bucket by its first bits: sorted by bucket, then within.
void epoch_order(int64_t n, uint64_t seed, uint64_t epoch, int64_t* order) {
    constexpr uint64_t STREAM = uint64_t(1) << 63;
    int bits = 1;
    while ((int64_t(1) << bits) < n) bits++;
    any::Philox stream(seed, STREAM, epoch, 0);
    std::vector<uint64_t> key(n);
    std::vector<int64_t> end((size_t(1) << bits) + 1, 0);
    for (int64_t i = 0; i < n; i++) end[((key[i] = stream.bits64(i)) >> (64 - bits)) + 1]++;
    for (size_t b = 1; b < end.size(); b++) end[b] += end[b - 1];
    for (int64_t i = 0; i < n; i++) order[end[key[i] >> (64 - bits)]++] = i;
    for (int64_t i = 1; i < n; i++) {  // a few places at most; the order within equal keys is that of the rows
        const int64_t row = order[i];
        int64_t at = i;
        for (; at > 0 && key[order[at - 1]] > key[row]; at--) order[at] = order[at - 1];
        order[at] = row;
    }
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

template <class T>
Engine<T>::Engine(const Isa& isa, const std::vector<LayerSpec>& specs, const LossSpec& loss, int64_t n_params,
                  int64_t n_matrices, int64_t rows, bool training, bool input_gradient)
    : kernels(isa.kernels<T>()), n_params(n_params), capacity(rows) {
    place(specs, training, input_gradient);
    program.layers = layers.data();
    program.n_layers = int(layers.size());
    program.n_matrices = n_matrices;
    program.input = layers[0].x;
    const ScoreKind score = loss.target == "labels" ? ScoreKind::labels
                            : loss.target == "flags" ? ScoreKind::flags : ScoreKind::values;
    program.loss = {named(LOSSES, loss.name), T(loss.setting), score, false, 0, nullptr, nullptr, nullptr, nullptr};
    if (!training) return;
    program.loss.total = memory.array<T>(capacity);
    program.loss.shift = memory.array<T>(capacity);
    program.loss.rows = memory.array<double>(capacity);
    program.loss.scores = memory.array<double>(capacity);
    if (capacity > DEPTH) carry = memory.array<T>(n_params);
    strips = memory.array<double>(n_params / STRIP + 1);
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
        const bool has_weights = kind == Kind::dense || kind == Kind::layer_norm, in_place = elementwise(kind);
        l.y = in_place && by_output(kind) && x_is_free ? x : memory.array<T>(rows * l.ldy);
        x_is_free = kind == Kind::dense || kind == Kind::dropout || kind == Kind::layer_norm;
        if (training) {
            const auto panels = [&](int64_t height, int width) { return memory.array<T>(height * ((width + 31) / 32 * 32)); };
            if (kind == Kind::dense && spec.n_out * sizeof(T) > FAR) l.panels = panels(spec.n_in, spec.n_out);
            if (kind == Kind::dense && l.ldy * sizeof(T) > FAR && spec.n_in >= WHOLE_TILES)  // enough tiles read each column
                l.dy_panels = panels(rows, spec.n_out);
            if (kind == Kind::dense && dx) l.transposed = panels(spec.n_out, spec.n_in);
            wanted = wanted || has_weights;
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
    named(RULES, spec.name);
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
                const int piece = std::max(least, std::min(int(left / 2) / WHOLE_TILES * WHOLE_TILES, MOST_ROWS));
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
        constexpr int64_t panel = DEPTH * 128 / sizeof(T), block = (BLOCK_M + 16) * DEPTH;
        scratch.push_back(Scratch<T>{memory.array<T>(panel), memory.array<T>(block)});
    }
}

// What thread t gathers of the batch that starts at `first`, as many lines as fit in a cache beside this step's arrays.
template <class T>
Ahead Engine<T>::next_rows(const Epoch& e, int64_t first, int t, int threads) const {
    constexpr int64_t ROOM = (1 << 18) / LINE;
    const Source& X = data.X;
    if (X.starts || first >= e.n_rows) return {};
    const int64_t rows = std::min(e.batch, e.n_rows - first), lo = cut(rows, t, threads), hi = cut(rows, t + 1, threads);
    const int64_t width = n_in() * X.bytes();
    return {static_cast<const char*>(X.values), X.stride * X.bytes(), width, e.order + first + lo,
            std::min(hi - lo, ROOM / (width / LINE + 1)), 0, 0};
}

template <class T>
Update<T> Engine<T>::update(const double* s, int n_scalars, double total) const {
    Update<T> u{};
    u.rule = named(RULES, rule.name);
    u.nesterov = rule.nesterov;
    u.a = T(rule.a), u.b = T(rule.b), u.c = T(1 - rule.a), u.d = T(1 - rule.b), u.epsilon = T(rule.epsilon);
    u.lr = T(s[0]);
    if (n_scalars == 3) u.rate = T(s[0] / s[1]), u.scale = T(1 / s[2]);
    u.keep = T(1 - s[0] * rule.decay);
    const double share = rule.by_batch ? total : 1;
    u.l2 = T(rule.l2 / share), u.l1 = T(rule.l1 / share);
    u.params = params, u.moment[0] = moments[0], u.moment[1] = moments[1];
    u.carry = carry;
    return u;
}

namespace {

int choose(const Threads& wish, const Share& share) {
    return wish.exact ? wish.wanted : std::min(wish.wanted, share.threads(wish.limit));
}

// Sums f over strips of n elements: each thread takes some, and all add up all of them in order, after `barrier`.
template <class F>
void each_strip(int64_t n, int t, int threads, double* sums, F f) {
    for (int64_t i = t; i * STRIP < n; i += threads) sums[i] = f(i * STRIP, std::min<int64_t>(STRIP, n - i * STRIP));
}

double total_of(const double* sums, int64_t n) {
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += sums[i];
    return total;
}

int moments_of(const RuleSpec& rule) {
    switch (named(RULES, rule.name)) {
        case Rule::sgd: return rule.a != 0;
        case Rule::adam: return 2;
        default: return 1;
    }
}

int64_t n_strips(int64_t n) { return (n + STRIP - 1) / STRIP; }

}  // namespace

// What the gradients in `grads` are multiplied by, so that their norm is at most the rule's. The threads meet once.
template <class T>
T Engine<T>::clip_factor(Barrier& barrier, int t, int threads) {
    each_strip(n_params, t, threads, strips,
               [&](int64_t at, int64_t size) { return kernels.squares(grads + at, size); });
    barrier.meet();
    const double norm = std::sqrt(total_of(strips, n_strips(n_params)));
    return norm > rule.clip ? T(rule.clip / norm) : T(1);
}

template <class T>
Progress Engine<T>::train(const Epoch& e, Progress progress, Threads wish) {
    for (int k = 0; k < moments_of(rule); k++)
        if (!moments[k]) throw std::invalid_argument(rule.name + " needs more moments than were given");
    const Share share;
    const bool is_short = e.batch * n_params < LONG, tried = is_short && !wish.exact;
    const bool never_asked = is_short && e.seconds > 0;  // its weights are done before `seconds`
    const int most = choose(wish, share), n = tried ? pace.choose(most) : most;
    reserve(n);
    const auto ranges = divide(n);
    const int64_t n_steps = (e.n_rows + e.batch - 1) / e.batch;
    program.loss.soft = !data.labels;
    program.loss.spread = data.spread;
    progress.threads = n;
    const int64_t start = progress.done;
    Barrier barrier(n, n > wish.limit);
    const bool clipped = rule.clip > 0;
    if (e.unwanted) room_for_gradient();
    const auto began = Clock::now();
    auto asked = began;
    const auto unwanted = [&] {
        if (!e.unwanted || since(asked) <= e.seconds) return false;
        asked = Clock::now();
        return e.unwanted();
    };
    // Abandoned: a flag for each phase, which counts behind its barrier.
    std::atomic<bool> rows_left{false}, weights_left{false};
    bool late = false, long_rows = false;  // the calling thread's word, given before a barrier
    Deal deal(n);
    std::atomic<bool> finite{true};
    run_on(n, [&](int t) {
        for (const Range& r : ranges[t])
            kernels.mirrors(layers[r.layer], params, r.lo, r.hi);
        barrier.meet();
        auto step_began = Clock::now();
        for (int64_t step = start; step < n_steps; step++) {
            const int64_t first = step * e.batch, rows = std::min(e.batch, e.n_rows - first);
            const Batch<T> batch{data.X, data.labels, data.targets, data.weights, e.order + first, rows, 0,
                                 e.totals[step], e.seed, e.step + uint64_t(step)};
            const int lo = int(cut(rows, t, n)), hi = int(cut(rows, t + 1, n));
            for (int at = lo; at < hi && !rows_left; at += ROWS) {
                kernels.rows(program, batch, params, at, std::min(hi, at + ROWS), scratch[t]);
                if (t == 0 && at + ROWS < hi && unwanted()) rows_left = true;
            }
            if (t == 0) {
                long_rows = !never_asked && e.unwanted && since(step_began) >= e.seconds;
                deal.anew();
            }
            const Update<T> u = update(e.scalars + step * e.n_scalars, e.n_scalars, batch.total);
            const int64_t penalised = rule.l2 != 0 || rule.l1 != 0 ? program.n_matrices : 0;
            each_strip(penalised, t, n, strips,
                       [&](int64_t at, int64_t size) { return kernels.penalty(params + at, size, u.l2, u.l1); });
            barrier.meet();
            if (rows_left) break;
            const double value =
                total_of(program.loss.rows, rows) / batch.total + total_of(strips, n_strips(penalised));
            if (!std::isfinite(value)) {
                if (t == 0) progress.diverged = true;
                break;
            }
            Ahead ahead = next_rows(e, first + e.batch, t, n);
            Scratch<T> own = scratch[t];
            own.ahead = &ahead;
            const bool waits = clipped || long_rows;  // for its norm, or for all to agree that the step is wanted
            const Update<T> given = waits ? u.kept_in(grads) : u;
            deal.each(t, [&](int whose, int i) {
                if (i >= int(ranges[whose].size()) || weights_left) return false;
                const Range& r = ranges[whose][i];
                kernels.weights(layers[r.layer], given, int(rows), r.lo, r.hi, own);
                if (t == 0 && long_rows && unwanted()) weights_left = true;
                return true;
            });
            if (waits) {
                barrier.meet();
                if (weights_left) break;
                const T factor = clipped ? clip_factor(barrier, t, n) : 1;
                for (const Range& r : ranges[t]) kernels.apply(layers[r.layer], given, factor, r.lo, r.hi);
            }
            if (t == 0) {
                progress.done++;
                progress.loss += value * (rule.by_batch ? double(rows) : batch.total);
                progress.score += total_of(program.loss.scores, rows);
                step_began = Clock::now();
                late = seconds(began, step_began) > e.seconds;
            }
            barrier.meet();
            if (late) break;
        }
        const int64_t from = cut(n_params, t, n), to = cut(n_params, t + 1, n);
        if (!kernels.finite(params + from, to - from)) finite = false;
    });
    const int64_t met = std::min(progress.done * e.batch, e.n_rows) - start * e.batch;
    if (tried && met > 0) pace.tell(n, since(began) * double(e.batch) / double(met));
    progress.finite = finite;
    progress.abandoned = rows_left || weights_left;
    return progress;
}

template <class T>
double Engine<T>::gradients(int64_t n_rows, double total, uint64_t seed, uint64_t step, T* sums, T* dX, Threads wish) {
    const Share share;
    const int n = choose(wish, share);
    reserve(n);
    const auto ranges = divide(n);
    program.loss.soft = !data.labels;
    program.loss.spread = data.spread;
    std::vector<int64_t> order(n_rows);
    for (int64_t i = 0; i < n_rows; i++) order[i] = i;
    Update<T> u{};
    u.params = params, u.grads = sums, u.carry = carry, u.add = true;
    double value = 0;
    Barrier barrier(n, n > wish.limit);
    run_on(n, [&](int t) {
        for (const Range& r : ranges[t])
            kernels.mirrors(layers[r.layer], params, r.lo, r.hi);
        barrier.meet();
        for (int64_t first = 0; first < n_rows; first += capacity) {
            const int64_t rows = std::min(capacity, n_rows - first);
            const Batch<T> batch{data.X, data.labels, data.targets, data.weights, order.data() + first, rows, first,
                                 total, seed, step};
            const int lo = int(cut(rows, t, n)), hi = int(cut(rows, t + 1, n));
            kernels.rows(program, batch, params, lo, hi, scratch[t]);
            barrier.meet();
            for (const Range& r : ranges[t]) kernels.weights(layers[r.layer], u, int(rows), r.lo, r.hi, scratch[t]);
            for (int i = lo; dX && i < hi; i++)
                std::copy_n(layers[0].dx + i * layers[0].ldx, n_in(), dX + (first + i) * n_in());
            if (t == 0) value += total_of(program.loss.rows, rows) / total;
            barrier.meet();
        }
    });
    return value;
}

template <class T>
void Engine<T>::infer(const Source& X, int64_t n_rows, T* out, Threads wish) {
    const Share share;
    const int n = int(std::min<int64_t>(choose(wish, share), capacity / ROWS + 1));
    reserve(n);
    Batch<T> batch{};
    batch.X = X;
    run_on(n, [&](int t) {
        kernels.infer(program, batch, params, t * ROWS, cut(n_rows, t, n), cut(n_rows, t + 1, n), out, scratch[t]);
    });
}

template class Engine<float>;
template class Engine<double>;

}  // namespace chainrule
