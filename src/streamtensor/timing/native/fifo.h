// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a FIFO remembers. Write times of the tokens that have not been read yet. Read times that still matter: reads and
// writes of a FIFO are merged in the order of their times, which gives its high-water mark, and a read that has been
// merged lies before some known write, therefore before all later ones, and bounds none of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace st {

constexpr int64_t NEVER = std::numeric_limits<int64_t>::max() / 4;

// Numbers by index; those of the last `capacity` indices are kept.
struct Ring {
  std::vector<int64_t> data;
  int64_t mask = -1;

  int64_t& operator[](int64_t i) { return data[i & mask]; }
  int64_t operator[](int64_t i) const { return data[i & mask]; }
  int64_t capacity() const { return mask + 1; }
  // Empty, and small again: a ring that is larger than it must be leaves the processor's caches.
  void restart(int64_t wanted) {
    mask = -1;
    reserve(wanted, 0);
  }
  // Room for `wanted` numbers; what is kept of those below index `to` stays.
  void reserve(int64_t wanted, int64_t to) {
    if (wanted <= mask + 1) return;
    int64_t size = std::max<int64_t>(mask + 1, 4);
    while (size < wanted) size *= 2;
    std::vector<int64_t> grown(size);
    for (int64_t i = std::max<int64_t>(0, to - mask - 1); i < to; ++i) grown[i & (size - 1)] = data[i & mask];
    data.swap(grown);
    mask = size - 1;
  }
};

struct Fifo {
  Ring writes, reads;
  int64_t written = 0, read = 0;                // tokens so far
  int64_t merged_writes = 0, merged_reads = 0;  // of these, in the order of time
  int64_t high = 0;
  int64_t depth = NEVER, soft = 1, latency = 1;
  bool blocked = false;  // whether room in it was once the last thing that a step waited for
  bool dead = false;     // nobody will ever read it again
  int64_t copied = 64;            // times at most that are worth to copy
  int64_t owner = -1, slot = -1;  // where its earlier state stands (records.h); `high` and `blocked` are since then

  int64_t held() const { return written - read; }
  int64_t free() const { return depth - held(); }
  int64_t room() const { return (dead ? depth : std::min(depth, soft)) - held(); }

  void restart(int64_t new_depth, int64_t new_soft, int64_t new_latency) {
    written = read = merged_writes = merged_reads = high = 0;
    blocked = dead = false;
    depth = new_depth;
    soft = new_soft;
    latency = new_latency;
    owner = slot = -1;
    writes.restart(4);
    reads.restart(4);
  }
  // Both rings have room for as many tokens as there are: which ones of those of a moment were read when is known for as
  // long as they are not all read.
  void make_place(int64_t tokens) {
    if (tokens <= writes.capacity()) return;
    writes.reserve(tokens, written);
    reads.reserve(tokens, read);
  }

  void merge() {
    int64_t w = merged_writes, r = merged_reads, most = high;
    while (w < written && r < read) {
      if (writes[w] <= reads[r]) {
        ++w;
        most = std::max(most, w - r);
      } else {
        ++r;
      }
    }
    merged_writes = w;
    merged_reads = r;
    high = most;
  }
  // A write whose time nobody will ask for.
  void merge_unread(int64_t time) {
    while (merged_reads < read && reads[merged_reads] < time) ++merged_reads;
    high = std::max(high, ++merged_writes - merged_reads);
  }
  void finish() {
    merge();
    if (merged_reads == read) {
      merged_writes = written;
      high = std::max(high, written - read);
    }
  }
};

}  // namespace st
