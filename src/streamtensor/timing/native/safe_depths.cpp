// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The run of algebra/safe_depths.py (class _Schedule), decision by decision the same; and room where depths lack it.
#include <algorithm>
#include <deque>
#include <memory>

#include "simulation.h"

using namespace st;

extern "C" void* st_sim_new(const Item* items, const int64_t* task_begin, int64_t tasks, const int64_t* refs,
                            int64_t fifos, const int64_t* latency, const int64_t* writer, const int64_t* reader);

namespace {

constexpr int64_t LEAST_WORK = 2048;  // of transitions that are remembered
constexpr int64_t FIRST_ROOM = 64;    // tokens

// What a task waits for: a token of a FIFO, or room in it where that is full. An ended task waits for none: below 0.
struct Waiting {
  int64_t fifo;
  bool full;
};

// The smallest full FIFO in the ring of waiting tasks that one leads to; below 0 when there is none: see st_safe_marks.
template <class WaitOf, class RoomOf>
int64_t ring(int64_t task, int64_t tasks, const int64_t* writer, const int64_t* reader, WaitOf&& wait_of,
             RoomOf&& room_of, int64_t* culprit) {
  std::vector<Waiting> path;
  std::vector<int64_t> seen(tasks, -1);
  int64_t before = task;
  while (seen[task] < 0) {
    const Waiting wait = wait_of(task);
    if (wait.fifo < 0) {
      culprit[0] = before;
      culprit[1] = task;
      culprit[2] = path.back().fifo;
      return -1;
    }
    seen[task] = (int64_t)path.size();
    path.push_back(wait);
    before = task;
    task = wait.full ? reader[wait.fifo] : writer[wait.fifo];
  }
  int64_t best = -2;
  for (size_t i = (size_t)seen[task]; i < path.size(); ++i) {
    const int64_t f = path[i].fifo;
    // FIFOs are numbered in the order of their names.
    if (!path[i].full) continue;
    if (best < 0 || room_of(f) < room_of(best) || (room_of(f) == room_of(best) && f < best)) best = f;
  }
  return best;
}

struct Run {
  const Programs& p;
  const int64_t *writer, *reader;
  std::vector<Cursor> at;
  std::vector<int64_t> held, limit;
  int64_t* marks;
  std::vector<int64_t> touched;
  std::vector<char> is_touched;

  void touch(int64_t task) {
    if (is_touched[task]) return;
    is_touched[task] = 1;
    touched.push_back(task);
  }

  void advance(int64_t task) {
    Cursor& c = at[task];
    while (c.at) {
      const int64_t* refs = p.refs + c.at->refs;
      const int64_t reads = c.at->reads, all = reads + c.at->writes;
      int64_t count = c.left;
      for (int64_t i = 0; i < reads; ++i) count = std::min(count, held[refs[i]]);
      for (int64_t i = reads; i < all; ++i) count = std::min(count, limit[refs[i]] - held[refs[i]]);
      if (count <= 0) break;
      for (int64_t i = 0; i < reads; ++i) {
        held[refs[i]] -= count;
        touch(writer[refs[i]]);
      }
      for (int64_t i = reads; i < all; ++i) {
        const int64_t f = refs[i];
        held[f] += count;
        marks[f] = std::max(marks[f], held[f]);
        touch(reader[f]);
      }
      c.left -= count;
      if (!c.left) c.next();
    }
  }

  Waiting wait_of(int64_t task) const {
    if (!at[task].at) return {-1, false};
    const int64_t* refs = p.refs + at[task].at->refs;
    const int64_t reads = at[task].at->reads;
    int64_t i = 0;
    while (i < reads && held[refs[i]]) ++i;
    const bool full = i == reads;
    if (full)
      while (held[refs[i]] < limit[refs[i]]) ++i;
    return {refs[i], full};
  }
};

// Runs every task to its end; where nothing moves, the smallest full FIFO of a ring gets room for `more` tokens. 0: done,
// else as st_safe_marks.
int64_t complete(Run& run, int64_t more, int64_t* culprit) {
  const int64_t tasks = run.p.tasks;
  std::deque<int64_t> ready;
  std::vector<char> queued(tasks, 1);
  for (int64_t task = 0; task < tasks; ++task) {
    run.at.emplace_back(run.p, task);
    run.at.back().settle([](int64_t, bool) {});
    ready.push_back(task);
  }
  for (;;) {
    while (!ready.empty()) {
      const int64_t task = ready.front();
      ready.pop_front();
      queued[task] = 0;
      run.advance(task);
      for (int64_t other : run.touched) {
        run.is_touched[other] = 0;
        if (!queued[other]) ready.push_back(other);
        queued[other] = 1;
      }
      run.touched.clear();
    }
    int64_t waiting = 0;
    while (waiting < tasks && !run.at[waiting].at) ++waiting;
    if (waiting == tasks) return 0;
    const int64_t full = ring(
        waiting, tasks, run.writer, run.reader, [&](int64_t task) { return run.wait_of(task); },
        [&](int64_t f) { return run.limit[f]; }, culprit);
    if (full < 0) return -full;
    run.limit[full] += more;
    ready.push_back(run.writer[full]);
    queued[run.writer[full]] = 1;
  }
}

}  // namespace

