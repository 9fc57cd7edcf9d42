// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What was before: the state at some earlier moments of the run, of all tasks and FIFOs that have moved since then.
//
// The moments are a stack. A task or FIFO is copied into the latest one before it moves for the first time after it; when
// the latest moment is given up, what only it knows goes to the one before, for which it is as true.
#pragma once

#include "state.h"

namespace st {

struct SavedTask {
  int64_t task, place, left, time, stalled_read, stalled_write, steps;
  bool started;
  size_t numbers, rounds;  // where its rounds stand, and how many
  int64_t owner, slot;
};

struct SavedFifo {
  int64_t fifo, written, read, merged_writes, merged_reads;
  int64_t high;
  bool blocked;
  // Where its times stand, and how many: of the first tokens inside, then of the last reads that are not merged. Where a
  // FIFO holds more than it is worth to copy, the rings have the others for some time.
  size_t numbers;
  int64_t tokens, reads;
  int64_t owner, slot;
};

struct Record {
  int64_t watch, rank, work;
  size_t numbers;  // where its own begin
  std::vector<SavedTask> tasks;
  std::vector<SavedFifo> fifos;
};

class Records {
 public:
  explicit Records(State& state) : s(state) {}
  int64_t top = -1;
  std::vector<int64_t> numbers;

  Record& latest() { return all[top]; }
  int64_t size() const { return (int64_t)numbers.size(); }
  void restart() {
    top = -1;
    numbers.clear();
  }
  void open(int64_t watch, int64_t rank, int64_t work) {
    if (++top == (int64_t)all.size()) all.emplace_back();
    Record& r = all[top];
    r.watch = watch;
    r.rank = rank;
    r.work = work;
    r.numbers = numbers.size();
    r.tasks.clear();
    r.fifos.clear();
  }
  void touch(int64_t id, Task& t) {
    Record& r = all[top];
    r.tasks.push_back({id, t.at.place(), t.at.left, t.time, t.stalled_read, t.stalled_write, t.steps, t.first >= 0,
                       numbers.size(), t.at.rounds.size(), t.owner, t.slot});
    numbers.insert(numbers.end(), t.at.rounds.begin(), t.at.rounds.end());
    t.owner = top;
    t.slot = (int64_t)r.tasks.size() - 1;
  }
  void touch(int64_t id, Fifo& f) {
    Record& r = all[top];
    f.merge();
    const int64_t tokens = std::min(f.held(), f.copied), reads = std::min(f.read - f.kept, f.copied);
    r.fifos.push_back({id, f.written, f.read, f.merged_writes, f.merged_reads, f.high, f.blocked, numbers.size(), tokens,
                       reads, f.owner, f.slot});
    for (int64_t i = f.read; i < f.read + tokens; ++i) numbers.push_back(f.writes()[i]);
    for (int64_t i = f.read - reads; i < f.read; ++i) numbers.push_back(f.reads()[i]);
    f.owner = top;
    f.slot = (int64_t)r.fifos.size() - 1;
    f.high = 0;
    f.blocked = false;
  }
  // Gives up the latest moment.
  void close() {
    Record& r = all[top];
    const int64_t before = top - 1;
    kept.clear();
    for (SavedFifo& saved : r.fifos) {
      Fifo& f = s.fifos[saved.fifo];
      if (saved.owner == before) {
        f.high = std::max(f.high, saved.high);
        f.blocked |= saved.blocked;
        f.owner = saved.owner;
        f.slot = saved.slot;
      } else {
        keep(saved.numbers, (size_t)(saved.tokens + saved.reads), r.numbers);
        f.owner = before;
        f.slot = (int64_t)all[before].fifos.size();
        all[before].fifos.push_back(saved);
      }
    }
    for (SavedTask& saved : r.tasks) {
      Task& t = s.tasks[saved.task];
      if (saved.owner == before) {
        t.owner = saved.owner;
        t.slot = saved.slot;
      } else {
        keep(saved.numbers, saved.rounds, r.numbers);
        t.owner = before;
        t.slot = (int64_t)all[before].tasks.size();
        all[before].tasks.push_back(saved);
      }
    }
    numbers.resize(r.numbers);
    numbers.insert(numbers.end(), kept.begin(), kept.end());
    top = before;
  }

 private:
  void keep(size_t& from, size_t count, size_t begin) {
    const size_t to = begin + kept.size();
    kept.insert(kept.end(), numbers.begin() + (int64_t)from, numbers.begin() + (int64_t)(from + count));
    from = to;
  }
  State& s;
  std::vector<Record> all;
  std::vector<int64_t> kept;
};

}  // namespace st
