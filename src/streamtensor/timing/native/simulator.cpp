// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C interface of the cycle simulator.
#include "simulation.h"

using namespace st;

namespace {

// The order in which tasks come: the fastest first, then those upstream.
void rank_tasks(State& s) {
  std::vector<int64_t> place(s.p.tasks), waits(s.p.tasks), order;
  std::vector<double> cycles(s.p.tasks);
  for (int64_t t = 0; t < s.p.tasks; ++t) {
    std::vector<double> rounds{1};
    for (int64_t n = s.task_begin[t]; n < s.task_begin[t + 1]; ++n) {
      const Item& item = s.items[n];
      if (item.kind == LOOP) rounds.push_back(rounds.back() * (double)item.count);
      if (item.kind == END) rounds.pop_back();
      if (item.kind == STEP) cycles[t] += rounds.back() * (double)item.count * (double)item.delta;
    }
  }
  std::vector<std::vector<int64_t>> readers(s.p.tasks);
  for (int64_t f = 0; f < s.p.fifos; ++f)
    if (s.writer[f] != s.reader[f]) {
      readers[s.writer[f]].push_back(s.reader[f]);
      ++waits[s.reader[f]];
    }
  // Where only rings are left, the first task of one goes on.
  std::vector<char> seen(s.p.tasks);
  for (int64_t next = 0, at = 0; (int64_t)order.size() < s.p.tasks;) {
    if (at == (int64_t)order.size()) {
      for (int64_t t = 0; t < s.p.tasks; ++t)
        if (!seen[t] && !waits[t]) {
          seen[t] = 1;
          order.push_back(t);
        }
      if (at == (int64_t)order.size()) {
        while (seen[next]) ++next;
        seen[next] = 1;
        order.push_back(next);
      }
    }
    for (; at < (int64_t)order.size(); ++at)
      for (const int64_t reader : readers[order[at]])
        if (!--waits[reader] && !seen[reader]) {
          seen[reader] = 1;
          order.push_back(reader);
        }
  }
  for (size_t n = 0; n < order.size(); ++n) place[order[n]] = (int64_t)n;
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return cycles[a] != cycles[b] ? cycles[a] < cycles[b] : place[a] < place[b];
  });
  s.task_of_rank = order;
  s.rank.resize(s.p.tasks);
  for (size_t n = 0; n < order.size(); ++n) s.rank[order[n]] = (int64_t)n;
}

}  // namespace

extern "C" {

// latency, writer, reader: one number for each FIFO. Everything is copied.
void* st_sim_new(const Item* items, const int64_t* task_begin, int64_t tasks, const int64_t* refs, int64_t fifos,
                 const int64_t* latency, const int64_t* writer, const int64_t* reader) {
  auto* s = new Simulation;
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
  rank_tasks(*s);
  s->rounds.prepare();
  return s;
}

void st_sim_delete(void* sim) { delete static_cast<Simulation*>(sim); }

// depths: below 0 is unbounded. release: no step of a task before release + its delta; may be null. limit: a step later
// than this ends the run with LATE; below 0 is none. patience: a task that waits for more cycles does so too; may be
// null. soft: tokens that a FIFO holds at first while that suffices; 0 is to leave that to the simulator. profile: null,
// or tasks x buckets x 2 numbers, to which the cycles that each task waits to read and to write are added, by time. least_work: reads and writes
// of the least transitions that are remembered (rounds.h); 0 is to simulate everything, as with a profile.
void st_sim_start(void* sim, const int64_t* depths, const int64_t* release, int64_t limit,
                  const int64_t* patience, int64_t soft, int64_t* profile, int64_t buckets, int64_t bucket_cycles,
                  int64_t least_work) {
  auto* s = static_cast<Simulation*>(sim);
  s->profile = profile;
  s->buckets = buckets;
  s->bucket_cycles = bucket_cycles;
  s->start(depths, release, limit, patience, soft, profile ? 0 : least_work);
}

// Runs on for about `budget` reads and writes. 0: complete, 1: deadlock, 2: late, 3: call again.
int64_t st_sim_run(void* sim, int64_t budget) { return static_cast<Simulation*>(sim)->run(budget); }

// What the last run did: transitions that were made again, reads and writes that were simulated, numbers that are kept,
// times that all FIFOs have place for.
void st_sim_effort(void* sim, int64_t* effort) {
  const auto* s = static_cast<Simulation*>(sim);
  effort[0] = s->rounds.transitions.used;
  effort[1] = s->events;
  effort[2] = s->rounds.transitions.numbers;
  effort[3] = 0;
  for (const Fifo& f : s->fifos) effort[3] += 2 * f.capacity();
}

// by_task: rows of first, end, stalled reading, stalled writing, steps, wait (0 none, 1 token, 2 room), FIFO waited for.
// by_fifo: rows of high-water mark, blocked, written, read.
void st_sim_results(void* sim, int64_t* by_task, int64_t* by_fifo) {
  const auto* s = static_cast<Simulation*>(sim);
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
