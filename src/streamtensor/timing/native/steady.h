// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steady states. When the whole state of the simulation comes back, later by some cycles and with less left to do in
// loops that go on, what happened in between happens again and again, until one of these loops comes to its end: all
// but the last of these periods are jumped over.
//
// Why that is exact. The simulation does the same from the same state, and states are compared as a whole:
// * tasks that made no step and FIFOs that were not touched have not changed at all, and are not looked at;
// * every task that made a step stands at the same place of its program, at the same rounds of all loops but one (or
//   within one long step), later by the same number of cycles. It is in the same instance of that loop, since otherwise
//   a loop further out would have moved on too. So it made whole rounds, and will do so while more rounds are left;
// * a FIFO that was touched holds as many tokens, with times that are later by that same number of cycles;
// * the queue, the waits, high-water marks and all else are equal.
// The step formula takes maxima of times and adds constants, so later times give later times.
#pragma once

#include "simulation.h"

namespace st {

class Steady {
 public:
  explicit Steady(Simulation& simulation) : s(simulation) {}

  void start() {
    times.clear();
    jumped = 0;
    reset();
  }

  // Called before the next task of the queue runs.
  void look() {
    if (++looks >= power) {
      save();
    } else if (s.queue[s.queue_head] == anchor && same_place(anchor)) {
      const int64_t periods = repeats();
      if (periods > 0) {
        jump(periods);
        jumped += periods;
        reset();
      }
    }
  }
  int64_t jumped = 0;  // periods

 private:
  static constexpr int64_t FIRST = 64;

  void reset() {
    power = std::max(FIRST, (int64_t)times.size() / 2);  // so that saving costs less than what happens in between
    looks = 0;
    anchor = -1;
  }

  struct SavedTask {
    Cursor at;
    int64_t time, stalled_read, stalled_write, steps, wait_fifo;
    Wait wait;
  };
  struct SavedFifo {
    int64_t written, read, merged_writes, merged_reads, high, soft;
    bool blocked, dead;
    size_t times;  // where its times begin: of the tokens inside, then of the reads that are not merged
  };
  Simulation& s;
  int64_t power = FIRST, looks = 0, anchor = -1;
  std::vector<SavedTask> tasks;
  std::vector<SavedFifo> fifos;
  std::vector<int64_t> times, queue;

  void save() {
    looks = 0;
    anchor = s.queue[s.queue_head];
    tasks.clear();
    for (const Task& t : s.tasks) tasks.push_back({t.at, t.time, t.stalled_read, t.stalled_write, t.steps, t.wait_fifo, t.wait});
    fifos.clear();
    times.clear();
    for (Fifo& f : s.fifos) {
      fifos.push_back({f.written, f.read, f.merged_writes, f.merged_reads, f.high, f.soft, f.blocked, f.dead, times.size()});
      if (!f.dead)
        for (int64_t i = f.read; i < f.written; ++i) times.push_back(f.writes[i]);
      for (int64_t i = f.merged_reads; i < f.read; ++i) times.push_back(f.reads[i]);
    }
    // Brent: a period is found once the distance between two savings is longer than it.
    power = std::max(2 * power, (int64_t)times.size() / 2);
    queue.clear();
    for (size_t i = 0; i < s.queue_size; ++i) queue.push_back(queued(i));
  }
  int64_t queued(size_t i) const { return s.queue[(s.queue_head + i) % s.queue.size()]; }

  // The loop (or, as the last entry, the step) that moved on; -1 when none did, -2 when more than one.
  int64_t moved(int64_t task) const {
    const Cursor &a = tasks[task].at, &b = s.tasks[task].at;
    if (a.at != b.at || a.rounds().size() != b.rounds().size()) return -2;
    int64_t found = -1;
    const int64_t levels = (int64_t)a.rounds().size();
    for (int64_t level = 0; level <= levels; ++level) {
      if (counter(a, level) == counter(b, level)) continue;
      if (found >= 0) return -2;
      found = level;
    }
    return found;
  }
  static int64_t counter(const Cursor& c, int64_t level) {
    return level < (int64_t)c.rounds().size() ? c.rounds()[level] : c.left;
  }
  bool same_place(int64_t task) const { return moved(task) >= 0; }

