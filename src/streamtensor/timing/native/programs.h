// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Step programs as the Python side packs them, and a cursor that walks through one.
#pragma once

#include <cstdint>
#include <vector>

namespace st {

enum Kind : int64_t { STEP = 0, LOOP = 1, END = 2 };

// One line of a packed program. A loop stands around the items between it and its END. No count is 0, no body empty.
struct Item {
  int64_t kind;
  int64_t count;  // steps, or rounds of a loop; of an END: where the body begins
  int64_t delta;  // cycles after the step before
  int64_t refs;   // where its FIFOs stand in the list of references: first those that it reads
  int64_t reads, writes;  // how many
};

struct Programs {
  const Item* items;
  const int64_t* task_begin;  // tasks + 1 entries
  int64_t tasks;
  const int64_t* refs;
  int64_t fifos;
};

// The steps of one task in order. `at` is null at the end.
class Cursor {
 public:
  Cursor() = default;
  Cursor(const Programs& p, int64_t task)
      : items_(p.items), pc_(p.task_begin[task]), end_(p.task_begin[task + 1]) {}
  const Item* at = nullptr;
  int64_t left = 0;  // steps of *at that are still to do

  void next() {
    next([](int64_t, bool) {});
  }
  // To the next item. `pass` hears of the loops on the way, in order: the item of a loop whose body begins (true), for
  // the first time or again, or whose last round has ended (false); a step counts as a loop that begins.
  template <class Pass>
  void next(Pass&& pass) {
    ++pc_;
    settle(pass);
  }
  // From the beginning of the program to the first step.
  template <class Pass>
  void settle(Pass&& pass) {
    while (pc_ < end_) {
      const Item& item = items_[pc_];
      if (item.kind == STEP) {
        at = &item;
        left = item.count;
        pass(pc_, true);
        return;
      }
      if (item.kind == LOOP) {
        rounds.push_back(item.count);
        pass(pc_++, true);
      } else if (--rounds.back() > 0) {
        pc_ = item.count;
        pass(pc_ - 1, true);
      } else {
        rounds.pop_back();
        pass(item.count - 1, false);
        ++pc_;
      }
    }
    at = nullptr;
    left = 0;
  }
  int64_t place() const { return pc_; }
  // To another place, where `rounds` belong to.
  void move(int64_t place, int64_t steps_left) {
    pc_ = place;
    at = place < end_ ? items_ + place : nullptr;
    left = steps_left;
  }
  std::vector<int64_t> rounds;  // that are left of the loops around the step, from the outermost on, the present ones included

 private:
  const Item* items_ = nullptr;
  int64_t pc_ = 0, end_ = 0;
};

}  // namespace st
