// The module chainrule.backends._kernels: engines for float32 and float64, and what this machine can run.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "cpu.hpp"
#include "engine.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace chainrule {

#if defined(__x86_64__)
namespace v3 { extern const Isa isa; }
namespace v4 { extern const Isa isa; }
#elif defined(__aarch64__)
namespace neon { extern const Isa isa; }
#endif

namespace {

// The instruction sets that this CPU runs, the best first.
std::vector<const Isa*> usable() {
    std::vector<const Isa*> sets;
#if defined(__x86_64__)
    if (runs_v4()) sets.push_back(&v4::isa);
    if (runs_v3()) sets.push_back(&v3::isa);
#elif defined(__aarch64__)
    sets.push_back(&neon::isa);
#endif
    return sets;
}

const Isa& isa_named(const std::string& name) {
    for (const Isa* isa : usable())
        if (name == isa->name) return *isa;
    throw std::invalid_argument("this CPU does not run " + name);
}

using Any = nb::ndarray<nb::ro, nb::device::cpu>;
template <class V>
using Vector = nb::ndarray<const V, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class V>
using Flat = nb::ndarray<V, nb::c_contig, nb::device::cpu>;
template <class V, int N>
using Fixed = nb::ndarray<V, nb::shape<N>, nb::c_contig, nb::device::cpu>;
template <class V>
using Table = nb::ndarray<V, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

Number number_of(const Any& a) {
    if (a.dtype() == nb::dtype<float>()) return Number::f32;
    if (a.dtype() == nb::dtype<double>()) return Number::f64;
    if (a.dtype() == nb::dtype<uint8_t>()) return Number::u8;
    throw std::invalid_argument("expected float32, float64 or uint8");
}

Source dense_source(const Any& X, double scale, double shift) {
    if (X.ndim() != 2 || (X.shape(1) > 1 && X.stride(1) != 1)) throw std::invalid_argument("expected rows side by side");
    return {X.data(), number_of(X), X.stride(0), scale, shift, nullptr, nullptr};
}

// Whether a signal has come, as Ctrl-C; the exception that its handler raised goes into `signal`.
std::function<bool()> asks_for(std::optional<nb::python_error>& signal) {
    return [&signal] {
        nb::gil_scoped_acquire held;
        if (PyErr_CheckSignals() == 0) return false;
        signal.emplace();
        return true;
    };
}

using LossTuple = std::tuple<std::string, double, std::string>;
LossSpec loss_of(const LossTuple& loss) { return {std::get<0>(loss), std::get<1>(loss), std::get<2>(loss)}; }

template <class T>
class Bound : public Engine<T> {
public:
    Bound(const std::string& isa, const std::vector<std::tuple<std::string, int, int, double, int, int64_t, int64_t>>& specs,
          const LossTuple& loss, int64_t n_params, int64_t n_decay, int64_t rows,
          bool training, bool input_gradient)
        : Engine<T>(isa_named(isa), layers_of(specs), loss_of(loss), n_params, n_decay, rows, training, input_gradient) {}

    void use_data(const Any& X, std::optional<Vector<int64_t>> starts, std::optional<Vector<int64_t>> columns,
                  std::optional<Vector<int64_t>> labels, std::optional<Flat<const T>> targets,
                  std::optional<Vector<T>> weights, double spread, double scale, double shift) {
        Rows<T> rows{};
        if (starts) rows.X = {X.data(), number_of(X), 0, 1, 0, starts->data(), columns->data()};
        else rows.X = dense_source(X, scale, shift);
        rows.labels = labels ? labels->data() : nullptr;
        rows.targets = targets ? targets->data() : nullptr;
        rows.weights = weights ? weights->data() : nullptr;
        rows.spread = spread;
        this->use(rows);
        held = {X, starts, columns, labels, targets, weights};
    }

    void use_state(Flat<T> params, Flat<T> moments) {
        const int64_t n = this->size();
        if (int64_t(params.size()) != n) throw std::invalid_argument("expected " + std::to_string(n) + " parameters");
        const int64_t k = n ? moments.size() / n : 0;
        this->use(params.data(), k > 0 ? moments.data() : nullptr, k > 1 ? moments.data() + n : nullptr);
        state = {params, moments};
    }

