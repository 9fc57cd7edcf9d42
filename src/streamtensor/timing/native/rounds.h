// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When to look for transitions: where a task comes to a new round of a loop, or to every so many of them.
//
// A task stops there, and all tasks before it in rank run as far as they can, so that the same round finds the same
// state. The tasks with the fewest cycles of their own come first in rank: what is left is the slowest task of the phase,
// which has its loops. From one such stop to the next is a transition; outer loops have transitions over those of inner
// ones. How many rounds belong together follows from how much work one is, about.
#pragma once

#include "transitions.h"

namespace st {

class Rounds {
 public:
  explicit Rounds(State& state) : records(state), transitions(state, records), s(state) {}
  Records records;
  Transitions transitions;
  bool active = false;  // whether to look
  int64_t work = 0;  // reads and writes so far, with those that were not simulated

  void prepare() {
    long_step = std::max<int64_t>(16, std::min<int64_t>(1024, 65536 / std::max<int64_t>(1, s.p.tasks)));
    const int64_t count = (int64_t)s.items.size();
    loop_of.assign(count, -1);
    s.outer.assign(count, -1);
    for (int64_t task = 0; task < s.p.tasks; ++task) {
      std::vector<int64_t> nest;
      std::vector<double> own{0};  // reads and writes in a round of each
      for (int64_t n = s.task_begin[task]; n < s.task_begin[task + 1]; ++n) {
        const Item& item = s.items[n];
        if (item.kind == END) {
          const int64_t loop = nest.back();
          nest.pop_back();
          loops[loop_of[loop]].own = own.back();
          own.pop_back();
          own.back() += (double)s.items[loop].count * loops[loop_of[loop]].own;
        }
        s.outer[n] = nest.empty() ? -1 : nest.back();
        if (item.kind == LOOP || (item.kind == STEP && item.count >= 2 * long_step)) {
          loop_of[n] = (int64_t)loops.size();
          loops.push_back({task, n, (int64_t)nest.size()});
        }
        if (item.kind == STEP) own.back() += (double)(item.count * (item.reads + item.writes) + 1);
        if (item.kind == LOOP) {
          nest.push_back(n);
          own.push_back(0);
        }
      }
    }
  }

  void restart(int64_t least) {
    active = least > 0;
    if (active && least != least_work) {
      least_work = least;
      watch_again();
    }
    records.restart();
    for (Watch& watch : watches) watch.open = -1;
    work = 0;
    transitions.used = 0;
  }

  // Steps that the task may make at once.
  int64_t steps(const Task& task) const {
    const int64_t left = task.at.left;
    if (!active) return left;
    const int64_t n = loop_of[task.at.place()];
    if (n < 0 || loops[n].watches.empty()) return left;
    const int64_t stride = watches[loops[n].watches.back()].stride;
    return left - (left - 1) / stride * stride;
  }
  // After some of the steps of an item.
  void pass_steps(Task& task) {
    if (!active) return;
    const int64_t n = loop_of[task.at.place()];
    if (n < 0) return;
    task.passed.clear();
    pass(task, task.at.place(), true);
  }
  // After all of them.
  void end_of_item(Task& task) {
    if (!active) return;
    task.passed.clear();
    const int64_t item = task.at.place();
    if (loop_of[item] >= 0) pass(task, item, false);
  }
  void pass(Task& task, int64_t item, bool begins) {
    if (!active) return;
    const int64_t n = loop_of[item];
    if (n < 0) return;
    Loop& loop = loops[n];
    task.passed.push_back(item * 2 + begins);
    if (loop.watches.empty()) return;
    if (begins) {
      task.stopped |= counter(task, item) % watches[loop.watches.back()].stride == 0;
    } else {
      for (int64_t w : loop.watches) task.stopped |= watches[w].open >= 0;
    }
  }

  // Called before a task runs: what tasks before it in rank had begun comes to no end without it.
  void runs(int64_t task) {
    while (records.top >= 0 && records.latest().rank < s.rank[task]) give_up();
  }

