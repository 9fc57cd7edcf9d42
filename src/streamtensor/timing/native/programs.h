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
      : items_(p.items), pc_(p.task_begin[task]), end_(p.task_begin[task + 1]) {
    settle();
  }
  const Item* at = nullptr;
  int64_t left = 0;  // steps of *at that are still to do

  void next() {
    ++pc_;
    settle();
  }
  // Rounds that are left of the loops around the step, from the outermost on, the present ones included.
  const std::vector<int64_t>& rounds() const { return rounds_; }
  // Takes `count` rounds from one of them, or steps from `left` when `level` is the number of loops.
  void skip(int64_t level, int64_t count) { (level < (int64_t)rounds_.size() ? rounds_[level] : left) -= count; }

 private:
  void settle() {
    while (pc_ < end_) {
      const Item& item = items_[pc_];
      if (item.kind == STEP) {
        at = &item;
        left = item.count;
        return;
      }
      if (item.kind == LOOP) {
        rounds_.push_back(item.count);
        ++pc_;
      } else if (--rounds_.back() > 0) {
        pc_ = item.count;
      } else {
        rounds_.pop_back();
        ++pc_;
      }
    }
    at = nullptr;
    left = 0;
  }
  const Item* items_ = nullptr;
  int64_t pc_ = 0, end_ = 0;
  std::vector<int64_t> rounds_;
};

}  // namespace st
