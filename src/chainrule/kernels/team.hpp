// Our own threads. OpenMP would hang in a forked child, alarm ThreadSanitizer, and crawl when two trainings share the cores.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <vector>

namespace chainrule {

// The system starts no more threads.
struct NoThread : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Calls work(0) here and work(1) … work(n - 1) on n - 1 other threads, and returns when all are done. The threads are kept
// for the next call; a forked child starts its own. Throws NoThread, and has called nothing then.
void run_on(int n, const std::function<void(int)>& work);

struct Pool;

// Holds a place among the calls that share the cores, as long as it lives.
class Share {
public:
    Share();
    ~Share();
    // Of `limit` threads that the process may use, what is this call's when all calls share alike.
    int threads(int limit) const;

private:
    Pool& among;
    int alike;
};

// Whether short steps are quicker on one thread or on many, here and now: what two cores have to tell each other may take
// longer than the work they share. Both are tried in turn, and again later; the bits are the same.
class Pace {
public:
    static constexpr double TRIAL = 1e-3;  // seconds after which a call that is a trial ends

    int choose(int n);  // n or 1, for one call
    bool is_trying() const { return trying; }
    void tell(int threads, double step, double call);  // the seconds that a step of that call took, and all of it

private:
    static constexpr int TRIALS = 6;       // half of them on one thread
    static constexpr double LASTS = 0.5;   // seconds with who won, before the next trials
    static constexpr double WORTH = 1.05;  // many threads are to be quicker by so much
    int most = 0, turn = 0;
    bool trying = false;
    double many = 0, one = 0, left = 0;  // the quickest trial of each; seconds of LASTS
};

// Waits a little longer each time: first spinning, then offering the core to others, then asleep.
class Patience {
public:
    explicit Patience(bool crowded) : turns(crowded ? SPINS : 0) {}
    void wait();

private:
    static constexpr int SPINS = 2000, YIELDS = 2000;
    int turns;
};

// Pieces of work that were dealt to the threads of one call. Who is done with its own goes on with the others': cores are
// not always equally quick.
class Deal {
public:
    explicit Deal(int n) : next(n) {}
    // Before the pieces are taken again, behind a barrier on both sides.
    void anew() {
        for (Next& each : next) each.piece.store(0, std::memory_order_relaxed);
    }
    // take(whose, number) until it finds no such piece.
    template <class Take>
    void each(int t, Take take) {
        const int n = int(next.size());
        for (int k = 0; k < n; k++)
            while (take((t + k) % n, next[(t + k) % n].piece.fetch_add(1, std::memory_order_relaxed))) {
            }
    }

private:
    struct alignas(64) Next { std::atomic<int> piece{0}; };
    std::vector<Next> next;
};

// How the rows of a batch are divided among threads: one that was quicker in earlier steps gets more.
class Split {
public:
    explicit Split(int n);
    int threads() const { return int(parts.size()); }
    int64_t begin(int64_t n_rows, int t) const;      // of the part of thread t, among so many rows
    void tell(int t, int64_t rows, double seconds);  // what its part took
    void adapt();                                    // while nobody calls one of the others

private:
    static constexpr double STEP = 0.125;   // towards what the last step would have asked for
    static constexpr double LEAST = 0.125;  // of the quickest thread's pace, however slow one was for once
    struct alignas(64) Part {
        double end;       // as a share of all rows
        double pace = 0;  // rows a second in the last step; 0 where there were none
    };
    std::vector<Part> parts;
};

// Where the threads of one call meet between phases.
class Barrier {
public:
    Barrier(int n, bool crowded) : n(n), crowded(crowded) {}
    void meet();

private:
    const int n;
    const bool crowded;
    alignas(64) std::atomic<int> arrived{0};
    alignas(64) std::atomic<unsigned> round{0};
};

}  // namespace chainrule
