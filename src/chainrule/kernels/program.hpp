// A network as the kernels see it: plain structures that the engine fills in, and the table of functions that each
// instruction set provides. Parameters, moments and gradients are flat arrays, laid out as the Plan says.
#pragma once

#include <cstdint>

namespace chainrule {

enum class Kind {
    dense, dropout, layer_norm, softmax,  // the others are element by element
    relu, leaky_relu, elu, selu, gelu, gelu_tanh, silu, mish, softplus, tanh, sigmoid
};
enum class LossKind { cross_entropy, binary_cross_entropy, squared, half_squared, absolute, huber, quantile, poisson, poisson_deviance };
enum class Rule { none, sgd, classical_momentum, adagrad, rmsprop, adam };  // none: the gradient itself is wanted
enum class ScoreKind { labels, flags, values };
enum class Number { f32, f64, u8 };

// Inlined for certain: of a copy out of line the linker would keep one, which might be a newer instruction set's.
[[gnu::always_inline]] inline bool elementwise(Kind kind) { return kind >= Kind::relu; }

[[gnu::always_inline]] inline bool has_weights(Kind kind) { return kind == Kind::dense || kind == Kind::layer_norm; }

// An element-wise layer whose derivative is taken from y, so that x need not be kept.
[[gnu::always_inline]] inline bool by_output(Kind kind) { return kind <= Kind::selu || kind == Kind::tanh || kind == Kind::sigmoid; }

// One layer and the batch's arrays around it. Rows are `ld` apart; columns beyond the width hold no values of use.
template <class T>
struct Layer {
    Kind kind;
    int n_in, n_out;
    T setting;               // slope, alpha, epsilon; Dropout's threshold
    int index;               // among the network's layers: the stream of Dropout's mask
    int64_t matrix, vector;  // where W and b, or gamma and beta, start in the flat arrays
    T *x, *y, *dx, *dy;      // dx is null where nobody reads it
    int64_t ldx, ldy;
    T *memory, *scale;       // mask or xhat (rows of ldx), 1/standard deviation
    // W where it is large and many rows read it, and Wᵀ where dx is wanted, as products read them; every update refreshes them.
    T *panels, *transposed;
    T* dy_panels;            // dy of a wide W, as the sums over the batch read it
    int64_t most_rows;       // of a batch: the height of dy_panels
};

template <class T>
struct Loss {
    LossKind kind;
    T setting;
    ScoreKind score;
    bool soft;  // cross-entropy against rows of probabilities
    double spread;
    T *total, *shift;  // a row's Σ e^(z - max), and what the loss takes off its logarithm
    double *rows, *scores;
};

template <class T>
struct Outputs {  // of the network, with the room for their gradient
    const T* z;
    T* dz;
    int64_t ld;
    int width;
};

struct Source {  // the caller's rows: dense, or compressed sparse rows where `starts` is given
    const void* values;
    Number number;
    int64_t stride;
    double scale, shift;  // a value means value·scale + shift
    const int64_t *starts, *columns;

    int64_t bytes() const { return number == Number::f32 ? 4 : number == Number::f64 ? 8 : 1; }  // of a value
};

template <class T>
struct Update {
    Rule rule;
    bool nesterov;
    T a, b, c, d, epsilon;          // momentum; ρ, -, 1 - ρ; β₁, β₂, 1 - β₁, 1 - β₂
    T lr, rate, scale;              // η; Adam's η/(1 - β₁ᵗ) and 1/(1 - β₂ᵗ)
    T keep;                         // 1 - η·λ, for matrices
    T l2, l1;
    T *params, *moment[2], *grads;  // grads: where sums are kept instead of applied
    T* carry;                       // sums over earlier rows of a batch of more than DEPTH
    bool add;                       // to grads, of which this is one block of rows

