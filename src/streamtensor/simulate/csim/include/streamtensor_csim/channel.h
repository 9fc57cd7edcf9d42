// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A FIFO without its token type: ring buffer, counters and the places where a task may have to wait.
#ifndef STREAMTENSOR_CSIM_CHANNEL_H
#define STREAMTENSOR_CSIM_CHANNEL_H

#include <cstddef>
#include <cstdint>

// Hidden: every simulation library carries its own runtime, and two of them may live in one process.
namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

struct Task;
struct TaskRecord;
struct FifoRecord;

/// What is known about the two ends of a FIFO: the tasks that received it as an argument, and who acted on it first.
struct Ends {
    static constexpr int kMax = 6;
    TaskRecord* bound[kMax] = {};
    TaskRecord* writer = nullptr;
    TaskRecord* reader = nullptr;
};

class Channel {
  public:
    Channel(const char* name, uint64_t depth, unsigned token_bits, unsigned token_bytes);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    const char* channel_name() const;

  protected:
    // Invariant: read_ <= written_ <= read_ + room_; the ring has mask_ + 1 slots, at least room_ of them usable.
    // room_ is 0 until the first write, grows with the ring, and stops at the depth of a bounded FIFO.
    void* ring_ = nullptr;
    uint64_t written_ = 0;
    uint64_t read_ = 0;
    uint64_t room_ = 0;
    uint64_t mask_ = 0;
    uint64_t high_water_ = 0;
    // Not zero when a write (a read) has more to do than to move the token: one test on the fast path.
    uint32_t write_hooks_;
    uint32_t read_hooks_;

    /// Returns when a token may be written. Grows the ring, or lets the other tasks run until a slot is free.
    void wait_writable();
    /// Returns when a token may be read. Lets the other tasks run until there is one.
    void wait_readable();
    void after_write(const void* token);
    void after_read();
    /// True when no token may be written. Before it says so it lets every other ready task run.
    bool poll_full();
    /// True when no token may be read. Before it says so it lets every other ready task run.
    bool poll_empty();

    uint64_t fill() const { return written_ - read_; }

  private:
    friend struct Scheduler;
    friend class Region;
    friend struct Witness;

    uint64_t depth_;
    unsigned token_bytes_;
    Task* waiting_reader_ = nullptr;
    Task* waiting_writer_ = nullptr;
    FifoRecord* record_;
    mutable Ends ends_;  // what is known about the users of a FIFO, not about its content

    void grow();
};

}}  // namespace streamtensor::csim

#endif
