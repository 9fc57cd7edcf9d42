// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The slow half of a FIFO: growing, waiting, waking, counting.
#include "streamtensor_csim/channel.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "scheduler.h"

namespace streamtensor::csim {

namespace {

// Reasons to call after_write or after_read.
constexpr uint32_t kFirst = 1;
constexpr uint32_t kWake = 2;
constexpr uint32_t kTrace = 4;

constexpr uint64_t kFirstSlots = 16;  // a deep FIFO that stays nearly empty costs little memory

std::string task_name(const TaskRecord* record) { return record ? "task " + record->name : "nobody"; }

TaskRecord* current_record() {
    const Task* task = scheduler().current;
    return task ? task->record : nullptr;
}

}  // namespace

Channel::Channel(const char* name, uint64_t depth, unsigned token_bits, unsigned token_bytes)
    : write_hooks_(kFirst), read_hooks_(kFirst), depth_(depth), token_bytes_(token_bytes) {
    State& s = state();
    const std::string own_name = name && *name ? name : "unnamed" + std::to_string(s.unnamed++);
    const auto override_ = s.settings.depths.find(own_name);
    if (override_ != s.settings.depths.end()) {
        depth_ = override_->second;
    } else if (s.settings.default_depth) {
        depth_ = s.settings.default_depth;
    }
    record_ = &s.fifo(own_name);
    if (record_->width_bits && (record_->width_bits != token_bits || record_->depth != depth_)) {
        throw DesignError{"ST0603", "two FIFOs of different type or depth are called " + own_name};
    }
    record_->width_bits = token_bits;
    record_->token_bytes = token_bytes;
    record_->depth = depth_;
    record_->live = this;
    if (s.settings.hashes) write_hooks_ |= kTrace;
}

Channel::~Channel() {
    State& s = state();
    const Scheduler& sched = scheduler();
    const bool regular = !sched.cancelling && !sched.error && !s.deadlock && std::uncaught_exceptions() == 0;
    if (regular && fill()) {
        s.leftovers.push_back("FIFO " + record_->name + ": " + task_name(ends_.writer) + " wrote " +
                              std::to_string(written_) + " tokens, " + task_name(ends_.reader) + " read " +
                              std::to_string(read_) + ", " + std::to_string(fill()) + " are left over");
    }
    record_->written += written_;
    record_->read += read_;
    record_->high_water = std::max(record_->high_water, high_water_);
    if (record_->live == this) record_->live = nullptr;
    s.closed_tokens += written_ + read_;
    std::free(ring_);
}

const char* Channel::channel_name() const { return record_->name.c_str(); }

void Channel::grow() {
    const uint64_t old_slots = ring_ ? mask_ + 1 : 0;
    const uint64_t slots = ring_ ? 2 * old_slots : kFirstSlots;
    auto* fresh = static_cast<char*>(std::aligned_alloc(64, (slots * token_bytes_ + 63) / 64 * 64));
    if (!fresh) throw std::bad_alloc();
    const auto* old = static_cast<const char*>(ring_);
    for (uint64_t i = read_; i < written_; ++i) {
        std::memcpy(fresh + (i & (slots - 1)) * token_bytes_, old + (i & mask_) * token_bytes_, token_bytes_);
    }
    std::free(ring_);
    ring_ = fresh;
    mask_ = slots - 1;
    room_ = scheduler().bounded ? std::min(slots, depth_) : slots;
}

void Channel::wait_writable() {
    const bool bounded = scheduler().bounded;
    while (fill() >= room_) {
        if (!bounded || room_ < depth_) {
            grow();
            continue;
        }
        Scheduler& s = scheduler();
        if (!s.current) {
            throw DesignError{"ST0603", "FIFO " + record_->name + " is full and is written outside of every task"};
        }
        if (waiting_writer_) {
            throw DesignError{"ST0603", "two tasks write FIFO " + record_->name + ": " +
                                            waiting_writer_->record->name + " and " + s.current->record->name};
        }
        waiting_writer_ = s.current;
        read_hooks_ |= kWake;
        s.park(Wait::write, this, nullptr);
    }
}

void Channel::wait_readable() {
    while (written_ == read_) {
        Scheduler& s = scheduler();
        if (!s.current || !scheduler().bounded) {
            const std::string who = s.current ? "task " + s.current->record->name : "code outside of every task";
            throw DesignError{"ST0603", who + " reads FIFO " + record_->name + ", which is empty after " +
                                            std::to_string(written_) + " tokens (written by " +
                                            task_name(ends_.writer) + ")"};
        }
        if (waiting_reader_) {
            throw DesignError{"ST0603", "two tasks read FIFO " + record_->name + ": " +
                                            waiting_reader_->record->name + " and " + s.current->record->name};
        }
        waiting_reader_ = s.current;
        write_hooks_ |= kWake;
        s.park(Wait::read, this, nullptr);
    }
}

void Channel::after_write(const void* token) {
    if (write_hooks_ & kFirst) {
        ends_.writer = current_record();
        write_hooks_ &= ~kFirst;
    }
    if (write_hooks_ & kTrace) trace_token(*record_, token);
    if (write_hooks_ & kWake) {
        write_hooks_ &= ~kWake;
        Task* reader = waiting_reader_;
        waiting_reader_ = nullptr;
        scheduler().make_ready(reader);
    }
}

void Channel::after_read() {
    if (read_hooks_ & kFirst) {
        ends_.reader = current_record();
        read_hooks_ &= ~kFirst;
    }
    if (read_hooks_ & kWake) {
        read_hooks_ &= ~kWake;
        Task* writer = waiting_writer_;
        waiting_writer_ = nullptr;
        scheduler().make_ready(writer);
    }
}

bool Channel::poll_full() {
    if (!scheduler().bounded || fill() < depth_) return false;
    scheduler().poll(Wait::write, this);
    return fill() >= depth_;
}

bool Channel::poll_empty() {
    scheduler().poll(Wait::read, this);
    return written_ == read_;
}

}  // namespace streamtensor::csim
