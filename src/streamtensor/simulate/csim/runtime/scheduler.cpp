// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fibers in a round-robin queue. A task that cannot go on is parked at the FIFO (or region) it waits for and comes back
// into the queue by the opposite operation, so an empty queue with an unfinished task is a deadlock, exactly.
#include "scheduler.h"

#include <cstring>
#include <string>
#include <utility>

namespace streamtensor::csim {

Scheduler the_scheduler;

void Scheduler::make_ready(Task* task) {
    task->wait = Wait::none;
    task->wait_channel = nullptr;
    task->wait_region = nullptr;
    task->next_ready = nullptr;
    (ready_last ? ready_last->next_ready : ready_first) = task;
    ready_last = task;
}

Task* Scheduler::take_ready() {
    Task* task = ready_first;
    if (task) {
        ready_first = task->next_ready;
        if (!ready_first) ready_last = nullptr;
    }
    return task;
}

/// Goes from a place that the caller saves in `from` to the next ready task, or to the host when there is none.
void Scheduler::leave(Context& from) {
    Task* next = cancelling || error ? nullptr : take_ready();
    current = next;
    switch_context(from, next ? next->fiber->context : host);
}

void Scheduler::enter(Task* task) {
    current = task;
    switch_context(host, task->fiber->context);
}

void Scheduler::park(Wait wait, Channel* channel, Region* region) {
    if (cancelling) throw Cancelled{};
    Task* self = current;
    self->wait = wait;
    self->wait_channel = channel;
    self->wait_region = region;
    leave(self->fiber->context);
    if (cancelling) throw Cancelled{};
}

uint64_t Scheduler::tokens_moved() const {
    uint64_t sum = state().closed_tokens;
    for (const auto& record : state().fifos) {
        if (record->live) sum += record->live->written_ + record->live->read_;
    }
    return sum;
}

void Scheduler::poll(Wait wait, Channel* channel) {
    if (cancelling) throw Cancelled{};
    Task* self = current;
    if (++polls >= kPollLimit) {
        polls = 0;
        const uint64_t tokens = tokens_moved();
        if (std::exchange(tokens_at_poll, tokens) == tokens) {
            if (!self || !bounded) {
                throw DesignError{"ST0603", "the design polls FIFO " + std::string(channel->channel_name()) +
                                                " without end while no token moves"};
            }
            self->wait = wait;
            self->wait_channel = channel;
            Witness::collect(*this, state());
            throw Deadlock{};
        }
    }
    if (!self || !ready_first) return;
    make_ready(self);
    self->wait = wait;  // for the report; the task is ready all the same
    self->wait_channel = channel;
    leave(self->fiber->context);
    self->wait = Wait::none;
    if (cancelling) throw Cancelled{};
}

void Scheduler::start(Task* task) {
    task->older = youngest;
    (youngest ? youngest->younger : oldest) = task;
    youngest = task;
    ++task->record->runs;
    task->record->live = task;
    ++task->region->unfinished_;
    make_ready(task);
}

void Scheduler::unlink(Task* task) {
    (task->older ? task->older->younger : oldest) = task->younger;
    (task->younger ? task->younger->older : youngest) = task->older;
    task->older = task->younger = nullptr;
    task->record->live = nullptr;
}

void Scheduler::fiber_main() {
    Scheduler& self = scheduler();
    Task* task = self.current;
    try {
        if (self.cancelling) throw Cancelled{};
        task->body();
        ++task->record->finished;
    } catch (const Cancelled&) {
    } catch (...) {
        if (!self.error) self.error = std::current_exception();
    }
    self.unlink(task);
    Region* region = task->region;
    if (--region->unfinished_ == 0 && region->waiting_parent_ && !self.cancelling) {
        self.make_ready(std::exchange(region->waiting_parent_, nullptr));
    }
    Fiber* fiber = std::exchange(task->fiber, nullptr);
    recycle(fiber);
    self.leave(fiber->context);
}

/// Youngest first, so that a task outlives the region that it opened.
void Scheduler::cancel_all() {
    cancelling = true;
    ready_first = ready_last = nullptr;
    while (youngest) enter(youngest);
    cancelling = false;
}

void Scheduler::run_from_host() {
    while (Task* task = error ? nullptr : take_ready()) enter(task);
}

void Scheduler::join(Region* region) {
    if (current) {
        while (region->unfinished_) {
            region->waiting_parent_ = current;
            park(Wait::join, nullptr, region);
        }
        return;
    }
    run_from_host();
    current = nullptr;
    if (!error && region->unfinished_) {
        Witness::collect(*this, state());
        error = std::make_exception_ptr(Deadlock{});
    }
    if (error) {
        cancel_all();
        std::rethrow_exception(std::exchange(error, nullptr));
    }
}

Region::Region(size_t stack_bytes) : stack_bytes_(stack_bytes) {}

Region::~Region() {
    while (first_) {
        Task* next = first_->next_in_region;
        if (first_->fiber) recycle(first_->fiber);
        delete first_;
        first_ = next;
    }
}

void Region::add(const char* label, Task* task) {
    const Task* parent = scheduler().current;
    std::string name = (parent ? parent->record->name + "/" : std::string()) + label;
    unsigned copies = 1;
    for (const Task* other = first_; other; other = other->next_in_region) {
        if (std::strcmp(other->label, label) == 0) ++copies;
    }
    if (copies > 1) name += "#" + std::to_string(copies);  // two calls of one function are two tasks
    task->label = label;
    task->record = &state().task(name);
    task->region = this;
    (last_ ? last_->next_in_region : first_) = task;
    last_ = task;
}

void Region::note(const Channel& channel) {
    for (TaskRecord*& end : channel.ends_.bound) {
        if (end == last_->record) return;
        if (!end) {
            end = last_->record;
            return;
        }
    }
}

void Region::run() {
    Scheduler& s = scheduler();
    // All stacks before the first start: nothing may fail once a task of the region is alive.
    for (Task* task = first_; task; task = task->next_in_region) {
        task->fiber = new_fiber(stack_bytes_ + kStackReserve, &Scheduler::fiber_main);
    }
    // Unbounded: in call order, each to its end. Bounded: all at once.
    for (Task* task = first_; task; task = task->next_in_region) {
        s.start(task);
        if (!s.bounded) s.join(this);
    }
    s.join(this);
}

}  // namespace streamtensor::csim
