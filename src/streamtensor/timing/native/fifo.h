// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a FIFO remembers: the times of the writes whose tokens have not been read yet, and those of the reads that still
// matter.
//
// Reads and writes of a FIFO are merged in the order of their times, which gives its high-water mark. A read that has been
// merged lies before some known write, therefore before all later ones, and bounds none of them. Merging can wait until
// somebody needs it or the rings are full: much at a time is cheaper.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace st {

constexpr int64_t NEVER = std::numeric_limits<int64_t>::max() / 4;

// Times by the numbers of their tokens: a ring, or a copy of a part of one.
struct Times {
  int64_t* data;
  int64_t mask, from;
  int64_t& operator[](int64_t i) const { return data[(i - from) & mask]; }
};

struct alignas(64) Fifo {
  // What every step looks at, in one line of the processor's cache.
  int64_t* times = nullptr;  // rings of write times and, behind it, of read times
  uint32_t mask = 0;         // their size less one
  bool reader_waits = false, writer_waits = false;  // a task that does has nothing else to wait for
  bool blocked = false;  // whether room in it was once the last thing that a step waited for
  bool dead = false;     // nobody will ever read it again
  int64_t written = 0, read = 0;  // tokens so far
  int64_t depth = NEVER, limit = NEVER;  // tokens that it holds, and that it may hold here for now
  int64_t merged_reads = 0;  // reads that have been merged
  int64_t latency = 1;

  int64_t merged_writes = 0, high = 0;
  int64_t soft = 1;
  int64_t copied = 64;            // times at most that are worth to copy
  int64_t owner = -1, slot = -1;  // where its earlier state stands (records.h); `high` and `blocked` are since then

  int64_t held() const { return written - read; }
  int64_t free() const { return depth - held(); }
  int64_t room() const { return limit - held(); }
  int64_t capacity() const { return (int64_t)mask + 1; }
  Times writes() const { return {times, mask, 0}; }
  Times reads() const { return {times + capacity(), mask, 0}; }

  void restart(int64_t new_depth, int64_t new_soft, int64_t new_latency) {
    written = read = merged_writes = merged_reads = high = 0;
    reader_waits = writer_waits = blocked = dead = false;
    depth = new_depth;
    latency = new_latency;
    owner = slot = -1;
    set_soft(new_soft);
    // As large as last time, but no larger than needed: a ring that is leaves the processor's caches.
    resize(storage.empty() || capacity() / 4 > limit ? SMALLEST : capacity());
  }
  void set_soft(int64_t tokens) {
    soft = tokens;
    limit = std::min(depth, soft);
  }
  void die() {
    dead = true;
    limit = depth;
  }
  // The rings get room for `tokens` more: of those that are there, and of those that were read and have not been merged.
  void make_place(int64_t tokens) {
    if (written + tokens - merged_reads > capacity()) make_more_place(tokens);
  }
  // Brings the merging up to date: afterwards all known writes are merged, or all known reads.
  void merge() {
    const Times write = writes(), read_ = reads();
    int64_t w = merged_writes, r = merged_reads, most = high;
    if (w == written || r == read) return;
    if (high == depth) {  // it can't have been fuller: the end is enough
      if (write[written - 1] <= read_[read - 1]) {
        for (w = written, r = read; r > merged_reads && read_[r - 1] >= write[w - 1];) --r;
      } else {
        for (w = written, r = read; w > merged_writes && write[w - 1] > read_[r - 1];) --w;
      }
      merged_writes = w;
      merged_reads = r;
      return;
    }
    while (w < written && r < read) {
      if (write[w] <= read_[r]) {
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
    while (merged_reads < read && reads()[merged_reads] < time) ++merged_reads;
    high = std::max(high, ++merged_writes - merged_reads);
  }
  void finish() {
    merge();
    if (merged_reads == read) {
      merged_writes = written;
      high = std::max(high, written - read);
    }
  }

 private:
  static constexpr int64_t SMALLEST = 32;
  std::vector<int64_t> storage;

  void resize(int64_t size) {
    storage.resize(2 * size);
    times = storage.data();
    mask = (uint32_t)(size - 1);
  }
  [[gnu::noinline]] void make_more_place(int64_t tokens) {
    if (!dead) merge();
    const int64_t wanted = written + tokens - merged_reads;
    // Half of it stays free, so that the next merging is some way off.
    if (2 * wanted <= capacity()) return;
    int64_t size = 2 * capacity();
    while (size < 2 * wanted) size *= 2;
    const std::vector<int64_t> old = storage;
    const int64_t old_mask = mask;
    resize(size);
    for (int64_t i = std::max<int64_t>(0, written - old_mask - 1); i < written; ++i) writes()[i] = old[i & old_mask];
    for (int64_t i = std::max<int64_t>(0, read - old_mask - 1); i < read; ++i)
      reads()[i] = old[(i & old_mask) + old_mask + 1];
  }
};

}  // namespace st
