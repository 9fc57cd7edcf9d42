// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What has happened once need not be simulated again. A transition is a number of steps that some tasks made, with
// everything on which the times of these steps depended. Where that comes back, the same steps are made at once.
//
// Why that is exact. Tasks are Kahn processes: any steps whose tokens and room are there may be made, in any order, and
// their times follow from what they depend on. That is:
// * the places of these tasks in their programs. A loop that went on counts down, and all loops around it stand still:
//   how many rounds those have left does not matter as long as the loop goes on for one round after the transition.
//   Everything further inside must be equal;
// * the times of their last steps, and the times of the tokens and rooms that were there before. Times that are equal
//   but for a constant give times that are equal but for that constant (a step takes maxima and adds constants). A time
//   that can't make its reader or writer wait any more is as good as any other such time;
// * how many tokens there are, where a task read one that was written meanwhile, and how much room there is, where one
//   wrote into room that was made meanwhile. Otherwise it is enough that there are as many as were used, and then
//   both sides know nothing of each other: such parts of a transition have constants of their own.
// The high-water mark of a FIFO whose reader read what was written meanwhile is that of the first time; that of
// others is found by merging their new times. The depth of a FIFO matters only by the room that it leaves, so
// transitions are as good in runs with other depths. What takes part is in shapes.h, what is compared in surroundings.h.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "surroundings.h"

namespace st {

struct Transition {
  std::vector<int64_t> key, result;
  int64_t work = 0;
  std::vector<int64_t> passed;  // of the task that leads
};

struct Family {
  Shape shape;
  std::unordered_map<uint64_t, Transition> known;
  std::unordered_set<uint64_t> begins;  // hashes of the first part of their keys, and of the first two
  int64_t last_use = 0;
};

class Transitions {
 public:
  Transitions(State& state, Records& records) : s(state), records_(records), shapes_(state), around_(state) {}

  int64_t numbers = 0;  // that are kept in all
  int64_t used = 0;     // transitions that have been made again

  // The transition of the family that fits the present state, or null.
  Transition* find(Family& family) {
    const Shape& shape = family.shape;
    now_tasks.clear();
    for (const auto& part : shape.parts) now_tasks.push_back(view(s.tasks[part.task]));
    around_.places(shape, now_tasks);
    if (!family.begins.count(around_.hash())) return nullptr;
    now_fifos.clear();
    for (const auto& link : shape.links) {
      Fifo& f = s.fifos[link.fifo];
      if (f.dead) return nullptr;
      if (!link.reads_new) {
        if (f.held() < link.reads || f.held() - link.reads + link.writes > f.limit) return nullptr;
      }
      if (!link.writes_new && f.free() < link.writes) return nullptr;
      f.merge();
      if (f.spilled && around_.oldest_read(link, view(f)) < f.kept) return nullptr;
      now_fifos.push_back(view(f));
    }
    around_.counts(shape, now_fifos);
    if (!family.begins.count(around_.hash())) return nullptr;
    around_.times(shape, now_tasks, now_fifos);
    const auto at = family.known.find(around_.hash());
    if (at == family.known.end() || at->second.key != around_.key) return nullptr;
    const int64_t* r = at->second.result.data();
    for (size_t n = 0; n < shape.parts.size(); ++n) {
      const auto& part = shape.parts[n];
      const TaskView& t = now_tasks[n];
      if (part.level >= 0 && (part.level < t.depth ? t.rounds[part.level] : t.left) <= r[1]) return nullptr;
      r += r[0];
    }
    return &at->second;
  }

