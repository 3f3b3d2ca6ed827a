// Builds a Program and runs it: the arrays of a batch, the loop over steps, the division of work among threads.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "program.hpp"
#include "team.hpp"

namespace chainrule {

struct LayerSpec {
    std::string name;  // of the class in Python
    int n_in, n_out;
    double setting;
    int index;
    int64_t matrix, vector;
};

struct LossSpec {
    std::string name;
    double setting;
    std::string target;  // labels, flags, values or counts
};

struct RuleSpec {
    std::string name;
    double a, b, epsilon;  // momentum; ρ; β₁ and β₂
    bool nesterov;
    double decay, clip, l2, l1;  // clip 0: none
    bool by_batch = false;       // the penalty is divided by the batch's total, and its loss counts by its rows
};

template <class T>
struct Rows {  // the caller's data, aligned
    Source X;
    const int64_t* labels;
    const T *targets, *weights;
    double spread;
};

struct Epochs {  // one after another
    const int64_t* order;  // the rows as each of them visits them
    int64_t count, n_rows, batch;
    const double *totals, *scalars;  // of each step: its weights' sum; η and the bias corrections
    int n_scalars;
    uint64_t seed, step;  // step: the number of the first
    double seconds;  // a call stops after the first step that ends later
    // (count, 2): loss and score of each; sums as long as it is under way, which are divided at its end.
    double* results;
    double loss_over, score_over;
    // Asked on the calling thread every `seconds` of a long step: whether to abandon it, with the parameters as they were.
    // In the phase of the weights too, where that of the rows took as long; in a short step's only if `seconds` is 0.
    std::function<bool()> unwanted = {};

    int64_t steps() const { return (n_rows + batch - 1) / batch; }  // of an epoch
    int64_t first(int64_t number) const { return number / steps() * n_rows + number % steps() * batch; }  // row of a step
    int64_t rows(int64_t number) const { return std::min(batch, n_rows - number % steps() * batch); }
};

struct Progress {  // of epochs, from call to call
    int64_t done = 0;  // steps
    // The lowest loss of an epoch so far, and which of the kept parameters it began with.
    double lowest = std::numeric_limits<double>::infinity();
    int best = 0;
    bool diverged = false;   // in the step after `done`
    bool finite = true;      // the parameters at the end of an epoch
    bool abandoned = false;  // the step after `done`, since it was unwanted
    int threads = 1;
};

struct Threads {
    int wanted, limit;
    bool exact;
};

class Memory {  // zeroed, aligned, freed together
public:
    template <class T>
    T* array(int64_t n) { return static_cast<T*>(take(n * sizeof(T))); }

private:
    void* take(size_t bytes);
    struct Free { void operator()(void* p) const; };
    std::vector<std::unique_ptr<void, Free>> blocks;
};

std::vector<std::string> layer_names(), loss_names(), rule_names();  // of the classes that have a kernel

// The orders (count, n) in which epochs from `first` on visit n rows, as chainrule.random.order documents them.
void epoch_orders(int64_t n, uint64_t seed, uint64_t first, int64_t count, int64_t* orders, int threads);

// In four chains at once: one would wait for each sum.
double total_of(const double* sums, int64_t n);
int64_t n_strips(int64_t n);  // of n elements

// Loss, with the penalty on the matrices, and score of rows whose outputs are z (n_rows, width), as training counts them.
template <class T>
std::pair<double, double> evaluate(const Isa&, const LossSpec&, const Rows<T>&, const T* z, int64_t n_rows, int width,
                                   double total, const T* matrices, int64_t n_decay, double l2, double l1);

template <class T>
class Engine {
public:
    // `rows`: of the largest batch. Without `training` there is room for outputs alone, of ROWS rows for each thread.
    Engine(const Isa&, const std::vector<LayerSpec>&, const LossSpec&, int64_t n_params, int64_t n_decay, int64_t rows,
           bool training, bool input_gradient);

    Engine(const Engine&) = delete;

    void use(const Rows<T>& rows) { data = rows; }
    void use(T* params, T* moment0, T* moment1);
    void use(const RuleSpec&);
    void room_for_gradient();
    // `kept` (2, P), or null: the parameters that the epoch of the lowest loss began with, and those of the one under way.
    Progress train(const Epochs&, Progress so_far, Threads, T* kept);
    // Adds the gradient of rows of the data, in blocks of the engine's size, to grads; their loss divided by total. Between
    // blocks, after every `seconds`, it is asked whether to stop.
    double gradients(int64_t n_rows, double total, uint64_t seed, uint64_t step, T* grads, T* dX, Threads, double seconds,
                     const std::function<bool()>& unwanted);
    void infer(const Source& X, int64_t n_rows, T* out, Threads);

    int64_t size() const { return n_params; }
    int n_in() const { return program.layers[0].n_in; }
    int n_out() const { return program.layers[program.n_layers - 1].n_out; }

private:
    struct Range { int layer, lo, hi; };
    class Training;
    void place(std::vector<LayerSpec> const&, bool training, bool input_gradient);
    std::vector<std::vector<Range>> divide(int threads) const;
    void reserve(int threads);
    Ahead next_rows(const Epochs&, int64_t number, int t) const;
    Update<T> update(const double* scalars, int n_scalars, double total) const;

    const Kernels<T>& kernels;
    Memory memory;
    std::vector<Layer<T>> layers;
    Program<T> program{};
    int64_t n_params, capacity;
    Rows<T> data{};
    RuleSpec rule{};
    Rule rule_kind = Rule::none;
    T *params = nullptr, *moments[2] = {}, *grads = nullptr, *carry = nullptr;
    // A batch whose rows hold much more than the weights is cut into shards, as many on any number of threads: one thread
    // takes a shard forward, back and through the sums that the weights wait for, and these are added up in order.
    int n_shards = 0;    // 0: the batch is not cut
    T* shards = nullptr;  // the sums over each of them, shard_size apart, then what each carries
    int64_t shard_size = 0;
    double* strips = nullptr;
    std::vector<Scratch<T>> scratch;
    Pace pace;
    Split split{1};
};

}  // namespace chainrule
