// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// hls::stream for C simulation, written from the documented interface.
#ifndef STREAMTENSOR_HLS_STREAM_H
#define STREAMTENSOR_HLS_STREAM_H

#include "streamtensor_csim/bits.h"
#include "streamtensor_csim/channel.h"

namespace hls __attribute__((visibility("hidden"))) {

template <class T, int DEPTH = 0>
class stream;

/// A FIFO of T. Bounded or unbounded is decided by the runtime at the start of a call, not here. A stream must be a
/// local variable of a function (or an array of them): its counters belong to the call that created it.
template <class T>
class stream<T, 0> : public ::streamtensor::csim::Channel {
    static_assert(__is_trivially_copyable(T), "a token is plain data");
    using Base = ::streamtensor::csim::Channel;

  public:
    using value_type = T;

    stream() : stream(nullptr, kDefaultDepth) {}
    explicit stream(const char* name) : stream(name, kDefaultDepth) {}

    /// Takes the oldest token. Waits while there is none.
    T read() {
        if (__builtin_expect(written_ == read_, 0)) wait_readable();
        T token = static_cast<const T*>(ring_)[read_ & mask_];
        ++read_;
        if (__builtin_expect(read_hooks_ != 0, 0)) after_read();
        return token;
    }
    void read(T& token) { token = read(); }

    /// Appends a token. Waits while the FIFO is full.
    void write(const T& token) {
        if (__builtin_expect(fill() >= room_, 0)) wait_writable();
        T* slot = static_cast<T*>(ring_) + (written_ & mask_);
        *slot = token;
        ++written_;
        if (fill() > high_water_) high_water_ = fill();
        if (__builtin_expect(write_hooks_ != 0, 0)) after_write(slot);
    }

    /// Takes a token if there is one; says whether it did.
    bool read_nb(T& token) {
        if (empty()) return false;
        token = read();
        return true;
    }

    /// Appends a token if there is room; says whether it did.
    bool write_nb(const T& token) {
        if (full()) return false;
        write(token);
        return true;
    }

    bool empty() { return written_ == read_ && poll_empty(); }
    bool full() { return fill() >= room_ && poll_full(); }
    unsigned size() const { return static_cast<unsigned>(fill()); }
    const char* name() const { return channel_name(); }

    void operator>>(T& token) { token = read(); }
    void operator<<(const T& token) { write(token); }

  protected:
    static constexpr int kDefaultDepth = 2;  // what the vendor tool builds when nothing is said
    stream(const char* name, int depth)
        : Base(name, static_cast<uint64_t>(depth), ::streamtensor::csim::TokenBits<T>::value, sizeof(T)) {}
};

/// A FIFO whose depth is part of its type; binds to stream<T>&.
template <class T, int DEPTH>
class stream : public stream<T, 0> {
    static_assert(DEPTH > 0, "a FIFO has at least one slot");

  public:
    stream() : stream<T, 0>(nullptr, DEPTH) {}
    explicit stream(const char* name) : stream<T, 0>(name, DEPTH) {}
};

}  // namespace hls

#endif
