// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one scheduler of a library: which task runs, which wait, and what they wait for.
#ifndef STREAMTENSOR_CSIM_SCHEDULER_H
#define STREAMTENSOR_CSIM_SCHEDULER_H

#include <exception>

#include "fiber.h"
#include "state.h"

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

/// Stack beside the local arrays: frames, library calls, the unwinder. Address space only, until it is touched.
constexpr size_t kStackReserve = 256 * 1024;

/// After so many polls in a row that found nothing, while no token moved anywhere, the design is declared stuck.
constexpr uint64_t kPollLimit = 1u << 20;

struct Scheduler {
    Task* current = nullptr;  // null: outside of every task
    bool bounded = true;      // the mode of the call that runs
    Task* ready_first = nullptr;
    Task* ready_last = nullptr;
    Task* oldest = nullptr;
    Task* youngest = nullptr;
    Context host;
    bool cancelling = false;
    std::exception_ptr error;
    uint64_t polls = 0;
    uint64_t tokens_at_poll = 0;

    void make_ready(Task* task);
    /// Runs other tasks until someone makes the current one ready again.
    void park(Wait wait, Channel* channel, Region* region);
    /// Lets the other ready tasks run once. Throws when polling leads nowhere.
    void poll(Wait wait, Channel* channel);
    /// Makes a task with a stack alive and ready.
    void start(Task* task);
    /// Waits until the region has no unfinished task.
    void join(Region* region);

    static void fiber_main();

  private:
    Task* take_ready();
    void leave(Context& from);
    void enter(Task* task);
    void run_from_host();
    void unlink(Task* task);
    void cancel_all();
    uint64_t tokens_moved() const;
};

// An object, not a function with a static one: its constructor is constant, and it is on the path of every switch.
extern Scheduler the_scheduler;
inline Scheduler& scheduler() { return the_scheduler; }

/// Fills the state's witness from the tasks that are alive. A task that is ready is one that polls.
struct Witness {
    static void collect(const Scheduler& scheduler, State& state);

  private:
    static BlockedTask describe(const Task& task);
    static TaskRecord* peer_of(const Task& task);
};

}}  // namespace streamtensor::csim

#endif
