// What the engine's threads do together: steps of training in two phases, gradients of all rows, predictions.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "engine.hpp"

namespace chainrule {

namespace {

constexpr int64_t LONG = 10'000'000;  // rows times parameters: such a step is always worth many threads

using Clock = std::chrono::steady_clock;
double seconds(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double>(to - from).count(); }
double since(Clock::time_point then) { return seconds(then, Clock::now()); }

// Where the part of thread t begins.
int64_t cut(int64_t n, int t, int threads) { return std::min(n, (n + 3) / 4 * t / threads * 4); }

int choose(const Threads& wish, const Share& share) {
    return wish.exact ? wish.wanted : std::min(wish.wanted, share.threads(wish.limit));
}

// f over strips of n elements, each into its place: each thread takes some. Behind a barrier all add up all, in order.
template <class F>
void each_strip(int64_t n, int t, int threads, double* sums, F f) {
    for (int64_t i = t; i * STRIP < n; i += threads) sums[i] = f(i * STRIP, std::min<int64_t>(STRIP, n - i * STRIP));
}

int moments_of(Rule kind, const RuleSpec& rule) {
    switch (kind) {
        case Rule::none: throw std::invalid_argument("training needs an optimizer");
        case Rule::sgd: return rule.a != 0;
        case Rule::adam: return 2;
        default: return 1;
    }
}

}  // namespace

// What thread t gathers for a step to come, as many lines as fit in a cache beside this step's arrays.
template <class T>
Ahead Engine<T>::next_rows(const Epochs& e, int64_t number, int t) const {
    constexpr int64_t ROOM = (1 << 18) / LINE;
    const Source& X = data.X;
    if (n_shards || X.starts || number >= e.count * e.steps()) return {};
    const int64_t rows = e.rows(number), lo = split.begin(rows, t), hi = split.begin(rows, t + 1);
    const int64_t width = n_in() * X.bytes();
    return {static_cast<const char*>(X.values), X.stride * X.bytes(), width, e.order + e.first(number) + lo,
            std::min(hi - lo, ROOM / (width / LINE + 1)), 0, 0};
}

template <class T>
Update<T> Engine<T>::update(const double* s, int n_scalars, double total) const {
    Update<T> u{};
    u.rule = rule_kind;
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

// One call of `train`: what its threads share, and what each of them does.
template <class T>
class Engine<T>::Training {
public:
    Training(Engine& engine, const Epochs& e, Progress& progress, T* kept, int n, bool crowded, bool asks_late)
        : engine(engine), e(e), progress(progress), kept(kept), n(n), asks_late(asks_late), barrier(n, crowded), deal(n) {
        if (engine.split.threads() != n) engine.split = Split(n);
    }

    void work(int t) {
        for (const Range& r : ranges[t]) engine.kernels.mirrors(engine.layers[r.layer], engine.params, r.lo, r.hi);
        barrier.meet();
        if (t == 0) step_began = Clock::now();
        for (int64_t number = start; number < n_steps && step(t, number); number++) {
        }
        if (progress.done % e.steps() == 0) look_at_parameters(t);
    }

    // For `progress`, once all threads are back.
    bool is_finite() const { return finite; }
    bool was_abandoned() const { return rows_left || weights_left; }

private:
    // Whether another is to follow.
    bool step(int t, int64_t number) {
        const int64_t rows = e.rows(number);
        const Rows<T>& data = engine.data;
        const Batch<T> batch{data.X, data.labels, data.targets, data.weights, e.order + e.first(number), rows, 0,
                             e.totals[number], e.seed, e.step + uint64_t(number)};
        const Update<T> u = engine.update(e.scalars + number * e.n_scalars, e.n_scalars, batch.total);
        if (number % e.steps() == 0) begin_epoch(t, number);
        Ahead ahead = engine.next_rows(e, number + 1, t);  // before the barrier, behind which the split adapts
        rows_phase(t, batch, u);
        barrier.meet();
        if (rows_left || !finite) return false;
        const double value =
            total_of(engine.program.loss.rows, rows) / batch.total + total_of(engine.strips, n_strips(penalised));
        if (!std::isfinite(value)) {
            if (t == 0) progress.diverged = true;
            return false;
        }
        if (!weights_phase(t, rows, u, &ahead)) return false;
        if (t == 0) {
            count(value, batch, e.results + number / e.steps() * 2);
            if (rows == e.batch) split.adapt();  // few rows say little of a thread's pace
        }
        barrier.meet();
        return !late;
    }

    // Nobody writes to the parameters before the next barrier.
    void begin_epoch(int t, int64_t number) {
        if (number > start) look_at_parameters(t);
        const int64_t from = cut(engine.n_params, t, n), to = cut(engine.n_params, t + 1, n);
        if (kept) std::copy(engine.params + from, engine.params + to, kept + (1 - progress.best) * engine.n_params + from);
    }

    void look_at_parameters(int t) {
        const int64_t from = cut(engine.n_params, t, n), to = cut(engine.n_params, t + 1, n);
        if (!engine.kernels.finite(engine.params + from, to - from)) finite = false;
    }

    // The rows of thread t through all layers and back, and its strips of the penalty.
    void rows_phase(int t, const Batch<T>& batch, const Update<T>& u) {
        if (!engine.n_shards) part_of(t, batch);
        for (int shard = t; shard < engine.n_shards && !rows_left; shard += n) shard_of(t, batch, shard);
        if (t == 0) {
            long_rows = asks_late && since(step_began) >= e.seconds;
            deal.anew();
        }
        each_strip(penalised, t, n, engine.strips, [&](int64_t at, int64_t size) {
            return engine.kernels.penalty(engine.params + at, size, u.l2, u.l1);
        });
    }

    void part_of(int t, const Batch<T>& batch) {
        if (n == 1) return rows_between(t, batch, 0, int(batch.n_rows));  // no clock: a step may take less than a microsecond
        const int lo = int(split.begin(batch.n_rows, t)), hi = int(split.begin(batch.n_rows, t + 1));
        const auto began = Clock::now();
        rows_between(t, batch, lo, hi);
        split.tell(t, hi - lo, since(began));
    }

    void rows_between(int t, const Batch<T>& batch, int lo, int hi) {
        for (int at = lo; at < hi && !rows_left; at += ROWS) {
            engine.kernels.rows(engine.program, batch, engine.params, at, std::min(hi, at + ROWS), engine.scratch[t]);
            if (t == 0 && at + ROWS < hi && unwanted()) rows_left = true;
        }
    }

    // One shard's rows, and its sums over them.
    void shard_of(int t, const Batch<T>& batch, int shard) {
        const int lo = int(cut(batch.n_rows, shard, engine.n_shards)), hi = int(cut(batch.n_rows, shard + 1, engine.n_shards));
        rows_between(t, batch, lo, hi);
        Update<T> sums{};
        sums.params = engine.params;
        sums.grads = engine.shards + shard * engine.shard_size;
        sums.carry = sums.grads + engine.n_shards * engine.shard_size;
        if (lo == hi) std::fill_n(sums.grads, engine.n_params, T(0));
        for (const Layer<T>& l : engine.layers) {
            if (lo == hi || rows_left) return;
            if (has_weights(l.kind)) engine.kernels.shard(l, sums, lo, hi - lo, engine.scratch[t]);
            if (t == 0 && hi - lo > ROWS && unwanted()) rows_left = true;
        }
    }

    // Sums over the batch, and what the rule makes of them; false where the step is abandoned.
    bool weights_phase(int t, int64_t rows, const Update<T>& u, Ahead* ahead) {
        Scratch<T> scratch = engine.scratch[t];
        scratch.ahead = ahead;
        const bool waits = clipped || long_rows;  // for its norm, or for all to agree that the step is wanted
        const Update<T> given = waits ? u.kept_in(engine.grads) : u;
        deal.each(t, [&](int whose, int i) {
            if (i >= int(ranges[whose].size()) || weights_left) return false;
            const Range& r = ranges[whose][i];
            const Layer<T>& l = engine.layers[r.layer];
            if (engine.n_shards) engine.kernels.combine(l, given, engine.shards, engine.n_shards, engine.shard_size, r.lo, r.hi);
            else engine.kernels.weights(l, given, int(rows), r.lo, r.hi, scratch);
            if (t == 0 && long_rows && unwanted()) weights_left = true;
            return true;
        });
        if (!waits) return true;
        barrier.meet();
        if (weights_left) return false;
        const T factor = clipped ? clip_factor(t) : 1;
        for (const Range& r : ranges[t]) engine.kernels.apply(engine.layers[r.layer], given, factor, r.lo, r.hi);
        return true;
    }

    // What the gradients in `grads` are multiplied by, so that their norm is at most the rule's. The threads meet once.
    T clip_factor(int t) {
        each_strip(engine.n_params, t, n, engine.strips, [&](int64_t at, int64_t size) {
            return engine.kernels.squares(engine.grads + at, size);
        });
        barrier.meet();
        const double norm = std::sqrt(total_of(engine.strips, n_strips(engine.n_params)));
        return norm > engine.rule.clip ? T(engine.rule.clip / norm) : T(1);
    }

    void count(double value, const Batch<T>& batch, double* result) {
        progress.done++;
        result[0] += value * (engine.rule.by_batch ? double(batch.n_rows) : batch.total);
        result[1] += total_of(engine.program.loss.scores, batch.n_rows);
        if (progress.done % e.steps() == 0) end_epoch(result);
        step_began = Clock::now();
        late = seconds(began, step_began) > e.seconds;
    }

    void end_epoch(double* result) {
        result[0] /= e.loss_over, result[1] /= e.score_over;
        if (kept && result[0] < progress.lowest) progress.lowest = result[0], progress.best = 1 - progress.best;
    }

    bool unwanted() {
        if (!e.unwanted || since(asked) <= e.seconds) return false;
        asked = Clock::now();
        return e.unwanted();
    }

    Engine& engine;
    const Epochs& e;
    Progress& progress;
    T* const kept;
    const int n;
    const bool asks_late;  // in the phase of the weights too
    const int64_t start = progress.done, n_steps = e.count * e.steps();
    const bool clipped = engine.rule.clip > 0;
    const int64_t penalised = engine.rule.l2 != 0 || engine.rule.l1 != 0 ? engine.program.n_decay : 0;
    const std::vector<std::vector<Range>> ranges = engine.divide(n);
    Barrier barrier;
    Split& split = engine.split;
    Deal deal;
    // The calling thread's: its clocks, and its word that is given before a barrier.
    Clock::time_point began = Clock::now(), asked = began, step_began;
    bool late = false, long_rows = false;
    // Abandoned: a flag for each phase, which counts behind its barrier.
    std::atomic<bool> rows_left{false}, weights_left{false}, finite{true};
};

template <class T>
Progress Engine<T>::train(const Epochs& given, Progress progress, Threads wish, T* kept) {
    Epochs e = given;
    for (int k = 0; k < moments_of(rule_kind, rule); k++)
        if (!moments[k]) throw std::invalid_argument(rule.name + " needs more moments than were given");
    const Share share;
    const bool is_short = e.batch * n_params < LONG, tried = is_short && !wish.exact;
    const int most = choose(wish, share), n = tried ? pace.choose(most) : most;
    if (tried && pace.is_trying()) e.seconds = std::min(e.seconds, Pace::TRIAL);
    reserve(n);
    program.loss.soft = !data.labels;
    program.loss.spread = data.spread;
    progress.threads = n;
    const int64_t start = progress.done;
    if (e.unwanted) room_for_gradient();
    const auto began = Clock::now();
    const bool soon_done = is_short && e.seconds > 0;  // with the weights, before `seconds` have passed
    Training training(*this, e, progress, kept, n, n > wish.limit, e.unwanted && !soon_done);
    run_on(n, [&](int t) { training.work(t); });
    const int64_t met = e.first(progress.done) - e.first(start);
    const double took = since(began);
    if (tried && met > 0) pace.tell(n, took * double(e.batch) / double(met), took);
    progress.finite = training.is_finite();
    progress.abandoned = training.was_abandoned();
    return progress;
}

template <class T>
double Engine<T>::gradients(int64_t n_rows, double total, uint64_t seed, uint64_t step, T* sums, T* dX, Threads wish,
                            double seconds, const std::function<bool()>& unwanted) {
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
    bool left = false;  // the calling thread's word, given before a barrier
    auto asked = Clock::now();
    Barrier barrier(n, n > wish.limit);
    run_on(n, [&](int t) {
        for (const Range& r : ranges[t]) kernels.mirrors(layers[r.layer], params, r.lo, r.hi);
        barrier.meet();
        for (int64_t first = 0; first < n_rows && !left; first += capacity) {
            const int64_t rows = std::min(capacity, n_rows - first);
            const Batch<T> batch{data.X, data.labels, data.targets, data.weights, order.data() + first, rows, first,
                                 total, seed, step};
            const int lo = int(cut(rows, t, n)), hi = int(cut(rows, t + 1, n));
            kernels.rows(program, batch, params, lo, hi, scratch[t]);
            barrier.meet();
            for (const Range& r : ranges[t]) kernels.weights(layers[r.layer], u, int(rows), r.lo, r.hi, scratch[t]);
            for (int i = lo; dX && i < hi; i++)
                std::copy_n(layers[0].dx + i * layers[0].ldx, n_in(), dX + (first + i) * n_in());
            if (t == 0) {
                value += total_of(program.loss.rows, rows) / total;
                if (since(asked) > seconds) left = unwanted(), asked = Clock::now();
            }
            barrier.meet();
        }
    });
    return value;
}

template <class T>
void Engine<T>::infer(const Source& X, int64_t n_rows, T* out, Threads wish) {
    const Share share;
    const int n = int(std::min<int64_t>(choose(wish, share), capacity / ROWS));
    reserve(n);
    Batch<T> batch{};
    batch.X = X;
    run_on(n, [&](int t) {
        kernels.infer(program, batch, params, t * ROWS, cut(n_rows, t, n), cut(n_rows, t + 1, n), out, scratch[t]);
    });
}

template Progress Engine<float>::train(const Epochs&, Progress, Threads, float*);
template double Engine<float>::gradients(int64_t, double, uint64_t, uint64_t, float*, float*, Threads, double,
                                         const std::function<bool()>&);
template void Engine<float>::infer(const Source&, int64_t, float*, Threads);
template Progress Engine<double>::train(const Epochs&, Progress, Threads, double*);
template double Engine<double>::gradients(int64_t, double, uint64_t, uint64_t, double*, double*, Threads, double,
                                          const std::function<bool()>&);
template void Engine<double>::infer(const Source&, int64_t, double*, Threads);

}  // namespace chainrule