// Fills marks[fifo]. 0: done; 1: culprit = (task, the ended task it waits for, FIFO); 2: a ring of empty FIFOs.
extern "C" int64_t st_safe_marks(const Item* items, const int64_t* task_begin, int64_t tasks, const int64_t* refs,
                                 int64_t fifos, const int64_t* writer, const int64_t* reader, int64_t burst,
                                 int64_t* marks, int64_t* culprit) {
  const Programs p{items, task_begin, tasks, refs, fifos};
  Run run{p, writer, reader, {}, std::vector<int64_t>(fifos, 0), std::vector<int64_t>(fifos, burst), marks, {},
          std::vector<char>(tasks, 0)};
  std::fill(marks, marks + fifos, 0);
  return complete(run, burst, culprit);
}

// Raises limits[fifo] in steps of `more` until every task comes to its end; answers as st_safe_marks.
//
// What processes can do with some depths is the same in any order, so the simulator says it as well, in which what has
// happened once need not be run again. Its cycles mean nothing here; a FIFO that gets deeper while steps are made leaves
// them as true as they were. Each FIFO begins with little room, so that no backlog grows all the time in which
// nothing would happen twice, and gets more up to its limit where a ring waits for that. A ring in which each full FIFO
// is at its limit is one for good, whatever the others could still do: the order in which rings are opened changes nothing.
extern "C" int64_t st_enough_room(const Item* items, const int64_t* task_begin, int64_t tasks, const int64_t* refs,
                                  int64_t fifos, const int64_t* writer, const int64_t* reader, int64_t more,
                                  int64_t* limits, int64_t* culprit) {
  const std::vector<int64_t> latency(fifos, 1);
  const std::unique_ptr<Simulation> run(static_cast<Simulation*>(
      st_sim_new(items, task_begin, tasks, refs, fifos, latency.data(), writer, reader)));
  std::vector<int64_t> depths(limits, limits + fifos);
  for (int64_t& depth : depths) depth = std::min(depth, FIRST_ROOM);
  run->start(depths.data(), nullptr, -1, nullptr, NEVER, LEAST_WORK);
  auto below_limit = [&](int64_t f) { return run->fifos[f].depth < limits[f]; };
  auto deepen = [&](int64_t f) {
    Fifo& fifo = run->fifos[f];
    if (!below_limit(f)) limits[f] += more;
    fifo.depth = std::min(limits[f], std::max(2 * fifo.depth, fifo.depth + more));
    fifo.set_soft(NEVER);
    run->push(writer[f]);
  };
  auto wait_of = [&](int64_t task) {
    const Task& t = run->tasks[task];
    return t.at.at ? Waiting{t.wait_fifo, t.wait == ROOM} : Waiting{-1, false};
  };
  auto room_of = [&](int64_t f) { return run->fifos[f].depth - (below_limit(f) ? NEVER : 0); };
  for (;;) {
    const int64_t status = run->run(NEVER / 2);
    if (status == COMPLETE) return 0;
    if (status != DEADLOCK) continue;
    int64_t waiting = 0;
    while (!run->tasks[waiting].at.at) ++waiting;
    const int64_t full = ring(waiting, tasks, writer, reader, wait_of, room_of, culprit);
    if (full >= 0) {
      deepen(full);
      continue;
    }
    // Nothing helps, or it only seems so as long as some have less room than they may have.
    bool deepened = false;
    for (int64_t task = 0; task < tasks; ++task) {
      const Waiting wait = wait_of(task);
      if (wait.fifo < 0 || !wait.full || !below_limit(wait.fifo)) continue;
      deepen(wait.fifo);
      deepened = true;
    }
    if (!deepened) return -full;
  }
}