    Update kept_in(T* room) const {
        Update u = *this;
        u.grads = room;
        return u;
    }
};

template <class T>
struct Batch {
    Source X;
    const int64_t* labels;
    const T *targets, *weights;
    const int64_t* order;
    int64_t n_rows, first_row;  // first_row of the global batch
    double total;
    uint64_t seed, step;
};

// Rows of the next batch, which memory sends while the sums of this one are made.
struct Ahead {
    const char* values;
    int64_t stride, width;  // bytes
    const int64_t* order;
    int64_t n, row, at;  // what comes next is byte `at` of row `row` among n
};

template <class T>
struct Scratch {  // of one thread
    T *panel, *block;
    Ahead* ahead = nullptr;
};

template <class T>
struct Program {
    Layer<T>* layers;
    int n_layers;
    Loss<T> loss;
    int64_t n_decay;  // elements of the flat arrays that belong to matrices, which come first
    T* input;
};

// What each instruction set provides. Ranges are rows of the batch, or rows of a layer's weights with the bias as the last.
template <class T>
struct Kernels {
    void (*rows)(const Program<T>&, const Batch<T>&, const T* params, int lo, int hi, Scratch<T>);
    void (*infer)(const Program<T>&, const Batch<T>&, const T* params, int place, int64_t lo, int64_t hi, T* out,
                  Scratch<T>);
    void (*losses)(const Loss<T>&, const Batch<T>&, Outputs<T>, int lo, int hi);
    void (*weights)(const Layer<T>&, const Update<T>&, int n_rows, int lo, int hi, Scratch<T>);
    void (*shard)(const Layer<T>&, const Update<T>&, int first, int n_rows, Scratch<T>);
    void (*combine)(const Layer<T>&, const Update<T>&, const T* shards, int n_shards, int64_t stride, int lo, int hi);
    void (*apply)(const Layer<T>&, const Update<T>&, T factor, int lo, int hi);
    void (*mirrors)(const Layer<T>&, const T* params, int lo, int hi);
    double (*penalty)(const T*, int64_t n, T l2, T l1);
    double (*squares)(const T*, int64_t n);
    bool (*finite)(const T*, int64_t n);
};

struct Isa {
    const char* name;
    Kernels<float> f32;
    Kernels<double> f64;
    double (*peak)(int64_t n);  // n times `lanes` products and sums in float32
    int lanes;
    template <class T>
    const Kernels<T>& kernels() const;
};
template <>
inline const Kernels<float>& Isa::kernels<float>() const { return f32; }
template <>
inline const Kernels<double>& Isa::kernels<double>() const { return f64; }

constexpr int CHAIN = 264;       // a product adds at most so many terms one by one, which rounds about as a BLAS does
constexpr int DEPTH = 1024;      // terms over which a tile's chains are added up at once
constexpr int PANEL = 1 << 17;   // bytes of a thread's room for a panel, of two vectors by DEPTH
constexpr int FAR = 2048;        // bytes from row to row above which a factor is read better in panels
constexpr int LARGE = 1 << 17;   // bytes of a factor above which closer rows may compete for a cache too
constexpr int FEW_ROWS = 32;     // of a batch: W is packed for so many, or read where it is, which costs less than a copy
constexpr int L1 = 1 << 15;      // bytes of the first cache
constexpr int BLOCK_M = 264;     // rows of the left factor that meet the same columns of the right one
constexpr int ROWS = 256;        // of a batch that go through all layers together
constexpr int SHARDS = 4;        // at least, of a batch whose rows hold much more than the weights
constexpr int MOST_SHARDS = 64;  // as many threads at most share such a batch
constexpr int SHARD_ROWS = 64;   // at least
constexpr int MUCH = 8;          // times as much as the weights of all shards
constexpr int LINE = 64;         // bytes that memory sends at once
constexpr int STRIP = 4096;      // elements whose penalty or squares are summed apart
constexpr int WHOLE_TILES = 24;  // rows that are whole tiles, of every instruction set
constexpr int PIECE = 4096;      // elements of a layer's padded weights that are worth being taken by themselves
constexpr int LOOK_ROWS = 120;   // of weights between two looks at whether a long step is still wanted; PIECE may ask for more

// Whether a right factor of n rows, so many bytes apart, is read better in panels: they are far apart, or they are many and an
// even number of lines apart, and compete for a few places of the first cache.
[[gnu::always_inline]] inline bool better_in_panels(int64_t row, int64_t n) {
    return row > FAR || (row % (2 * LINE) == 0 && row * n > LARGE);
}

}  // namespace chainrule
