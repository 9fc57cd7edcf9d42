// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The cycle simulator. A task is a Kahn process, so its steps have one possible time each:
//
//   step = max(previous step + delta, write(token) + latency of every token read,
//              read(token - depth) + 1 of every slot written)
//
// and tasks may run in any order, each as far as the times that it needs are known.
//
// A FIFO holds at most `soft` tokens at a time so that nobody runs far ahead of its reader and memory stays small. That
// bound changes no time. Where tasks wait for each other in a ring and one of them only for such room, it grows.
#pragma once

#include <cstring>

#include "steps.h"

namespace st {

enum Status : int64_t { COMPLETE = 0, DEADLOCK = 1, LATE = 2, PAUSED = 3 };

struct Simulation : Stepper {
  // Tokens.
  static constexpr int64_t MOST_IN_ALL = 1 << 20, MOST_AHEAD_IN_ALL = 1 << 22, MOST_AHEAD = 4096, LEAST_AHEAD = 64;
  static constexpr int64_t LARGE = 1 << 16;
  int64_t latest = NEVER;  // give up when a step is later
  bool late = false;
  bool deaths = false;  // whether there are dead FIFOs
  int64_t until = 0;  // events

  // `soft`: tokens that a FIFO holds at first while that suffices; 0: any number where all depths are small enough in
  // sum, and few where they are not.
  void start(const int64_t* depths, const int64_t* release, int64_t limit, const int64_t* patience, int64_t soft,
             int64_t least_work) {
    int64_t in_all = 0;
    for (int64_t f = 0; f < p.fifos; ++f) in_all += std::min(std::max<int64_t>(depths[f], 0), MOST_IN_ALL + 1);
    const int64_t few = std::max(LEAST_AHEAD, std::min(MOST_AHEAD, MOST_AHEAD_IN_ALL / std::max<int64_t>(1, p.fifos)));
    for (int64_t f = 0; f < p.fifos; ++f) {
      const int64_t depth = depths[f] < 0 ? NEVER : depths[f];
      fifos[f].restart(depth, soft ? soft : depth < NEVER && in_all <= MOST_IN_ALL ? depth : few, latency[f],
                       soft ? 4 * soft : LARGE);
    }
    ready.restart(p.tasks);
    rounds.restart(least_work);
    latest = limit < 0 ? NEVER : limit;
    late = deaths = false;
    events = 0;
    for (int64_t t = 0; t < p.tasks; ++t) {
      tasks[t] = Task();
      tasks[t].at = Cursor(p, t);
      tasks[t].time = release ? release[t] : 0;
      tasks[t].patience = patience ? patience[t] : NEVER;
      tasks[t].at.settle([&](int64_t item, bool begins) { rounds.pass(tasks[t], item, begins); });
      push(t);
    }
  }

  // Runs for about `budget` reads and writes.
  int64_t run(int64_t budget) {
    until = events + budget;
    for (;;) {
      while (!ready.empty()) {
        const int64_t task = task_of_rank[ready.pop()];
        if (!rounds.active) {
          advance<false>(task);
        } else {
          rounds.runs(task);
          const Shape* moved = tasks[task].stopped ? rounds.stop(task) : nullptr;
          if (moved) {
            events += 16;
            for (const auto& part : moved->parts) late |= is_late(tasks[part.task]);
          } else {
            advance<true>(task);
          }
        }
        if (late) return LATE;
        if (events > until) {
          push(task);
          return PAUSED;
        }
      }
      bool ended = true;
      for (const Task& task : tasks) ended &= !task.at.at;
      if (!ended && make_room()) continue;
      rounds.forget_records();
      for (Fifo& fifo : fifos) fifo.finish();
      return ended ? COMPLETE : DEADLOCK;
    }
  }

  bool is_late(const Task& task) const {
    return task.time > latest || task.stalled_read + task.stalled_write > task.patience;
  }

