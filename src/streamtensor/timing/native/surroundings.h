// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Everything that the steps of a transition depend on (transitions.h), as numbers that can be compared.
//
// They come in three parts, of which the first is found most quickly and differs most often: the places of the tasks,
// counts of tokens, times. Times count from the first task of each island.
#pragma once

#include "shapes.h"

namespace st {

class Surroundings {
 public:
  explicit Surroundings(const State& state) : s(state) {}

  std::vector<int64_t> key, bases;  // bases: the cycle from which the times of each island count

  uint64_t hash() const {
    uint64_t h = 0x9e3779b97f4a7c15u + key.size();
    for (int64_t value : key) {
      h = (h ^ (uint64_t)value) * 0xff51afd7ed558ccdu;
      h ^= h >> 32;
    }
    return h;
  }
  void places(const Shape& shape, const std::vector<TaskView>& tasks) {
    key.clear();
    bases.assign(shape.islands, -1);
    for (size_t n = 0; n < shape.parts.size(); ++n) {
      const auto& part = shape.parts[n];
      const TaskView& t = tasks[n];
      int64_t& base = bases[part.island];
      if (base < 0) base = t.time;
      key.push_back(t.place * 2 + t.started);
      key.push_back(t.time - base);
      for (int64_t level = part.level + 1; level < t.depth; ++level) key.push_back(t.rounds[level]);
      if (part.level != t.depth) key.push_back(t.left);
    }
  }
  void counts(const Shape& shape, const std::vector<FifoView>& fifos) {
    for (size_t n = 0; n < shape.links.size(); ++n) {
      const auto& link = shape.links[n];
      const FifoView& f = fifos[n];
      const int64_t held = f.written - f.read;
      if (link.reads_new) {
        key.push_back(held);
        key.push_back(f.read - f.merged_reads);
        key.push_back(f.written - f.merged_writes);
      }
      if (link.writes_new) key.push_back(s.fifos[link.fifo].depth - held);
    }
  }
  void times(const Shape& shape, const std::vector<TaskView>& tasks, const std::vector<FifoView>& fifos) {
    for (size_t n = 0; n < shape.links.size(); ++n) {
      const auto& link = shape.links[n];
      const FifoView& f = fifos[n];
      const Fifo& fifo = s.fifos[link.fifo];
      if (link.reader >= 0)
        late_ones(f.writes, f.read, link.reads_new ? f.written : f.read + link.reads,
                  tasks[link.reader].time - fifo.latency, bases[shape.parts[link.reader].island]);
      if (link.writer >= 0) {
        const int64_t base = bases[shape.parts[link.writer].island], past = tasks[link.writer].time - 1;
        if (link.reads_new) late_ones(f.reads, f.merged_reads, f.read, past, base);
        const int64_t end = link.writes_new ? f.read : f.written + link.writes - fifo.depth;
        late_ones(f.reads, std::max(f.merged_reads, f.written - fifo.depth), end, past, base);
      }
    }
  }
  // The first of the reads that `times` looks at; f.read where it looks at none.
  int64_t oldest_read(const Shape::Link& link, const FifoView& f) const {
    if (link.writer < 0) return f.read;
    if (link.reads_new) return f.merged_reads;
    const int64_t depth = s.fifos[link.fifo].depth;
    const int64_t from = std::max(f.merged_reads, f.written - depth);
    return from < (link.writes_new ? f.read : f.written + link.writes - depth) ? from : f.read;
  }

 private:
  // How many of the times [from, to), which grow, come after `past`, and which.
  void late_ones(const Times& times, int64_t from, int64_t to, int64_t past, int64_t base) {
    int64_t first = to;
    while (first > from && times[first - 1] > past) --first;
    key.push_back(to - first);
    for (int64_t i = first; i < to; ++i) key.push_back(times[i] - base);
  }

  const State& s;
};

}  // namespace st
