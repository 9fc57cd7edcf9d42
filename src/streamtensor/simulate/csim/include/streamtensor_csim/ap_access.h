// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bits and ranges of bits of an integer type, and its conversions: what the exact and the native types share.
#ifndef STREAMTENSOR_CSIM_AP_ACCESS_H
#define STREAMTENSOR_CSIM_AP_ACCESS_H

#include <exception>

#include "limbs.h"

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

struct BitOutOfRange final : std::exception {
    const char* what() const noexcept override { return "a bit range outside of its integer, or with high below low"; }
};

struct DivisionByZero final : std::exception {
    const char* what() const noexcept override { return "integer division by zero"; }
};

/// `count` (at most 64) bits from bit `low` on.
template <class Raw>
constexpr uint64_t extract(const Raw& raw, int low, int count) {
    const uint64_t mask = count >= 64 ? ~uint64_t(0) : (uint64_t(1) << count) - 1;
    if constexpr (is_machine_int<Raw>) {
        return static_cast<uint64_t>(raw >> low) & mask;
    } else {
        constexpr int words = sizeof(Raw) / 8;
        const int index = low / 64, part = low % 64;
        uint64_t out = raw.word[index] >> part;
        if (part && index + 1 < words) out |= raw.word[index + 1] << (64 - part);
        return out & mask;
    }
}

/// Replaces `count` (at most 64) bits from bit `low` on.
template <class Raw>
constexpr void deposit(Raw& raw, int low, int count, uint64_t value) {
    const uint64_t mask = count >= 64 ? ~uint64_t(0) : (uint64_t(1) << count) - 1;
    value &= mask;
    if constexpr (is_machine_int<Raw>) {
        raw = static_cast<Raw>((raw & ~(static_cast<uint128>(mask) << low)) | (static_cast<uint128>(value) << low));
    } else {
        constexpr int words = sizeof(Raw) / 8;
        const int index = low / 64, part = low % 64;
        raw.word[index] = (raw.word[index] & ~(mask << part)) | (value << part);
        if (part && index + 1 < words) {
            raw.word[index + 1] = (raw.word[index + 1] & ~(mask >> (64 - part))) | (value >> (64 - part));
        }
    }
}

template <int W, bool S>
struct ApInt;

/// x.range(high, low): reads as an unsigned integer, assignable.
template <class Owner>
class RangeRef {
  public:
    RangeRef(Owner& owner, int high, int low) : owner_(owner), low_(low), count_(high - low + 1) {
        if (low < 0 || high < low || high >= Owner::width) throw BitOutOfRange();
    }
    RangeRef(const RangeRef&) = default;

    template <class T>
    RangeRef& operator=(const T& value) {
        assign(ApInt<Owner::width, false>(value));
        return *this;
    }
    RangeRef& operator=(const RangeRef& other) {
        assign(other.get());
        return *this;
    }

    ApInt<Owner::width, false> get() const {
        ApInt<Owner::width, false> out(0);
        for (int i = 0; i < count_; i += 64) deposit(out.raw, i, piece(i), extract(owner_.raw, low_ + i, piece(i)));
        return out;
    }
    /// The lowest 64 bits of the range.
    uint64_t low_bits() const { return extract(owner_.raw, low_, piece(0)); }

    operator unsigned long long() const { return low_bits(); }
    int to_int() const { return static_cast<int>(low_bits()); }
    unsigned to_uint() const { return static_cast<unsigned>(low_bits()); }
    uint64_t to_uint64() const { return low_bits(); }
    int length() const { return count_; }

  private:
    Owner& owner_;
    int low_;
    int count_;

    int piece(int from) const { return count_ - from < 64 ? count_ - from : 64; }
    void assign(const ApInt<Owner::width, false>& value) {
        auto raw = owner_.raw;
        for (int i = 0; i < count_; i += 64) deposit(raw, low_ + i, piece(i), extract(value.raw, i, piece(i)));
        owner_.raw = owner_.wrapped(raw);
    }
};

