// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The run of algebra/safe_depths.py (class _Schedule), decision by decision the same.
#include <algorithm>
#include <deque>

#include "programs.h"

using namespace st;

namespace {

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

  // The smallest full FIFO in the ring of waiting tasks; below 0 when there is none: see st_safe_marks.
  int64_t ring(int64_t task, int64_t* culprit) {
    struct Wait {
      int64_t fifo;
      bool full;
    };
    std::vector<Wait> path;
    std::vector<int64_t> seen(at.size(), -1);
    int64_t before = task;
    while (seen[task] < 0) {
      if (!at[task].at) {
        culprit[0] = before;
        culprit[1] = task;
        culprit[2] = path.back().fifo;
        return -1;
      }
      seen[task] = (int64_t)path.size();
      const int64_t* refs = p.refs + at[task].at->refs;
      const int64_t reads = at[task].at->reads;
      int64_t i = 0;
      while (i < reads && held[refs[i]]) ++i;
      const bool full = i == reads;
      if (full)
        while (held[refs[i]] < limit[refs[i]]) ++i;
      path.push_back({refs[i], full});
      before = task;
      task = full ? reader[refs[i]] : writer[refs[i]];
    }
    int64_t best = -2;
    for (size_t i = (size_t)seen[task]; i < path.size(); ++i) {
      const int64_t f = path[i].fifo;
      // FIFOs are numbered in the order of their names.
      if (path[i].full && (best < 0 || limit[f] < limit[best] || (limit[f] == limit[best] && f < best))) best = f;
    }
    return best;
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
    const int64_t full = run.ring(waiting, culprit);
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
extern "C" int64_t st_enough_room(const Item* items, const int64_t* task_begin, int64_t tasks, const int64_t* refs,
                                  int64_t fifos, const int64_t* writer, const int64_t* reader, int64_t more,
                                  int64_t* limits, int64_t* culprit) {
  const Programs p{items, task_begin, tasks, refs, fifos};
  std::vector<int64_t> marks(fifos, 0);
  Run run{p, writer, reader, {}, std::vector<int64_t>(fifos, 0), std::vector<int64_t>(limits, limits + fifos),
          marks.data(), {}, std::vector<char>(tasks, 0)};
  const int64_t verdict = complete(run, more, culprit);
  std::copy(run.limit.begin(), run.limit.end(), limits);
  return verdict;
}
