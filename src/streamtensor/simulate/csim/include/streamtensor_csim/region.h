// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A dataflow region: tasks that run as fibers and the place that waits for all of them.
#ifndef STREAMTENSOR_CSIM_REGION_H
#define STREAMTENSOR_CSIM_REGION_H

#include "channel.h"

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

class Region;
struct Fiber;

enum class Wait : uint8_t { none, read, write, join };

/// One task of a region. Its body runs on its own stack.
struct Task {
    virtual ~Task() = default;
    virtual void body() = 0;

    const char* label = nullptr;
    TaskRecord* record = nullptr;
    Region* region = nullptr;
    Fiber* fiber = nullptr;
    Task* next_ready = nullptr;
    Task* next_in_region = nullptr;
    Task* older = nullptr;  // the list of live tasks, in the order of their start
    Task* younger = nullptr;
    Wait wait = Wait::none;
    Channel* wait_channel = nullptr;
    Region* wait_region = nullptr;
};

/// The tasks of one dataflow function. A region inside a task works like the outermost one: the task that opened it
/// waits, and its children run beside all other tasks.
class Region {
  public:
    /// stack_bytes: what the local arrays of the largest task need; frames and library calls are added.
    explicit Region(size_t stack_bytes);
    ~Region();
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;

    template <class Body>
    void task(const char* label, Body body) {
        struct Closure final : Task {
            Body call;
            explicit Closure(Body b) : call(b) {}
            void body() override { call(); }
        };
        add(label, new Closure(body));
    }

    /// Notes which FIFOs the last task was given, so that a deadlock report can name both ends.
    template <class... Args>
    void bind(const Args&... args) {
        (bind_one(args), ...);
    }

    /// Runs every task to its end. Throws Deadlock, or what a task threw.
    void run();

  private:
    friend struct Scheduler;
    friend struct Witness;

    size_t stack_bytes_;
    Task* first_ = nullptr;
    Task* last_ = nullptr;
    uint64_t unfinished_ = 0;
    Task* waiting_parent_ = nullptr;

    void add(const char* label, Task* task);
    void note(const Channel& channel);

    template <class T>
    void bind_one(const T& argument) {
        if constexpr (__is_base_of(Channel, T)) note(argument);
    }
    template <class T, size_t N>
    void bind_one(const T (&array)[N]) {
        for (const T& item : array) bind_one(item);
    }
};

}}  // namespace streamtensor::csim

#endif
