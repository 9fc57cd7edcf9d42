// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What takes part in a transition (transitions.h): tasks, the loops in which they went on, and the FIFOs between them.
#pragma once

#include "records.h"

namespace st {

struct TaskView {
  int64_t place, left, time;
  bool started;
  const int64_t* rounds;
  int64_t depth;  // of loops
};

struct FifoView {
  int64_t written, read, merged_writes, merged_reads;
  Times writes, reads;
};

inline TaskView view(const Task& t) {
  return {t.at.place(), t.at.left, t.time, t.first >= 0, t.at.rounds.data(), (int64_t)t.at.rounds.size()};
}
inline FifoView view(const Fifo& f) {
  return {f.written, f.read, f.merged_writes, f.merged_reads, f.writes(), f.reads()};
}

// Which tasks and FIFOs take part, and how: the same for many transitions.
struct Shape {
  struct Part {
    int64_t task;
    int64_t level;  // the loop that went on, as a level of the nest; -1 for none, the number of loops for the step itself
    int64_t island;  // of tasks that know of each other
    bool operator==(const Part& o) const { return task == o.task && level == o.level && island == o.island; }
  };
  struct Link {
    int64_t fifo;
    int64_t reads, writes;   // tokens
    int64_t reader, writer;  // parts, or -1
    bool reads_new, writes_new;  // tokens that were written meanwhile, room that was made meanwhile
    bool operator==(const Link& o) const {
      return fifo == o.fifo && reader == o.reader && writer == o.writer && reads_new == o.reads_new &&
             writes_new == o.writes_new && (reads_new || reads == o.reads) && (writes_new || writes == o.writes);
    }
  };
  std::vector<Part> parts;
  std::vector<Link> links;
  int64_t islands = 0;
};

class Shapes {
 public:
  explicit Shapes(const State& state) : s(state) {}

  std::vector<int64_t> gone;  // by how many rounds (or steps) the loop of each part went on; of the latest shape

  // The shape of what has happened since a record, of which `then` are the tasks.
  void make(const Record& record, const std::vector<TaskView>& then, Shape& shape) {
    shape.parts.clear();
    shape.links.clear();
    gone.clear();
    for (size_t n = 0; n < record.tasks.size(); ++n) {
      const auto [level, rounds] = moved(then[n], view(s.tasks[record.tasks[n].task]));
      gone.push_back(rounds);
      shape.parts.push_back({record.tasks[n].task, level, (int64_t)n});
    }
    for (size_t n = 0; n < record.fifos.size(); ++n) {
      const SavedFifo& before = record.fifos[n];
      const Fifo& f = s.fifos[before.fifo];
      const int64_t reads = f.read - before.read, writes = f.written - before.written, held = before.written - before.read;
      auto part = [&](int64_t task, int64_t moves) { return moves ? s.tasks[task].slot : -1; };
      Shape::Link link{before.fifo, reads, writes, part(s.reader[before.fifo], reads), part(s.writer[before.fifo], writes),
                       reads > held, writes > f.depth - held};
      shape.links.push_back(link);
      if (link.reads_new || link.writes_new) {  // join their islands
        const int64_t a = shape.parts[link.reader].island, b = shape.parts[link.writer].island;
        for (auto& one : shape.parts)
          if (one.island == std::max(a, b)) one.island = std::min(a, b);
      }
    }
    // Numbered from 0 on.
    island_number.assign(shape.parts.size(), -1);
    shape.islands = 0;
    for (auto& part : shape.parts) {
      if (island_number[part.island] < 0) island_number[part.island] = shape.islands++;
      part.island = island_number[part.island];
    }
  }

 private:
  // The loops around an item, from the outermost on.
  void loops_of(int64_t place, int64_t depth, std::vector<int64_t>& found) const {
    found.assign(depth, -1);
    for (int64_t level = depth, loop = place; level > 0;) found[--level] = loop = s.outer[loop];
  }

  // Which loop went on, and by how many rounds (or steps); see Part.
  std::pair<int64_t, int64_t> moved(const TaskView& then, const TaskView& now) {
    loops_of(then.place, then.depth, loops_then);
    loops_of(now.place, now.depth, loops_now);
    const int64_t both = std::min(then.depth, now.depth);
    for (int64_t level = 0; level < both; ++level) {
      if (loops_then[level] != loops_now[level]) return {level - 1, 0};
      if (then.rounds[level] != now.rounds[level]) return {level, then.rounds[level] - now.rounds[level]};
    }
    if (then.place == now.place) return {then.depth, then.left - now.left};
    return {both - 1, 0};
  }

  const State& s;
  std::vector<int64_t> island_number, loops_then, loops_now;
};

}  // namespace st