  // Runs one task as far as it can. LOOKS: whether transitions are looked for (rounds.h).
  template <bool LOOKS>
  void advance(int64_t id) {
    Task& task = tasks[id];
    wake_quietly(task);
    while (task.at.at) {
      const Item& item = *task.at.at;
      if (!with_its_other<LOOKS>(id, task, item) && !make_steps<LOOKS>(id, task, item)) return;
      late |= is_late(task);
      if (late || events > until || (LOOKS && task.stopped)) {
        push(id);
        return;
      }
    }
  }
  // Where the task and one that waits for it do nothing but write and read a FIFO, both go on: to change tasks for every
  // few tokens of a shallow FIFO takes longer than the tokens. False where that is not so.
  template <bool LOOKS>
  bool with_its_other(int64_t id, Task& task, const Item& item) {
    if (item.reads + item.writes != 1 || profile) return false;
    const int64_t fifo = refs[item.refs];
    Fifo& f = fifos[fifo];
    const bool reads = item.reads;
    if (!(reads ? f.writer_waits : f.reader_waits) || f.dead) return false;
    const int64_t other_id = reads ? writer[fifo] : reader[fifo];
    Task& other = tasks[other_id];
    // A task that comes later in rank has its turn when this one can't go on.
    if (!does_only(other, fifo, !reads) || (LOOKS && rank[other_id] > rank[id])) return false;
    if (LOOKS) {
      touch(id, task, item);
      touch(other_id, other, *other.at.at);
    }
    reads ? together<LOOKS>(task, other, f, until) : together<LOOKS>(other, task, f, until);
    late |= is_late(other);
    if (late || other.stopped || !does_only(other, fifo, !reads)) wake(other_id);
    return true;
  }
  // Steps of an item; false when there can be none now. The usual numbers of FIFOs have loops of their own.
  template <bool LOOKS>
  bool make_steps(int64_t id, Task& task, const Item& item) {
    if (profile || deaths || item.reads > 3 || item.writes > 3) return make_any_steps<LOOKS>(id, task, item);
    switch (item.reads * 4 + item.writes) {
      case 0: return silent_steps<LOOKS>(id, task, item);
      case 1: return steps<LOOKS, 0, 1>(id, task, item);
      case 2: return steps<LOOKS, 0, 2>(id, task, item);
      case 3: return steps<LOOKS, 0, 3>(id, task, item);
      case 4: return steps<LOOKS, 1, 0>(id, task, item);
      case 5: return steps<LOOKS, 1, 1>(id, task, item);
      case 8: return steps<LOOKS, 2, 0>(id, task, item);
      case 9: return steps<LOOKS, 2, 1>(id, task, item);
      default: return steps<LOOKS, -1, -1>(id, task, item);
    }
  }
  template <bool LOOKS>
  bool make_any_steps(int64_t id, Task& task, const Item& item) {
    if (item.reads + item.writes == 0) return silent_steps<LOOKS>(id, task, item);
    bool dead = false;
    for (int64_t i = item.refs; i < item.refs + item.reads + item.writes; ++i) dead |= fifos[refs[i]].dead;
    return dead ? step_to_dead<LOOKS>(id, task, item) : steps<LOOKS, -1, -1>(id, task, item);
  }

  int64_t next_in_wait(int64_t task) const {
    const int64_t f = tasks[task].wait_fifo;
    return tasks[task].wait == TOKEN ? writer[f] : reader[f];
  }

  // Whether the FIFO itself has the room that the task waits for.
  bool waits_for_soft(int64_t task) const {
    const Task& t = tasks[task];
    return t.at.at && t.wait == ROOM && fifos[t.wait_fifo].held() < fifos[t.wait_fifo].depth;
  }
  bool waits_for_good(int64_t task) const {
    for (int64_t n = 0; n <= p.tasks && tasks[task].at.at; ++n) {
      if (waits_for_soft(task)) return false;
      task = next_in_wait(task);
    }
    return true;
  }

  // Nothing moves. Makes room where that was only missing here and not in the FIFO; false when the deadlock is real.
  bool make_room() {
    std::vector<int64_t> mark(p.tasks, -1);  // the walk that came by
    bool moved = false;
    for (int64_t start = 0; start < p.tasks; ++start) {
      int64_t task = start;
      while (mark[task] < 0 && tasks[task].at.at) {
        mark[task] = start;
        task = next_in_wait(task);
      }
      if (mark[task] != start) continue;  // an ended task, or a ring that has been looked at
      int64_t best = -1;
      int64_t at = task;
      do {
        const int64_t f = tasks[at].wait_fifo;
        if (waits_for_soft(at) && (best < 0 || fifos[f].soft < fifos[best].soft)) best = f;
        at = next_in_wait(at);
      } while (at != task);
      if (best < 0) continue;
      Fifo& fifo = fifos[best];
      fifo.set_soft(2 * fifo.soft);
      push(writer[best]);
      moved = true;
    }
    if (moved) return true;
    // Every ring is a deadlock, and what leads to one or to an ended task waits for good: it reads no more.
    for (int64_t t = 0; t < p.tasks; ++t) {
      if (!waits_for_soft(t) || !waits_for_good(reader[tasks[t].wait_fifo])) continue;
      Fifo& fifo = fifos[tasks[t].wait_fifo];
      fifo.merge();
      while (fifo.merged_writes < fifo.written) fifo.merge_unread(fifo.writes()[fifo.merged_writes]);
      fifo.die();
      deaths = true;
      push(t);
      moved = true;
    }
    return moved;
  }
};

}  // namespace st
