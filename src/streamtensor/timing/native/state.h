// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The state of a simulation: the tasks, the FIFOs, and which tasks are worth a try.
#pragma once

#include "fifo.h"
#include "programs.h"

namespace st {

enum Wait : int64_t { NOTHING = 0, TOKEN = 1, ROOM = 2 };

struct Task {
  Cursor at;
  int64_t time = 0;  // of the last step
  int64_t stalled_read = 0, stalled_write = 0, steps = 0;
  int64_t first = -1;
  int64_t patience = NEVER;  // cycles that it may wait in all before the run is late
  Wait wait = NOTHING;
  int64_t wait_fifo = -1;
  int64_t owner = -1, slot = -1;  // where its earlier state stands (records.h)
  std::vector<int64_t> passed;    // loops on the way to the present place (see Cursor::next): 2 x item + whether it begins
  bool stopped = false;           // at one of them, to be looked at before the next step
};

// Tasks by rank; the least one comes first.
class Ready {
 public:
  void restart(int64_t count) {
    levels.clear();
    for (int64_t words = std::max<int64_t>(count, 1); levels.empty() || words > 1;) levels.emplace_back(words = (words + 63) / 64, 0);
  }
  bool empty() const { return !levels.back()[0]; }
  void push(int64_t rank) {
    for (auto& words : levels) {
      uint64_t& word = words[rank >> 6];
      const bool known = word;
      word |= uint64_t{1} << (rank & 63);
      if (known) return;
      rank >>= 6;
    }
  }
  int64_t pop() {
    int64_t rank = 0;
    for (size_t level = levels.size(); level--;) rank = rank * 64 + __builtin_ctzll(levels[level][rank]);
    int64_t at = rank;
    for (auto& words : levels) {
      uint64_t& word = words[at >> 6];
      word &= ~(uint64_t{1} << (at & 63));
      if (word) break;
      at >>= 6;
    }
    return rank;
  }

 private:
  std::vector<std::vector<uint64_t>> levels;  // a bit each; one for every word of the level before
};

struct State {
  std::vector<Item> items;
  std::vector<int64_t> task_begin, refs, latency, writer, reader;
  Programs p{};
  std::vector<Fifo> fifos;
  std::vector<Task> tasks;
  std::vector<int64_t> outer;  // item -> the loop that it stands in, or -1
  std::vector<int64_t> rank, task_of_rank;
  Ready ready;

  void push(int64_t task) { ready.push(rank[task]); }
  void wait(Task& task, Wait kind, int64_t fifo) {
    task.wait = kind;
    task.wait_fifo = fifo;
    (kind == TOKEN ? fifos[fifo].reader_waits : fifos[fifo].writer_waits) = true;
  }
  void wake_quietly(Task& task) {
    if (task.wait == NOTHING) return;
    (task.wait == TOKEN ? fifos[task.wait_fifo].reader_waits : fifos[task.wait_fifo].writer_waits) = false;
    task.wait = NOTHING;
  }
  // It may go on, or is worth a try.
  void wake(int64_t id) {
    wake_quietly(tasks[id]);
    push(id);
  }
};

}  // namespace st