  // A task stands at rounds of loops: what began here before comes to its end, and what is known from here is made again.
  // The tasks and FIFOs that have moved by that, or null: then the task is to go on by itself.
  const Shape* stop(int64_t id) {
    Task& task = s.tasks[id];
    task.stopped = false;
    for (const int64_t point : task.passed) {
      const Loop& loop = loops[loop_of[point / 2]];
      for (size_t n = loop.watches.size(); n--;) {
        Watch& watch = watches[loop.watches[n]];
        if (watch.open < 0 || ((point & 1) && counter(task, point / 2) % watch.stride)) continue;
        while (records.top > watch.open) give_up();
        learn(watch, task);
        give_up();
      }
    }
    for (size_t n = 0; n < task.passed.size(); ++n) {
      const int64_t point = task.passed[n];
      if (!(point & 1)) continue;
      for (const int64_t w : loops[loop_of[point / 2]].watches) {
        Watch& watch = watches[w];
        if (counter(task, point / 2) % watch.stride) continue;
        if (const Shape* moved = again(watch, task)) return moved;
        if (watch.open >= 0 || records.top >= MOST_OPEN) continue;
        if (watch.rest > 0) {
          --watch.rest;
        } else {
          records.open(w, s.rank[id], work);
          watch.open = records.top;
        }
      }
    }
    return nullptr;
  }

  void forget_records() {
    while (records.top >= 0) give_up();
  }

 private:
  // What a task reads or writes is written or read by another, which does something for it too.
  static constexpr double OTHERS = 4;
  static constexpr int64_t MOST_OPEN = 60, MOST_NUMBERS = 1 << 23, PATIENCE = 32, LONGEST_REST = 1024;

  struct Loop {
    int64_t task, item, level;
    double own = 1;  // reads and writes in a round
    std::vector<int64_t> watches = {};  // those of most rounds first
  };
  struct Watch {
    int64_t stride;  // rounds
    int64_t open = -1;
    int64_t misses = 0, rest = 0, tired = 0;
    std::vector<Family> families = {};
  };

  // Makes a transition that is known, if there is one here.
  const Shape* again(Watch& watch, Task& task) {
    for (Family& family : watch.families) {
      const Transition* found = transitions.find(family);
      if (!found) continue;
      family.last_use = ++uses;
      transitions.make(family, *found);
      work += found->work;
      task.passed = found->passed;
      for (const int64_t next : task.passed) task.stopped |= !loops[loop_of[next / 2]].watches.empty();
      watch.misses = 0;
      return &family.shape;
    }
    return nullptr;
  }
  int64_t counter(const Task& task, int64_t item) const {
    return s.items[item].kind == STEP ? task.at.left : task.at.rounds[loops[loop_of[item]].level];
  }
  void watch(Loop& loop) {
    const Item& item = s.items[loop.item];
    const double least = item.kind == STEP ? (double)long_step : (double)least_work / (OTHERS * loop.own);
    int64_t stride = 1;
    while ((double)stride < least) stride *= 2;
    for (; stride == 1 || 2 * stride <= item.count; stride *= 16) {
      loop.watches.insert(loop.watches.begin(), (int64_t)watches.size());
      watches.push_back({stride});
    }
  }
  void learn(Watch& watch, Task& task) {
    Record& record = records.latest();
    const int64_t worked = work - record.work, size = records.size() - (int64_t)record.numbers;
    if (transitions.numbers >= MOST_NUMBERS) forget_transitions();
    const int64_t most = spares() ? worked : NEVER;
    const bool learns = size <= most && transitions.learn(watch.families, worked, most, task.passed);
    // Where nothing comes back, or little is saved, looking becomes seldom.
    if (++watch.misses % PATIENCE == 0 || !learns) {
      watch.tired = std::min(LONGEST_REST, 2 * watch.tired + 1);
      watch.rest = watch.tired;
    }
  }
  // Whether what a transition saves must be more than what it costs; tests say no, by asking for the very small ones.
  bool spares() const { return least_work >= 64; }
  void give_up() {
    watches[records.latest().watch].open = -1;
    records.close();
  }
  void forget_transitions() {
    for (Watch& watch : watches) watch.families.clear();
    transitions.numbers = 0;
  }
  void watch_again() {
    watches.clear();
    for (Loop& loop : loops) {
      loop.watches.clear();
      watch(loop);
    }
    transitions.numbers = 0;
  }

  State& s;
  std::vector<int64_t> loop_of;
  std::vector<Loop> loops;
  std::vector<Watch> watches;
  int64_t long_step = 1024;  // steps of one item that are looked at together, at least: fewer where they move many tasks
  int64_t least_work = 0, uses = 0;
};

}  // namespace st
