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

#include "rounds.h"

namespace st {

enum Status : int64_t { COMPLETE = 0, DEADLOCK = 1, LATE = 2, PAUSED = 3 };

struct Simulation : State {
  Rounds rounds{*this};
  int64_t latest = NEVER;  // give up when a step is later
  bool late = false;
  int64_t events = 0;
  int64_t *profile = nullptr, buckets = 0, bucket_cycles = 1;

  void start(const int64_t* depths, const int64_t* release, int64_t limit, const int64_t* patience, int64_t soft,
             int64_t least_work) {
    for (int64_t f = 0; f < p.fifos; ++f) fifos[f].restart(depths[f] < 0 ? NEVER : depths[f], soft, latency[f]);
    ready.restart(p.tasks);
    rounds.restart(least_work);
    latest = limit < 0 ? NEVER : limit;
    late = false;
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
    const int64_t until = events + budget;
    for (;;) {
      while (!ready.empty()) {
        const int64_t task = task_of_rank[ready.pop()];
        rounds.runs(task);
        if (tasks[task].stopped) {
          const Shape* moved = rounds.stop(task);
          if (moved) {
            events += 16;
            for (const auto& part : moved->parts) late |= is_late(tasks[part.task]);
          } else {
            advance(task);
          }
        } else {
          advance(task);
        }
        if (late) return LATE;
        if (events > until) {
          push(task);
          return PAUSED;
        }
      }
      bool ended = true;
      for (const Task& task : tasks) ended &= !task.at.at;
      rounds.forget_records();
      if (!ended && make_room()) continue;
      for (Fifo& fifo : fifos) fifo.finish();
      return ended ? COMPLETE : DEADLOCK;
    }
  }

  bool is_late(const Task& task) const {
    return task.time > latest || task.stalled_read + task.stalled_write > task.patience;
  }

  void record(int64_t task, int64_t kind, int64_t from, int64_t to) {
    int64_t* row = profile + task * buckets * 2 + kind;
    while (from < to) {
      const int64_t bucket = std::min(from / bucket_cycles, buckets - 1);
      const int64_t end = bucket == buckets - 1 ? to : std::min(to, (bucket + 1) * bucket_cycles);
      row[bucket * 2] += end - from;
      from = end;
    }
  }

  // `count` steps of one item. Every token and slot that they need is there; the times are what is left to find.
  template <int R, int W>
  void steps(Task& task, int64_t id, const Item& item, int64_t count) {
    constexpr int MANY = 64;
    const int64_t reads = R >= 0 ? R : item.reads, writes = W >= 0 ? W : item.writes;
    const int64_t* const refs_ = refs.data() + item.refs;
    struct Port {
      int64_t *times, *other;
      int64_t mask, other_mask, next, depth, from, latency, ready;
    };
    Port fixed[R >= 0 && W >= 0 ? R + W + 1 : MANY];
    std::vector<Port> more;
    Port* port = fixed;
    if ((R < 0 || W < 0) && reads + writes > MANY) {
      more.resize(reads + writes);
      port = more.data();
    }
    for (int64_t i = 0; i < reads; ++i) {
      Fifo& f = fifos[refs_[i]];
      port[i] = {f.writes.data.data(), f.reads.data.data(), f.writes.mask, f.reads.mask, f.read, 0, 0, f.latency, 0};
    }
    for (int64_t i = reads; i < reads + writes; ++i) {
      Fifo& f = fifos[refs_[i]];
      port[i] = {f.writes.data.data(), f.reads.data.data(), f.writes.mask, f.reads.mask, f.written, f.depth,
                 f.merged_reads, 0, 0};
    }
    int64_t time = task.time, stalled_read = 0, stalled_write = 0;
    const int64_t delta = item.delta;
    for (int64_t n = 0; n < count; ++n) {
      const int64_t base = time + delta;
      int64_t token = 0, room = 0;
      for (int64_t i = 0; i < reads; ++i) token = std::max(token, port[i].times[port[i].next & port[i].mask] + port[i].latency);
      for (int64_t i = reads; i < reads + writes; ++i) {
        const int64_t slot = port[i].next - port[i].depth;
        port[i].ready = slot >= port[i].from ? port[i].other[slot & port[i].other_mask] + 1 : 0;
        room = std::max(room, port[i].ready);
      }
      time = std::max(base, std::max(token, room));
      if (time > base) {
        if (room > token) {
          stalled_write += time - base;
          for (int64_t i = reads; i < reads + writes; ++i)
            if (port[i].ready == room) fifos[refs_[i]].blocked = true;
        } else {
          stalled_read += time - base;
        }
        if (profile) record(id, room > token, base, time);
      }
      if (n == 0 && task.first < 0) task.first = time;
      for (int64_t i = 0; i < reads; ++i) {
        port[i].other[port[i].next & port[i].other_mask] = time;
        ++port[i].next;
      }
      for (int64_t i = reads; i < reads + writes; ++i) {
        port[i].times[port[i].next & port[i].mask] = time;
        ++port[i].next;
      }
    }
    task.time = time;
    task.stalled_read += stalled_read;
    task.stalled_write += stalled_write;
  }