  // How many more periods there are, at least; 0 when this is not one.
  int64_t repeats() {
    int64_t shift = -1, most = NEVER;
    for (size_t t = 0; t < tasks.size(); ++t) {
      const Task& now = s.tasks[t];
      const SavedTask& then = tasks[t];
      if (now.wait != then.wait || (now.wait != NOTHING && now.wait_fifo != then.wait_fifo)) return 0;
      if (now.steps == then.steps) continue;
      const int64_t level = moved((int64_t)t);
      if (level < 0) return 0;
      const int64_t later = now.time - then.time;
      if (shift >= 0 && later != shift) return 0;
      shift = later;
      const int64_t left = counter(now.at, level), done = counter(then.at, level) - left;
      if (done <= 0) return 0;
      most = std::min(most, (left - 1) / done);
      if (shift > 0) most = std::min(most, (s.latest - now.time) / shift);
      const int64_t waited = now.stalled_read + now.stalled_write - then.stalled_read - then.stalled_write;
      if (waited > 0) most = std::min(most, (now.patience - now.stalled_read - now.stalled_write) / waited);
    }
    if (shift < 0 || most <= 0 || queue.size() != s.queue_size) return 0;
    for (size_t i = 0; i < queue.size(); ++i)
      if (queue[i] != queued(i)) return 0;
    for (size_t n = 0; n < fifos.size(); ++n) {
      Fifo& now = s.fifos[n];
      const SavedFifo& then = fifos[n];
      if (now.high != then.high || now.soft != then.soft || now.blocked != then.blocked || now.dead != then.dead) return 0;
      const int64_t moves = now.written - then.written;
      if (!moves && now.read == then.read) continue;  // then it was not merged either
      if (now.read - then.read != moves || now.merged_writes - then.merged_writes != moves ||
          now.merged_reads - then.merged_reads != moves || now.dead)
        return 0;
      size_t at = then.times;
      for (int64_t i = now.read; i < now.written; ++i)
        if (now.writes[i] != times[at++] + shift) return 0;
      for (int64_t i = now.merged_reads; i < now.read; ++i)
        if (now.reads[i] != times[at++] + shift) return 0;
    }
    return most;
  }

  void jump(int64_t periods) {
    int64_t shift = 0;
    for (size_t t = 0; t < tasks.size(); ++t) {
      Task& now = s.tasks[t];
      const SavedTask& then = tasks[t];
      if (now.steps == then.steps) continue;
      const int64_t level = moved((int64_t)t);
      now.at.skip(level, (counter(then.at, level) - counter(now.at, level)) * periods);
      shift = (now.time - then.time) * periods;
      now.time += shift;
      now.stalled_read += (now.stalled_read - then.stalled_read) * periods;
      now.stalled_write += (now.stalled_write - then.stalled_write) * periods;
      now.steps += (now.steps - then.steps) * periods;
    }
    for (size_t n = 0; n < fifos.size(); ++n) {
      Fifo& now = s.fifos[n];
      const int64_t moves = (now.written - fifos[n].written) * periods;
      if (!moves) continue;
      move(now.writes, now.read, now.written, moves, shift);
      move(now.reads, now.merged_reads, now.read, moves, shift);
      now.written += moves;
      now.read += moves;
      now.merged_writes += moves;
      now.merged_reads += moves;
    }
  }
  void move(Ring& ring, int64_t from, int64_t to, int64_t moves, int64_t shift) {
    moving.clear();
    for (int64_t i = from; i < to; ++i) moving.push_back(ring[i] + shift);
    for (int64_t i = from; i < to; ++i) ring[i + moves] = moving[i - from];
  }
  std::vector<int64_t> moving;
};

}  // namespace st