/// x[i]: reads as bool, assignable.
template <class Owner>
class BitRef {
  public:
    BitRef(Owner& owner, int index) : owner_(owner), index_(index) {
        if (index < 0 || index >= Owner::width) throw BitOutOfRange();
    }
    BitRef(const BitRef&) = default;
    BitRef& operator=(bool value) {
        auto raw = owner_.raw;
        deposit(raw, index_, 1, value);
        owner_.raw = owner_.wrapped(raw);
        return *this;
    }
    BitRef& operator=(const BitRef& other) { return *this = static_cast<bool>(other); }
    operator bool() const { return extract(owner_.raw, index_, 1) != 0; }

  private:
    Owner& owner_;
    int index_;
};

/// A double truncated towards zero and reduced to 64 bits; 0 for infinities and what is not a number.
inline int64_t truncate(double x) {
    constexpr double limit = 9223372036854775808.0;
    if (x > -limit && x < limit) return static_cast<int64_t>(x);
    if (!(x - x == 0)) return 0;
    const double reduced = __builtin_fmod(x, 2 * limit);
    const uint64_t magnitude = static_cast<uint64_t>(reduced < 0 ? -reduced : reduced);
    return static_cast<int64_t>(reduced < 0 ? 0 - magnitude : magnitude);
}

/// An integer as float or double.
template <class Real, class Raw>
constexpr Real real(const Raw& raw) {
    if constexpr (is_machine_int<Raw>) {
        return static_cast<Real>(raw);
    } else {
        const Raw magnitude = raw.negative() ? -raw : raw;
        double out = 0;
        for (int i = sizeof(Raw) / 8 - 1; i >= 0; --i) out = out * 18446744073709551616.0 + magnitude.word[i];
        return static_cast<Real>(raw.negative() ? -out : out);
    }
}

/// Member functions by names. Self has `raw`, `width` and `wrapped`.
template <class Self, int W>
struct Access {
    static constexpr int width = W;

    RangeRef<Self> range(int high, int low) { return {self(), high, low}; }
    RangeRef<const Self> range(int high, int low) const { return {self(), high, low}; }
    RangeRef<Self> operator()(int high, int low) { return {self(), high, low}; }
    RangeRef<const Self> operator()(int high, int low) const { return {self(), high, low}; }
    BitRef<Self> operator[](int index) { return {self(), index}; }
    bool operator[](int index) const { return BitRef<const Self>(self(), index); }
    bool test(int index) const { return self()[index]; }
    void set_bit(int index, bool value) { self()[index] = value; }

    int length() const { return W; }
    bool and_reduce() const { return count_ones() == W; }
    bool or_reduce() const { return count_ones() != 0; }
    bool xor_reduce() const { return count_ones() % 2 != 0; }

    constexpr int to_int() const { return static_cast<int>(self().raw); }
    constexpr unsigned to_uint() const { return static_cast<unsigned>(self().raw); }
    constexpr int64_t to_int64() const { return static_cast<int64_t>(self().raw); }
    constexpr uint64_t to_uint64() const { return static_cast<uint64_t>(self().raw); }
    constexpr long to_long() const { return static_cast<long>(self().raw); }
    bool to_bool() const { return or_reduce(); }
    constexpr double to_double() const { return real<double>(self().raw); }
    constexpr float to_float() const { return real<float>(self().raw); }

  private:
    constexpr Self& self() { return static_cast<Self&>(*this); }
    constexpr const Self& self() const { return static_cast<const Self&>(*this); }
    int count_ones() const {
        int count = 0;
        for (int i = 0; i < W; i += 64) {
            count += __builtin_popcountll(extract(self().raw, i, W - i < 64 ? W - i : 64));
        }
        return count;
    }
};

}}  // namespace streamtensor::csim

#endif
