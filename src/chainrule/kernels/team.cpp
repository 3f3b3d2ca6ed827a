#include "team.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace chainrule {

namespace {

// The mode of the processor in which the kernels' bits are what they are: rounding to the nearest, no denormal number taken
// for 0. A library may have changed that of the calling thread, and others inherit it.
class ExactMode {
public:
    ExactMode() : before(get()) { set(DEFAULT); }
    ~ExactMode() { set(before); }
    ExactMode(const ExactMode&) = delete;

private:
#if defined(__x86_64__)
    using Mode = unsigned;
    static constexpr Mode DEFAULT = 0x1f80;
    static Mode get() { return __builtin_ia32_stmxcsr(); }
    static void set(Mode mode) { __builtin_ia32_ldmxcsr(mode); }
#elif defined(__aarch64__)
    using Mode = uint64_t;
    static constexpr Mode DEFAULT = 0;
    static Mode get() {
        Mode mode;
        asm volatile("mrs %0, fpcr" : "=r"(mode));
        return mode;
    }
    static void set(Mode mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#endif
    const Mode before;
};

struct Job {
    const std::function<void(int)>& work;
    std::atomic<int> left;
};

class Worker {
public:
    Worker() { std::thread([this] { live(); }).detach(); }

    void give(Job* job, int number) {
        this->number = number;
        {
            const std::lock_guard<std::mutex> held(mutex);
            next.store(job, std::memory_order_release);
        }
        given.notify_one();
    }

private:
    [[noreturn]] void live() {
        const ExactMode mode;
        for (;;) {
            Job* job = take();
            job->work(number);
            job->left.fetch_sub(1, std::memory_order_release);
        }
    }

    Job* take() {
        for (int turn = 0; turn < 1500; turn++) {  // about a millisecond: the next call comes soon
            if (Job* job = next.exchange(nullptr, std::memory_order_acquire)) return job;
            std::this_thread::yield();
        }
        std::unique_lock<std::mutex> held(mutex);
        Job* job = nullptr;
        given.wait(held, [&] { return (job = next.exchange(nullptr, std::memory_order_acquire)) != nullptr; });
        return job;
    }

    std::mutex mutex;
    std::condition_variable given;
    std::atomic<Job*> next{nullptr};
    int number = 0;
};

}  // namespace

// Threads that wait for work. It is never destroyed: they may outlive the interpreter's exit handlers.
struct Pool {
    std::mutex mutex;
    std::vector<Worker*> idle;
    std::atomic<int> sharing{0};
};

namespace {

std::atomic<Pool*> current{nullptr};

// This process's pool. A forked child leaves its parent's alone, since those threads exist only there.
Pool& pool() {
    static const int watched = pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
    if (watched != 0) throw std::bad_alloc();
    Pool* found = current.load();
    if (found) return *found;
    Pool* fresh = new Pool;
    if (current.compare_exchange_strong(found, fresh)) return *fresh;
    delete fresh;
    return *found;
}

}  // namespace

void run_on(int n, const std::function<void(int)>& work) {
    const ExactMode mode;
    if (n == 1) return work(0);
    Pool& shared = pool();
    std::vector<Worker*> hands;
    hands.reserve(n - 1);  // nothing may go wrong between a new worker and its place here
    {
        const std::lock_guard<std::mutex> held(shared.mutex);
        while (int(hands.size()) < n - 1 && !shared.idle.empty()) {
            hands.push_back(shared.idle.back());
            shared.idle.pop_back();
        }
    }
    const auto give_back = [&] {
        const std::lock_guard<std::mutex> held(shared.mutex);
        shared.idle.insert(shared.idle.end(), hands.begin(), hands.end());
    };
    try {
        while (int(hands.size()) < n - 1) hands.push_back(new Worker);
    } catch (const std::system_error& error) {
        give_back();
        throw NoThread(error.what());
    } catch (...) {
        give_back();
        throw;
    }
    Job job{work, {n - 1}};
    for (int i = 1; i < n; i++) hands[i - 1]->give(&job, i);
    work(0);
    for (Patience patience(false); job.left.load(std::memory_order_acquire) > 0;) patience.wait();
    give_back();
}

Share::Share() : among(pool()), alike(among.sharing.fetch_add(1) + 1) {}

Share::~Share() { among.sharing.fetch_sub(1); }

int Share::threads(int limit) const { return limit / alike > 1 ? limit / alike : 1; }

int Pace::choose(int n) {
    if (n != most) most = n, left = 0;  // others share the cores now, or no longer
    if (left <= 0) {
        turn = 0, left = LASTS;
        many = one = std::numeric_limits<double>::infinity();
    }
    trying = turn < TRIALS && n > 1;
    if (trying) return turn++ % 2 ? 1 : n;
    return one < WORTH * many ? 1 : n;
}

void Pace::tell(int threads, double step, double call) {
    if (!trying) {
        left -= call;
        return;
    }
    double& quickest = threads == 1 ? one : many;
    quickest = std::min(quickest, step);
}

Split::Split(int n) : parts(n) {
    for (int t = 0; t < n; t++) parts[t].end = double(t + 1) / n;
}

int64_t Split::begin(int64_t n_rows, int t) const {
    if (t == int(parts.size())) return n_rows;
    const double share = t ? parts[t - 1].end : 0;
    return std::min(n_rows, int64_t(share * double(n_rows) / 4 + 0.5) * 4);
}

void Split::tell(int t, int64_t rows, double seconds) {
    parts[t].pace = rows > 0 && seconds > 0 ? double(rows) / seconds : 0;
}

void Split::adapt() {
    double quickest = 0, total = 0, before = 0, end = 0;
    for (const Part& part : parts) quickest = std::max(quickest, part.pace);
    if (!(quickest > 0)) return;
    for (Part& part : parts) {
        if (part.pace == 0) part.pace = quickest;  // who had no rows is tried again
        total += part.pace = std::max(part.pace, LEAST * quickest);
    }
    for (Part& part : parts) {
        const double share = part.end - before;
        before = part.end;
        part.end = end += share + STEP * (part.pace / total - share);
    }
}

void Patience::wait() {
    turns++;
    if (turns <= SPINS) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    } else if (turns <= SPINS + YIELDS) {
        std::this_thread::yield();
    } else {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
}

void Barrier::meet() {
    const unsigned now = round.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) == n - 1) {
        arrived.store(0, std::memory_order_relaxed);
        round.store(now + 1, std::memory_order_release);
        return;
    }
    for (Patience patience(crowded); round.load(std::memory_order_acquire) == now;) patience.wait();
}

}  // namespace chainrule
