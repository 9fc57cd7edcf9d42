// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C interface of the cycle simulator.
#include "simulation.h"
#include "steady.h"

using namespace st;

namespace {

struct Run : Simulation {
  Steady steady{*this};
  bool jumps = true;  // over periods that repeat

  int64_t run(int64_t budget) {
    const int64_t until = events + budget;
    for (;;) {
      while (queue_size) {
        if (jumps) steady.look();
        const int64_t task = pop();
        advance(task);
        if (late) return LATE;
        if (events > until) {
          push(task);
          return PAUSED;
        }
      }
      bool ended = true;
      for (const Task& task : tasks) ended &= !task.at.at;
      if (!ended && make_room()) continue;
      for (Fifo& fifo : fifos) fifo.finish();
      return ended ? COMPLETE : DEADLOCK;
    }
  }
};

}  // namespace

extern "C" {

// latency, writer, reader: one number for each FIFO. Everything is copied.
void* st_sim_new(const Item* items, const int64_t* task_begin, int64_t tasks, const int64_t* refs, int64_t fifos,
                 const int64_t* latency, const int64_t* writer, const int64_t* reader) {
  auto* s = new Run;
  s->task_begin.assign(task_begin, task_begin + tasks + 1);
  const int64_t count = task_begin[tasks];
  s->items.assign(items, items + count);
  int64_t used = 0;
  for (const Item& item : s->items)
    if (item.kind == STEP) used = std::max(used, item.refs + item.reads + item.writes);
  s->refs.assign(refs, refs + used);
  s->latency.assign(latency, latency + fifos);
  s->writer.assign(writer, writer + fifos);
  s->reader.assign(reader, reader + fifos);
  s->p = {s->items.data(), s->task_begin.data(), tasks, s->refs.data(), fifos};
  s->fifos.resize(fifos);
  s->tasks.resize(tasks);
  s->queue.resize(tasks);
  s->queued.resize(tasks);
  return s;
}

void st_sim_delete(void* sim) { delete static_cast<Run*>(sim); }

// depths: below 0 is unbounded. release: no step of a task before release + its delta; may be null. limit: a step later
// than this ends the run with LATE; below 0 is none. patience: a task that waits for more cycles does so too; may be
// null. soft: tokens that a FIFO
// holds at first while that suffices, at least 1. profile: null, or tasks x buckets x 2 numbers, to which the cycles
// that each task waits to read and to write are added, by time. jumps: whether to jump over periods that repeat; with a
// profile that is not done.
void st_sim_start(void* sim, const int64_t* depths, const int64_t* release, int64_t limit,
                  const int64_t* patience, int64_t soft, int64_t* profile, int64_t buckets, int64_t bucket_cycles,
                  int64_t jumps) {
  auto* s = static_cast<Run*>(sim);
  s->profile = profile;
  s->buckets = buckets;
  s->bucket_cycles = bucket_cycles;
  s->jumps = jumps && !profile;
  s->steady.start();
  s->start(depths, release, limit, patience, soft);
}

// Runs on for about `budget` reads and writes. 0: complete, 1: deadlock, 2: late, 3: call again.
int64_t st_sim_run(void* sim, int64_t budget) { return static_cast<Run*>(sim)->run(budget); }

// Periods that the last run has jumped over.
int64_t st_sim_jumped(void* sim) { return static_cast<Run*>(sim)->steady.jumped; }

// by_task: rows of first, end, stalled reading, stalled writing, steps, wait (0 none, 1 token, 2 room), FIFO waited for.
// by_fifo: rows of high-water mark, blocked, written, read.
void st_sim_results(void* sim, int64_t* by_task, int64_t* by_fifo) {
  const auto* s = static_cast<Run*>(sim);
  for (const Task& t : s->tasks) {
    const bool waits = t.at.at != nullptr;
    const int64_t row[7] = {t.first,  t.steps ? t.time : 0,     t.stalled_read,           t.stalled_write,
                            t.steps, waits ? t.wait : NOTHING, waits ? t.wait_fifo : -1};
    std::memcpy(by_task, row, sizeof row);
    by_task += 7;
  }
  for (const Fifo& f : s->fifos) {
    const int64_t row[4] = {f.high, f.blocked, f.written, f.read};
    std::memcpy(by_fifo, row, sizeof row);
    by_fifo += 4;
  }
}

}  // extern "C"
