// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Times by the numbers of their tokens, of which there may be a great many: kept as runs, which steady tasks make few of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

namespace st {

class Runs {
 public:
  // Times that are `step` apart.
  struct Run {
    int64_t number, time, step, count;
    int64_t end() const { return number + count; }
  };

  bool empty() const { return rows.empty() && !last.count; }
  void clear() {
    rows.clear();
    last = {0, 0, 0, 0};
  }
  // The time of the token `number`, the one after the latest.
  void push(int64_t number, int64_t time) {
    if (last.count == 1) last.step = time - last.time;
    if (last.count && time != last.time + last.step * last.count) {
      close();
      last.count = 0;
    }
    if (!last.count) last = {number, time, 0, 0};
    ++last.count;
  }
  // Forgets what comes before a number.
  void drop(int64_t number) {
    while (!rows.empty() && rows.front().end() <= number) rows.pop_front();
    if (rows.empty() && last.end() <= number) last.count = 0;
  }
  // What is known from a number on, as far as it is one run.
  Run from(int64_t number) const {
    Run found = last;
    if (!rows.empty() && number < rows.back().end()) {
      const auto row = std::partition_point(rows.begin(), rows.end(), [&](const Row& r) { return r.end() <= number; });
      const int64_t round = (number - row->run.number) / row->run.count;
      found = row->run;
      found.number += round * row->run.count;
      found.time += round * row->gap;
    }
    const int64_t passed = number - found.number;
    return {number, found.time + passed * found.step, found.step, found.count - passed};
  }
  int64_t operator[](int64_t number) const { return from(number).time; }

 private:
  // Equal runs, which begin `gap` apart.
  struct Row {
    Run run;
    int64_t gap, rounds;
    int64_t end() const { return run.number + rounds * run.count; }
  };

  void close() {
    if (!rows.empty()) {
      Row& row = rows.back();
      const bool equal = row.run.count == last.count && row.run.step == last.step;
      if (equal && row.rounds == 1) row.gap = last.time - row.run.time;
      if (equal && last.time == row.run.time + row.rounds * row.gap) {
        ++row.rounds;
        return;
      }
    }
    rows.push_back({last, 0, 1});
  }

  std::deque<Row> rows;
  Run last{0, 0, 0, 0};  // goes on
};

}  // namespace st