  // The same where one of the FIFOs that are written is dead: one step at a time, its write merged at once.
  void steps_to_dead(Task& task, int64_t id, const Item& item, int64_t count) {
    for (int64_t n = 0; n < count; ++n) {
      const int64_t base = task.time + item.delta;
      int64_t token = 0, room = 0;
      for (int64_t i = 0; i < item.reads + item.writes; ++i) {
        Fifo& f = fifos[refs[item.refs + i]];
        if (i < item.reads) {
          token = std::max(token, f.writes[f.read + n] + f.latency);
        } else {
          const int64_t slot = f.written + n - f.depth;
          if (slot >= f.merged_reads) room = std::max(room, f.reads[slot] + 1);
        }
      }
      const int64_t time = task.time = std::max(base, std::max(token, room));
      for (int64_t i = item.reads; room > token && time > base && i < item.reads + item.writes; ++i) {
        Fifo& f = fifos[refs[item.refs + i]];
        const int64_t slot = f.written - f.depth + n;
        f.blocked |= slot >= f.merged_reads && f.reads[slot] + 1 == room;
      }
      if (task.first < 0) task.first = time;
      (room > token ? task.stalled_write : task.stalled_read) += time - base;
      if (profile && time > base) record(id, room > token, base, time);
      for (int64_t i = 0; i < item.reads + item.writes; ++i) {
        Fifo& f = fifos[refs[item.refs + i]];
        if (i < item.reads) {
          f.reads[f.read + n] = time;
        } else if (f.dead) {
          f.merge_unread(time);
        } else {
          f.writes[f.written + n] = time;
        }
      }
    }
  }

  void advance(int64_t id) {
    Task& task = tasks[id];
    task.wait = NOTHING;
    while (task.at.at) {
      const Item& item = *task.at.at;
      const int64_t* const refs_ = refs.data() + item.refs;
      const int64_t all = item.reads + item.writes;
      int64_t count = rounds.steps(task);
      bool dead = false;
      for (int64_t i = 0; i < all; ++i) {
        const Fifo& f = fifos[refs_[i]];
        const int64_t can = i < item.reads ? f.held() : f.room();
        dead |= f.dead;
        if (can <= 0) {
          task.wait = i < item.reads ? TOKEN : ROOM;
          task.wait_fifo = refs_[i];
          return;
        }
        count = std::min(count, can);
      }
      const int64_t top = rounds.records.top;
      if (task.owner != top) rounds.records.touch(id, task);
      for (int64_t i = 0; i < all; ++i)
        if (fifos[refs_[i]].owner != top) rounds.records.touch(refs_[i], fifos[refs_[i]]);
      for (int64_t i = 0; i < all; ++i) {
        Fifo& f = fifos[refs_[i]];
        if (i < item.reads)
          f.reads.reserve(f.read - f.merged_reads + count, f.read);
        else if (!f.dead)
          f.make_place(f.held() + count);
      }
      if (all == 0) {
        if (task.first < 0) task.first = task.time + item.delta;
        task.time += item.delta * count;
      } else if (dead)
        steps_to_dead(task, id, item, count);
      else if (item.reads == 1 && item.writes == 1)
        steps<1, 1>(task, id, item, count);
      else if (item.reads == 1 && item.writes == 0)
        steps<1, 0>(task, id, item, count);
      else if (item.reads == 0 && item.writes == 1)
        steps<0, 1>(task, id, item, count);
      else if (item.reads == 2 && item.writes == 1)
        steps<2, 1>(task, id, item, count);
      else if (item.reads == 2 && item.writes == 0)
        steps<2, 0>(task, id, item, count);
      else
        steps<-1, -1>(task, id, item, count);
      events += count * all + 1;
      rounds.work += count * all + 1;
      task.steps += count;
      for (int64_t i = 0; i < all; ++i) (i < item.reads ? fifos[refs_[i]].read : fifos[refs_[i]].written) += count;
      for (int64_t i = 0; i < all; ++i) {
        Fifo& f = fifos[refs_[i]];
        if (!f.dead) f.merge();
        const int64_t other = i < item.reads ? writer[refs_[i]] : reader[refs_[i]];
        if (tasks[other].wait == (i < item.reads ? ROOM : TOKEN) && tasks[other].wait_fifo == refs_[i]) push(other);
      }
      if (task.at.left -= count) {
        rounds.pass_steps(task);
      } else {
        rounds.end_of_item(task);
        task.at.next([&](int64_t place, bool begins) { rounds.pass(task, place, begins); });
      }
      late |= is_late(task);
      if (late) return;
      if (task.stopped) {
        push(id);
        return;
      }
    }
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
      fifo.soft *= 2;
      push(writer[best]);
      moved = true;
    }
    if (moved) return true;
    // Every ring is a deadlock, and what leads to one or to an ended task waits for good: it reads no more.
    for (int64_t t = 0; t < p.tasks; ++t) {
      if (!waits_for_soft(t) || !waits_for_good(reader[tasks[t].wait_fifo])) continue;
      Fifo& fifo = fifos[tasks[t].wait_fifo];
      fifo.merge();
      while (fifo.merged_writes < fifo.written) fifo.merge_unread(fifo.writes[fifo.merged_writes]);
      fifo.dead = true;
      push(t);
      moved = true;
    }
    return moved;
  }
};

}  // namespace st
