// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bit-exact integers: ApInt<W, S> holds W bits, an operation yields the documented wider type, storing wraps.
#ifndef STREAMTENSOR_CSIM_AP_EXACT_H
#define STREAMTENSOR_CSIM_AP_EXACT_H

#include "ap_access.h"
#include "bits.h"

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

template <int W, bool S>
struct ApInt : Access<ApInt<W, S>, W> {
    using Raw = Storage<W, S>;
    /// The C type that it converts to by itself; of wider integers the low 64 bits.
    using Native = Storage<(W < 64 ? W : 64), S>;

    Raw raw;

    static constexpr Raw wrapped(const Raw& value) { return wrap<W, S>(value); }
    /// For results that are known to fit.
    static constexpr ApInt of(const Raw& value) {
        ApInt out(0);
        out.raw = value;
        return out;
    }

    ApInt() = default;
    template <class T, std::enable_if_t<is_machine_int<T>, int> = 0>
    constexpr ApInt(T value) : raw(wrap<W, S>(static_cast<Raw>(value))) {}
    template <int W2, bool S2>
    constexpr ApInt(const ApInt<W2, S2>& other) : raw(wrap<W, S>(static_cast<Raw>(other.raw))) {}
    template <class T, std::enable_if_t<std::is_floating_point<T>::value, int> = 0>
    ApInt(T value) : ApInt(truncate(static_cast<double>(value))) {}
    template <class Owner>
    ApInt(const RangeRef<Owner>& bits) : raw{} {
        if constexpr (W <= 64) {
            raw = wrap<W, S>(static_cast<Raw>(bits.low_bits()));
        } else {
            raw = wrap<W, S>(static_cast<Raw>(bits.get().raw));
        }
    }
    template <class Owner>
    ApInt(const BitRef<Owner>& bit) : ApInt(static_cast<bool>(bit)) {}

    constexpr operator Native() const { return static_cast<Native>(raw); }
    constexpr explicit operator bool() const { return !(raw == Raw(0)); }
    constexpr bool operator!() const { return raw == Raw(0); }
    constexpr explicit operator float() const { return real<float>(raw); }
    constexpr explicit operator double() const { return real<double>(raw); }

    constexpr ApInt operator~() const { return of(wrap<W, S>(static_cast<Raw>(~raw))); }
    constexpr ApInt operator+() const { return *this; }
    constexpr ApInt<W + 1, true> operator-() const {
        using Wide = Storage<W + 1, true>;
        return ApInt<W + 1, true>::of(static_cast<Wide>(-static_cast<Wide>(raw)));
    }

    template <int W2, bool S2>
    ApInt<W + W2, false> concat(const ApInt<W2, S2>& low) const {
        ApInt<W + W2, false> out(0);
        out.range(W + W2 - 1, W2) = ApInt<W, false>(*this);
        out.range(W2 - 1, 0) = ApInt<W2, false>(low);
        return out;
    }
};

template <int W, bool S>
struct TokenBits<ApInt<W, S>> {
    static constexpr unsigned value = W;
};

/// What an operand of mixed arithmetic is: its width, whether it is signed, and its value as an ApInt.
template <class T, class = void>
struct Operand {
    static constexpr bool valid = false;
    static constexpr bool own = false;
};

template <class T>
struct Operand<T, std::enable_if_t<is_machine_int<T>>> {
    static constexpr bool valid = true;
    static constexpr bool own = false;
    static constexpr int width = std::is_same<T, bool>::value ? 1 : 8 * sizeof(T);
    static constexpr bool is_signed = T(-1) < T(0);
    static constexpr ApInt<width, is_signed> value(T x) { return ApInt<width, is_signed>(x); }
};

template <int W, bool S>
struct Operand<ApInt<W, S>> {
    static constexpr bool valid = true;
    static constexpr bool own = true;
    static constexpr int width = W;
    static constexpr bool is_signed = S;
    static constexpr const ApInt<W, S>& value(const ApInt<W, S>& x) { return x; }
};

template <class Owner>
struct Operand<RangeRef<Owner>> {
    static constexpr bool valid = true;
    static constexpr bool own = true;
    static constexpr int width = Owner::width;
    static constexpr bool is_signed = false;
    static ApInt<width, false> value(const RangeRef<Owner>& x) { return x.get(); }
};

template <class Owner>
struct Operand<BitRef<Owner>> {
    static constexpr bool valid = true;
    static constexpr bool own = true;
    static constexpr int width = 1;
    static constexpr bool is_signed = false;
    static ApInt<1, false> value(const BitRef<Owner>& x) { return ApInt<1, false>(static_cast<bool>(x)); }
};

constexpr int larger(int a, int b) { return a > b ? a : b; }
constexpr int smaller(int a, int b) { return a < b ? a : b; }

/// The documented result types of an operation on A and B. Exists only when one of them is not a C integer.
template <class A, class B, class = void>
struct Result {};

template <class A, class B>
struct Result<A, B,
              std::enable_if_t<Operand<A>::valid && Operand<B>::valid && (Operand<A>::own || Operand<B>::own)>> {
    static constexpr int w1 = Operand<A>::width, w2 = Operand<B>::width;
    static constexpr bool s1 = Operand<A>::is_signed, s2 = Operand<B>::is_signed;
    static constexpr bool s = s1 || s2;
    // An unsigned operand needs one bit more to stand beside a signed one.
    static constexpr int common = larger(w1 + (s2 && !s1), w2 + (s1 && !s2));
    using Logic = ApInt<common, s>;
    using Sum = ApInt<common + 1, s>;
    using Difference = ApInt<common + 1, true>;
    using Product = ApInt<w1 + w2, s>;
    using Quotient = ApInt<w1 + s2, s>;
    using Remainder = ApInt<smaller(w1, w2 + (s1 && !s2)), s1>;
    using Shifted = ApInt<w1, s1>;
    using Truth = bool;
};