  // Makes the steps of a transition that `find` has found; what it has moved may go on.
  void make(const Family& family, const Transition& transition) {
    const Shape& shape = family.shape;
    const int64_t* r = transition.result.data();
    for (size_t n = 0; n < shape.parts.size(); ++n, r += r[0]) {
      const auto& part = shape.parts[n];
      Task& t = s.tasks[part.task];
      if (records_.top >= 0 && t.owner != records_.top) records_.touch(part.task, t);
      const int64_t base = around_.bases[part.island];
      t.time = base + r[2];
      t.stalled_read += r[3];
      t.stalled_write += r[4];
      t.steps += r[5];
      if (t.first < 0) t.first = base + r[6];
      const int64_t step_left = t.at.left;
      auto& rounds = t.at.rounds;
      const bool in_step = part.level == (int64_t)rounds.size();
      if (!in_step) {
        rounds.resize(part.level + 1);
        if (part.level >= 0) rounds[part.level] -= r[1];
        rounds.insert(rounds.end(), r + 9, r + r[0]);
      }
      t.at.move(r[7], in_step ? step_left - r[1] : r[8]);
      t.passed.clear();
      t.stopped = false;
      s.wake(part.task);
    }
    for (const auto& link : shape.links) {
      Fifo& f = s.fifos[link.fifo];
      if (records_.top >= 0 && f.owner != records_.top) records_.touch(link.fifo, f);
      const int64_t reads = r[0], writes = r[1], high = r[2], pending_writes = r[4], pending_reads = r[5], w = r[6], k = r[7];
      f.blocked |= (bool)r[3];
      r += 8;
      const int64_t written = f.written + writes, read = f.read + reads;
      f.make_place(writes + (link.reads_new ? f.merged_reads + pending_reads - read : 0));
      const int64_t write_base = link.writer < 0 ? 0 : around_.bases[shape.parts[link.writer].island];
      const int64_t read_base = link.reader < 0 ? 0 : around_.bases[shape.parts[link.reader].island];
      r = copy_runs(r, f.writes(), written - w, written, write_base);
      r = copy_runs(r, f.reads(), read - k, read, read_base);
      f.written = written;
      f.read = read;
      if (link.reads_new) {
        f.merged_writes = written - pending_writes;
        f.merged_reads = read - pending_reads;
        f.keep();
        f.high = std::max(f.high, high);
      } else {
        f.merge();
      }
      if (reads && f.writer_waits) s.wake(s.writer[link.fifo]);
      if (writes && f.reader_waits) s.wake(s.reader[link.fifo]);
    }
    ++used;
  }

  // Learns the transition from the latest record to the present state, of at most so many numbers. False when
  // that is not worth to be tried again.
  bool learn(std::vector<Family>& families, int64_t work, int64_t most, const std::vector<int64_t>& passed) {
    Record& record = records_.latest();
    auto by_task = [](const SavedTask& a, const SavedTask& b) { return a.task < b.task; };
    auto by_fifo = [](const SavedFifo& a, const SavedFifo& b) { return a.fifo < b.fifo; };
    std::sort(record.tasks.begin(), record.tasks.end(), by_task);
    std::sort(record.fifos.begin(), record.fifos.end(), by_fifo);
    for (size_t n = 0; n < record.tasks.size(); ++n) s.tasks[record.tasks[n].task].slot = (int64_t)n;
    for (size_t n = 0; n < record.fifos.size(); ++n) s.fifos[record.fifos[n].fifo].slot = (int64_t)n;
    then_tasks.clear();
    then_fifos.clear();
    for (const SavedTask& t : record.tasks) {
      const int64_t* rounds = records_.numbers.data() + t.numbers;
      then_tasks.push_back({t.place, t.left, t.time, t.started, rounds, (int64_t)t.rounds});
    }
    shapes_.make(record, then_tasks, shape_);
    for (size_t n = 0; n < record.fifos.size(); ++n) {
      const SavedFifo& f = record.fifos[n];
      Fifo& now = s.fifos[f.fifo];
      if (now.dead) return false;
      now.merge();
      int64_t* times = records_.numbers.data() + f.numbers;
      FifoView view{f.written, f.read, f.merged_writes, f.merged_reads, {times, -1, f.read},
                    {times + f.tokens, -1, f.read - f.reads}};
      const int64_t taken = std::min(now.read, f.written) - f.read;
      const int64_t pending = f.read - around_.oldest_read(shape_.links[n], view);
      if (taken > f.tokens) {
        if (!now.has_write(f.read)) return too_long(now, taken, work);
        view.writes = now.writes();
      }
      if (pending > f.reads) {
        if (!now.has_read(f.read - pending)) return too_long(now, pending, work);
        view.reads = now.reads();
      }
      if (!now.has_read(now.read - reads_of_result(shape_.links[n], now))) return false;
      then_fifos.push_back(view);
    }
    around_.places(shape_, then_tasks);
    const uint64_t places = around_.hash();
    around_.counts(shape_, then_fifos);
    const uint64_t counts = around_.hash();
    around_.times(shape_, then_tasks, then_fifos);
    make_result(record);
    const int64_t size = (int64_t)(around_.key.size() + result_.size());
    if (size > most) return false;
    Family& family = family_of(families);
    numbers += size + 32;
    family.begins.insert({places, counts});
    family.known[around_.hash()] = {around_.key, result_, work, passed};
    return true;
  }

