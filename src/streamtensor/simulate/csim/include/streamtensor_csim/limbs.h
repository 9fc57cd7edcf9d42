// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two's complement integers of more than 128 bits, and the choice of storage for a width.
#ifndef STREAMTENSOR_CSIM_LIMBS_H
#define STREAMTENSOR_CSIM_LIMBS_H

#include <cstdint>
#include <type_traits>

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

template <class T>
constexpr bool is_machine_int =
    std::is_integral<T>::value || std::is_same<T, int128>::value || std::is_same<T, uint128>::value;

/// K words of 64 bits, lowest first, signed or not. Operations wrap at 64 * K bits.
template <int K, bool S>
struct Limbs {
    uint64_t word[K];

    Limbs() = default;

    template <class T, std::enable_if_t<is_machine_int<T>, int> = 0>
    constexpr explicit Limbs(T value) : word{} {
        const uint64_t fill = value < T(0) ? ~uint64_t(0) : 0;
        for (int i = 0; i < K; ++i) word[i] = fill;
        word[0] = static_cast<uint64_t>(value);
        if constexpr (sizeof(T) > 8 && K > 1) word[1] = static_cast<uint64_t>(value >> 64);
    }
    template <int K2, bool S2>
    constexpr explicit Limbs(const Limbs<K2, S2>& other) : word{} {
        const uint64_t fill = other.negative() ? ~uint64_t(0) : 0;
        for (int i = 0; i < K; ++i) word[i] = i < K2 ? other.word[i] : fill;
    }

    template <class T, std::enable_if_t<is_machine_int<T>, int> = 0>
    constexpr explicit operator T() const {
        if constexpr (sizeof(T) > 8 && K > 1) return static_cast<T>((uint128(word[1]) << 64) | word[0]);
        return static_cast<T>(word[0]);
    }

    constexpr bool negative() const { return S && (word[K - 1] >> 63); }
    constexpr bool zero() const {
        for (int i = 0; i < K; ++i) {
            if (word[i]) return false;
        }
        return true;
    }

    friend constexpr Limbs operator~(Limbs a) {
        for (int i = 0; i < K; ++i) a.word[i] = ~a.word[i];
        return a;
    }
    friend constexpr Limbs operator&(Limbs a, const Limbs& b) {
        for (int i = 0; i < K; ++i) a.word[i] &= b.word[i];
        return a;
    }
    friend constexpr Limbs operator|(Limbs a, const Limbs& b) {
        for (int i = 0; i < K; ++i) a.word[i] |= b.word[i];
        return a;
    }
    friend constexpr Limbs operator^(Limbs a, const Limbs& b) {
        for (int i = 0; i < K; ++i) a.word[i] ^= b.word[i];
        return a;
    }
    friend constexpr Limbs operator+(Limbs a, const Limbs& b) {
        uint64_t carry = 0;
        for (int i = 0; i < K; ++i) {
            const uint128 sum = uint128(a.word[i]) + b.word[i] + carry;
            a.word[i] = static_cast<uint64_t>(sum);
            carry = static_cast<uint64_t>(sum >> 64);
        }
        return a;
    }
    friend constexpr Limbs operator-(const Limbs& a) { return ~a + Limbs(1); }
    friend constexpr Limbs operator-(const Limbs& a, const Limbs& b) { return a + -b; }
    friend constexpr Limbs operator*(const Limbs& a, const Limbs& b) {
        Limbs out(0);
        for (int i = 0; i < K; ++i) {
            uint64_t carry = 0;
            for (int j = 0; i + j < K; ++j) {
                const uint128 sum = uint128(a.word[i]) * b.word[j] + out.word[i + j] + carry;
                out.word[i + j] = static_cast<uint64_t>(sum);
                carry = static_cast<uint64_t>(sum >> 64);
            }
        }
        return out;
    }
    friend constexpr Limbs operator<<(const Limbs& a, int n) {
        Limbs out(0);
        const int whole = n / 64, part = n % 64;
        for (int i = whole; i < K; ++i) {
            out.word[i] = a.word[i - whole] << part;
            if (part && i > whole) out.word[i] |= a.word[i - whole - 1] >> (64 - part);
        }
        return out;
    }
    /// Fills with the sign bit when signed.
    friend constexpr Limbs operator>>(const Limbs& a, int n) {
        const uint64_t fill = a.negative() ? ~uint64_t(0) : 0;
        Limbs out(0);
        const int whole = n / 64, part = n % 64;
        for (int i = 0; i < K; ++i) {
            const uint64_t low = i + whole < K ? a.word[i + whole] : fill;
            const uint64_t high = i + whole + 1 < K ? a.word[i + whole + 1] : fill;
            out.word[i] = part ? (low >> part) | (high << (64 - part)) : low;
        }
        return out;
    }