#define ST_AP_ARITHMETIC(op, Type)                                                      \
    template <class A, class B, class R = typename Result<A, B>::Type>                  \
    constexpr R operator op(const A& a, const B& b) {                                   \
        using Raw = typename R::Raw;                                                    \
        return R::of(static_cast<Raw>(static_cast<Raw>(Operand<A>::value(a).raw)        \
                                          op static_cast<Raw>(Operand<B>::value(b).raw))); \
    }

ST_AP_ARITHMETIC(+, Sum)
ST_AP_ARITHMETIC(-, Difference)
ST_AP_ARITHMETIC(*, Product)
ST_AP_ARITHMETIC(&, Logic)
ST_AP_ARITHMETIC(|, Logic)
ST_AP_ARITHMETIC(^, Logic)
#undef ST_AP_ARITHMETIC

// Division is done in a type that holds both operands and the largest quotient.
#define ST_AP_DIVISION(op, Type)                                                        \
    template <class A, class B, class R = typename Result<A, B>::Type>                  \
    constexpr R operator op(const A& a, const B& b) {                                   \
        using Raw = typename Result<A, B>::Sum::Raw;                                    \
        const Raw divisor = static_cast<Raw>(Operand<B>::value(b).raw);                 \
        if (divisor == Raw(0)) throw DivisionByZero();                                  \
        const Raw out = static_cast<Raw>(static_cast<Raw>(Operand<A>::value(a).raw) op divisor); \
        return R::of(static_cast<typename R::Raw>(out));                                \
    }

ST_AP_DIVISION(/, Quotient)
ST_AP_DIVISION(%, Remainder)
#undef ST_AP_DIVISION

#define ST_AP_COMPARISON(op, expression)                                                \
    template <class A, class B, class R = typename Result<A, B>::Truth>                 \
    constexpr R operator op(const A& a, const B& b) {                                   \
        using Raw = typename Result<A, B>::Logic::Raw;                                  \
        const Raw x = static_cast<Raw>(Operand<A>::value(a).raw);                       \
        const Raw y = static_cast<Raw>(Operand<B>::value(b).raw);                       \
        return expression;                                                              \
    }

ST_AP_COMPARISON(==, x == y)
ST_AP_COMPARISON(!=, !(x == y))
ST_AP_COMPARISON(<, x < y)
ST_AP_COMPARISON(>, y < x)
ST_AP_COMPARISON(<=, !(y < x))
ST_AP_COMPARISON(>=, !(x < y))
#undef ST_AP_COMPARISON

/// x * 2^n in W bits for n >= 0; x / 2^-n rounded down for n < 0.
template <int W, bool S>
constexpr ApInt<W, S> shift_left(const ApInt<W, S>& x, long long n) {
    using Raw = Storage<W, S>;
    using Unsigned = Storage<W, false>;
    if (n >= W) return ApInt<W, S>(0);
    if (n >= 0) {
        const Unsigned bits = static_cast<Unsigned>(static_cast<Unsigned>(x.raw) << static_cast<int>(n));
        return ApInt<W, S>::of(wrap<W, S>(static_cast<Raw>(bits)));
    }
    const int down = n > -W ? static_cast<int>(-n) : W - 1;
    if (n <= -W && !S) return ApInt<W, S>(0);
    return ApInt<W, S>::of(static_cast<Raw>(x.raw >> down));
}

template <class A, class B, class R = typename Result<A, B>::Shifted>
constexpr R operator<<(const A& a, const B& b) {
    return shift_left(Operand<A>::value(a), static_cast<long long>(Operand<B>::value(b).raw));
}
template <class A, class B, class R = typename Result<A, B>::Shifted>
constexpr R operator>>(const A& a, const B& b) {
    return shift_left(Operand<A>::value(a), -static_cast<long long>(Operand<B>::value(b).raw));
}

/// Types that take `x op= y` and `++x`; ap_native.h adds its own.
template <class T>
struct Assignable {
    static constexpr bool value = false;
};
template <int W, bool S>
struct Assignable<ApInt<W, S>> {
    static constexpr bool value = true;
};

#define ST_AP_ASSIGNMENT(op)                                                            \
    template <class A, class B, std::enable_if_t<Assignable<A>::value, int> = 0>        \
    constexpr A& operator op##=(A& a, const B& b) {                                     \
        return a = A(a op b);                                                           \
    }

ST_AP_ASSIGNMENT(+)
ST_AP_ASSIGNMENT(-)
ST_AP_ASSIGNMENT(*)
ST_AP_ASSIGNMENT(/)
ST_AP_ASSIGNMENT(%)
ST_AP_ASSIGNMENT(&)
ST_AP_ASSIGNMENT(|)
ST_AP_ASSIGNMENT(^)
ST_AP_ASSIGNMENT(<<)
ST_AP_ASSIGNMENT(>>)
#undef ST_AP_ASSIGNMENT

template <class A, std::enable_if_t<Assignable<A>::value, int> = 0>
constexpr A& operator++(A& a) {
    return a = A(a + 1);
}
template <class A, std::enable_if_t<Assignable<A>::value, int> = 0>
constexpr A& operator--(A& a) {
    return a = A(a - 1);
}
template <class A, std::enable_if_t<Assignable<A>::value, int> = 0>
constexpr A operator++(A& a, int) {
    const A old = a;
    ++a;
    return old;
}
template <class A, std::enable_if_t<Assignable<A>::value, int> = 0>
constexpr A operator--(A& a, int) {
    const A old = a;
    --a;
    return old;
}

}}  // namespace streamtensor::csim

#endif