    void use_rule(const std::string& name, double a, double b, double epsilon, bool nesterov, double decay, double clip,
                  double l2, double l1, bool by_batch) {
        this->use(RuleSpec{name, a, b, epsilon, nesterov, decay, clip, l2, l1, by_batch});
    }

    // `done` (steps, which of `kept` is best, threads) and `lowest` are brought up to date before anything can be raised. The
    // last of what is returned is the exception of a signal that came during a long step, or None.
    nb::tuple train_steps(Table<const int64_t> orders, int64_t batch, Fixed<int64_t, 3> done, Fixed<double, 1> lowest,
                          Vector<double> totals, Table<const double> scalars, uint64_t seed, uint64_t step, double seconds,
                          Table<double> results, double loss_over, double score_over, std::optional<Table<T>> kept,
                          int wanted, int limit, bool exact) {
        if (results.size() != 2 * orders.shape(0) || (kept && int64_t(kept->size()) != 2 * this->size()))
            throw std::invalid_argument("expected two results for each epoch, and room for the parameters twice");
        std::optional<nb::python_error> signal;
        const Epochs epochs{orders.data(), int64_t(orders.shape(0)), int64_t(orders.shape(1)), batch, totals.data(),
                            scalars.data(), int(scalars.shape(1)), seed, step, seconds, results.data(), loss_over,
                            score_over, asks_for(signal)};
        Progress p{done(0), lowest(0), int(done(1))};
        {
            nb::gil_scoped_release released;
            p = this->train(epochs, p, {wanted, limit, exact}, kept ? kept->data() : nullptr);
        }
        done(0) = p.done, done(1) = p.best, done(2) = p.threads, lowest(0) = p.lowest;
        return nb::make_tuple(p.diverged, p.finite, signal ? nb::borrow(signal->value()) : nb::none());
    }

    // The loss, and the exception of a signal or None.
    nb::tuple add_gradients(int64_t n_rows, double total, uint64_t seed, uint64_t step, Flat<T> sums,
                         std::optional<Flat<T>> dX, double seconds, int wanted, int limit, bool exact) {
        std::optional<nb::python_error> signal;
        double value;
        {
            nb::gil_scoped_release released;
            value = this->gradients(n_rows, total, seed, step, sums.data(), dX ? dX->data() : nullptr,
                                    {wanted, limit, exact}, seconds, asks_for(signal));
        }
        return nb::make_tuple(value, signal ? nb::borrow(signal->value()) : nb::none());
    }

    void outputs(const Any& X, double scale, double shift, Flat<T> out, int wanted, int limit, bool exact) {
        const Source source = dense_source(X, scale, shift);
        nb::gil_scoped_release released;
        this->infer(source, int64_t(X.shape(0)), out.data(), {wanted, limit, exact});
    }

private:
    // What the engine points into stays alive with it.
    std::tuple<Any, std::optional<Vector<int64_t>>, std::optional<Vector<int64_t>>, std::optional<Vector<int64_t>>,
               std::optional<Flat<const T>>, std::optional<Vector<T>>> held;
    std::pair<Flat<T>, Flat<T>> state;