 private:
  static constexpr size_t MOST_FAMILIES = 8;

  // What the rings of a FIFO don't have any more is copied from now on if that is little beside the work: true.
  static bool too_long(Fifo& f, int64_t times, int64_t work) {
    if (times >= work / 8) return false;
    f.copied = std::max(f.copied, 2 * times);
    return true;
  }
  static int64_t reads_of_result(const Shape::Link& link, const Fifo& f) {
    return link.reads_new ? std::min(link.reads, f.read - f.merged_reads) : link.reads;
  }

  // The times [from, to) as runs: how many, the first, and how far apart they are.
  static void add_runs(std::vector<int64_t>& out, const Times& times, int64_t from, int64_t to, int64_t base) {
    while (from < to) {
      const int64_t first = times[from], step = from + 1 < to ? times[from + 1] - first : 0;
      int64_t count = 1;
      while (from + count < to && times[from + count] == first + count * step) ++count;
      out.insert(out.end(), {count, first - base, step});
      from += count;
    }
  }
  static const int64_t* copy_runs(const int64_t* run, const Times& times, int64_t from, int64_t to, int64_t base) {
    for (; from < to; run += 3) {
      int64_t time = run[1] + base;
      for (const int64_t end = from + run[0]; from < end; time += run[2]) times[from++] = time;
    }
    return run;
  }

  // By task: length of its part, rounds, time, stalls, steps, first step, place, steps left, rounds of inner loops.
  // By FIFO: reads, writes, high-water mark, blocked, unmerged writes and reads, times of writes and reads: how many, and
  // which.
  void make_result(const Record& record) {
    std::vector<int64_t>& out = result_;
    out.clear();
    for (size_t n = 0; n < record.tasks.size(); ++n) {
      const SavedTask& then = record.tasks[n];
      const Task& t = s.tasks[then.task];
      const auto& part = shape_.parts[n];
      const int64_t base = around_.bases[part.island];
      const size_t at = out.size();
      out.insert(out.end(), {0, shapes_.gone[n], t.time - base, t.stalled_read - then.stalled_read,
                             t.stalled_write - then.stalled_write, t.steps - then.steps,
                             then.started ? 0 : t.first - base, t.at.place(), t.at.left});
      for (size_t level = (size_t)(part.level + 1); level < t.at.rounds.size(); ++level) out.push_back(t.at.rounds[level]);
      out[at] = (int64_t)(out.size() - at);
    }
    for (size_t n = 0; n < record.fifos.size(); ++n) {
      const auto& link = shape_.links[n];
      const Fifo& f = s.fifos[link.fifo];
      const int64_t pending = f.read - f.merged_reads;
      const int64_t writes = std::min(link.writes, f.held());
      const int64_t reads = reads_of_result(link, f);
      out.insert(out.end(), {link.reads, link.writes, f.high, f.blocked, f.written - f.merged_writes, pending, writes, reads});
      const int64_t write_base = link.writer < 0 ? 0 : around_.bases[shape_.parts[link.writer].island];
      const int64_t read_base = link.reader < 0 ? 0 : around_.bases[shape_.parts[link.reader].island];
      add_runs(out, f.writes(), f.written - writes, f.written, write_base);
      add_runs(out, f.reads(), f.read - reads, f.read, read_base);
    }
  }

  Family& family_of(std::vector<Family>& families) {
    ++clock;
    for (Family& family : families)
      if (family.shape.parts == shape_.parts && family.shape.links == shape_.links) {
        family.last_use = clock;
        return family;
      }
    if (families.size() < MOST_FAMILIES) {
      families.emplace_back();
    } else {
      auto oldest = std::min_element(families.begin(), families.end(),
                                     [](const Family& a, const Family& b) { return a.last_use < b.last_use; });
      std::swap(*oldest, families.back());
      families.back() = Family();
    }
    families.back().shape = shape_;
    families.back().last_use = clock;
    return families.back();
  }

  State& s;
  Records& records_;
  Shapes shapes_;
  Surroundings around_;
  Shape shape_;
  int64_t clock = 0;
  std::vector<int64_t> result_;
  std::vector<TaskView> now_tasks, then_tasks;
  std::vector<FifoView> now_fifos, then_fifos;
};

}  // namespace st