    friend constexpr bool operator==(const Limbs& a, const Limbs& b) { return (a ^ b).zero(); }
    friend constexpr bool operator<(const Limbs& a, const Limbs& b) {
        if (a.negative() != b.negative()) return a.negative();
        for (int i = K - 1; i >= 0; --i) {
            if (a.word[i] != b.word[i]) return a.word[i] < b.word[i];
        }
        return false;
    }

    /// Quotient towards zero and remainder with the sign of the dividend, bit by bit. The divisor is not zero, and no
    /// magnitude needs the highest bit (division is done in a type with one bit to spare).
    static constexpr void divide(const Limbs& a, const Limbs& b, Limbs& quotient, Limbs& remainder) {
        using Magnitude = Limbs<K, false>;
        const Magnitude dividend(a.negative() ? -a : a), divisor(b.negative() ? -b : b);
        Magnitude q(0), r(0);
        for (int i = 64 * K - 1; i >= 0; --i) {
            r = r << 1;
            r.word[0] |= (dividend.word[i / 64] >> (i % 64)) & 1;
            if (!(r < divisor)) {
                r = r - divisor;
                q.word[i / 64] |= uint64_t(1) << (i % 64);
            }
        }
        quotient = a.negative() != b.negative() ? -Limbs(q) : Limbs(q);
        remainder = a.negative() ? -Limbs(r) : Limbs(r);
    }
    friend constexpr Limbs operator/(const Limbs& a, const Limbs& b) {
        Limbs q(0), r(0);
        divide(a, b, q, r);
        return q;
    }
    friend constexpr Limbs operator%(const Limbs& a, const Limbs& b) {
        Limbs q(0), r(0);
        divide(a, b, q, r);
        return r;
    }
};

template <int W, bool S>
struct StorageOf {
    static_assert(W >= 1 && W <= 8192, "width out of range");
    template <class Signed, class Unsigned>
    using Pick = std::conditional_t<S, Signed, Unsigned>;
    using type = std::conditional_t<
        W <= 8, Pick<int8_t, uint8_t>,
        std::conditional_t<
            W <= 16, Pick<int16_t, uint16_t>,
            std::conditional_t<W <= 32, Pick<int32_t, uint32_t>,
                               std::conditional_t<W <= 64, Pick<int64_t, uint64_t>,
                                                  std::conditional_t<W <= 128, Pick<int128, uint128>,
                                                                     Limbs<(W + 63) / 64, S>>>>>>;
};

/// The smallest storage for W bits: a machine integer up to 128, limbs beyond. Values are kept sign- or zero-extended.
template <int W, bool S>
using Storage = typename StorageOf<W, S>::type;

/// x reduced to W bits, extended again to its storage.
template <int W, bool S>
constexpr Storage<W, S> wrap(Storage<W, S> x) {
    constexpr int spare = 8 * sizeof(x) - W;
    if constexpr (spare == 0) {
        return x;
    } else if constexpr (is_machine_int<Storage<W, S>>) {
        using Unsigned = Storage<W, false>;
        using Raw = Storage<W, S>;
        return static_cast<Raw>(static_cast<Raw>(static_cast<Unsigned>(x) << spare) >> spare);
    } else {
        return (x << spare) >> spare;
    }
}

}}  // namespace streamtensor::csim

#endif