    static std::vector<LayerSpec> layers_of(
        const std::vector<std::tuple<std::string, int, int, double, int, int64_t, int64_t>>& specs) {
        std::vector<LayerSpec> layers;
        for (const auto& [name, n_in, n_out, setting, index, matrix, vector] : specs)
            layers.push_back({name, n_in, n_out, setting, index, matrix, vector});
        return layers;
    }
};

// Bits of a float without its sign: larger than `most`'s means too large, infinite or NaN.
template <class From, class Bits>
bool all_within(const void* values, int64_t n, From most) {
    Bits limit, bits, bad = 0;
    std::memcpy(&limit, &most, sizeof limit);
    for (int64_t i = 0; i < n; i++) {
        std::memcpy(&bits, static_cast<const From*>(values) + i, sizeof bits);
        bad |= Bits((bits & (~Bits(0) >> 1)) > limit);
    }
    return !bad;
}

struct Buffer {  // Python's buffer protocol: the quickest way to an array's numbers
    Py_buffer view;
    bool ok;
    Buffer(nb::handle array, int flags) : ok(PyObject_GetBuffer(array.ptr(), &view, flags) == 0) {
        if (!ok) PyErr_Clear();
    }
    ~Buffer() {
        if (ok) PyBuffer_Release(&view);
    }
    char format() const { return view.format && view.format[0] && !view.format[1] ? view.format[0] : 0; }
};

// Where the first of the highest entries is; as numpy.argmax, the first NaN where there is one.
template <class T>
int64_t highest(const T* row, int64_t n) {
    int64_t best = 0;
    for (int64_t c = 1; c < n && row[best] == row[best]; c++)
        if (!(row[c] <= row[best])) best = c;
    return best;
}

// Outputs for a few rows, with every check on the way; False where the long way has to look at them.
template <class T>
bool quick_outputs(Bound<T>& engine, nb::handle X, nb::handle out, bool labels) {
    const Buffer rows(X, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT), to(out, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE);
    if (!rows.ok || !to.ok || rows.view.ndim != 2 || rows.view.shape[1] != engine.n_in()) return false;
    const int64_t n = rows.view.shape[0], size = n * engine.n_in(), width = labels ? 1 : engine.n_out();
    const char format = rows.format();
    if (n < 1 || n > ROWS || to.view.len != n * width * int64_t(labels ? sizeof(int64_t) : sizeof(T))) return false;
    const bool f32 = format == 'f', f64 = format == 'd';
    if (!f32 && !f64) return false;
    if (reinterpret_cast<uintptr_t>(rows.view.buf) % rows.view.itemsize != 0) return false;
    if (!(f32 && all_within<float, uint32_t>(rows.view.buf, size, std::numeric_limits<float>::max())) &&
        !(f64 && all_within<double, uint64_t>(rows.view.buf, size, double(std::numeric_limits<T>::max()))))
        return false;
    const Source source{rows.view.buf, f32 ? Number::f32 : Number::f64, engine.n_in(), 1, 0, nullptr, nullptr};
    if (!labels) {
        engine.infer(source, n, static_cast<T*>(to.view.buf), {1, 1, true});
        return true;
    }
    T z[64];
    std::vector<T> many;
    if (n * engine.n_out() > 64) many.resize(n * engine.n_out());
    T* outputs = many.empty() ? z : many.data();
    engine.infer(source, n, outputs, {1, 1, true});
    for (int64_t i = 0; i < n; i++) {
        const T* row = outputs + i * engine.n_out();
        static_cast<int64_t*>(to.view.buf)[i] = highest(row, engine.n_out());
    }
    return true;
}

template <class T>
std::pair<double, double> evaluated(const std::string& isa, const LossTuple& loss, Table<const T> z,
                                    std::optional<Vector<int64_t>> labels, std::optional<Flat<const T>> targets,
                                    std::optional<Vector<T>> weights, double spread, double total, Flat<const T> matrices,
                                    double l2, double l1) {
    const int64_t n = z.shape(0), width = z.shape(1);
    bool fits = bool(labels) != bool(targets) && (!weights || int64_t(weights->size()) == n);
    if (targets) fits = fits && int64_t(targets->size()) == n * width;
    if (labels) fits = fits && int64_t(labels->size()) == n && std::all_of(labels->data(), labels->data() + n,
                                                                          [=](int64_t k) { return 0 <= k && k < width; });
    if (!fits) throw std::invalid_argument("expected a label, or a target for each output, and a weight for each row");
    const Rows<T> rows{{}, labels ? labels->data() : nullptr, targets ? targets->data() : nullptr,
                       weights ? weights->data() : nullptr, spread};
    const nb::gil_scoped_release released;
    return evaluate<T>(isa_named(isa), loss_of(loss), rows, z.data(), n, int(width), total,
                       matrices.data(), int64_t(matrices.size()), l2, l1);
}

template <class T>
void bind(nb::module_& m, const char* name) {
    m.def("evaluate", &evaluated<T>, "isa"_a, "loss"_a, "z"_a.noconvert(), "labels"_a.none(), "targets"_a.none(),
          "weights"_a.none(), "spread"_a, "total"_a, "matrices"_a.noconvert(), "l2"_a, "l1"_a);
    using E = Bound<T>;
    nb::class_<E>(m, name)
        .def(nb::init<const std::string&, const std::vector<std::tuple<std::string, int, int, double, int, int64_t, int64_t>>&,
                      const LossTuple&, int64_t, int64_t, int64_t, bool, bool>())
        .def("use_data", &E::use_data, "X"_a, "starts"_a.none(), "columns"_a.none(), "labels"_a.none(),
             "targets"_a.none(), "weights"_a.none(), "spread"_a, "scale"_a, "shift"_a)
        .def("use_state", &E::use_state, "params"_a.noconvert(), "moments"_a.noconvert())  // written to: no copies of them
        .def("use_rule", &E::use_rule)
        .def("train", &E::train_steps, "orders"_a, "batch"_a, "done"_a.noconvert(), "lowest"_a.noconvert(), "totals"_a,
             "scalars"_a, "seed"_a, "step"_a, "seconds"_a, "results"_a.noconvert(), "loss_over"_a, "score_over"_a,
             "kept"_a.none().noconvert(), "wanted"_a, "limit"_a, "exact"_a)
        .def("gradients", &E::add_gradients, "n_rows"_a, "total"_a, "seed"_a, "step"_a, "sums"_a.noconvert(),
             "dX"_a.none().noconvert(), "seconds"_a,
             "wanted"_a, "limit"_a, "exact"_a)
        .def("infer", &E::outputs, "X"_a, "scale"_a, "shift"_a, "out"_a.noconvert(), "wanted"_a, "limit"_a, "exact"_a)
        .def("quick_outputs", [](E& e, nb::handle X, nb::handle out) { return quick_outputs<T>(e, X, out, false); })
        .def("quick_labels", [](E& e, nb::handle X, nb::handle out) { return quick_outputs<T>(e, X, out, true); });
}

// What all threads did within the same short time, at best: two that share a core have not twice what one has.
double peak(const std::string& isa, double seconds, int threads) {
    using Clock = std::chrono::steady_clock;
    using Seconds = std::chrono::duration<double>;
    constexpr Seconds WINDOW(2e-3);
    constexpr int64_t N = 20000;  // takes far less, with any instruction set
    const Isa& set = isa_named(isa);
    std::vector<double> rates(threads);
    double best = 0;
    bool done = false;
    nb::gil_scoped_release released;
    Barrier barrier(threads, false);
    const auto began = Clock::now();
    auto start = began;
    run_on(threads, [&](int t) {
        barrier.meet();
        while (!done) {
            Seconds passed(0);
            int64_t times = 0;
            for (; (passed = Clock::now() - start) < WINDOW; times++) set.peak(N);
            rates[t] = 2.0 * double(times * N) * set.lanes / passed.count();
            barrier.meet();
            if (t == 0) {
                best = std::max(best, std::accumulate(rates.begin(), rates.end(), 0.0));
                start = Clock::now();
                done = !(Seconds(start - began).count() < seconds);
            }
            barrier.meet();
        }
    });
    return best;
}

}  // namespace
}  // namespace chainrule

NB_MODULE(_kernels, m) {
    using namespace chainrule;
    nb::exception<NoThread>(m, "NoThread", PyExc_RuntimeError);
    bind<float>(m, "Engine32");
    bind<double>(m, "Engine64");
    m.def("isas", [] {
        std::vector<std::string> names;
        for (const Isa* isa : usable()) names.emplace_back(isa->name);
        return names;
    });
    m.def("peak", &peak, "isa"_a, "seconds"_a, "threads"_a,
          "Floating-point operations a second of so many threads at once, float32, the best seen.");
    m.def("orders", [](Table<int64_t> out, uint64_t seed, uint64_t first, int threads) {
        nb::gil_scoped_release released;
        epoch_orders(int64_t(out.shape(1)), seed, first, int64_t(out.shape(0)), out.data(), threads);
    }, "out"_a.noconvert(), "seed"_a, "first"_a, "threads"_a);
    m.def("layers", &layer_names);
    m.def("losses", &loss_names);
    m.def("rules", &rule_names);
    m.attr("rows") = ROWS;
}
