// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a FIFO remembers: the times of the writes whose tokens have not been read yet, and those of the reads that still
// matter.
//
// Reads and writes of a FIFO are merged in the order of their times, which gives its high-water mark. A read that has been
// merged lies before some known write, therefore before all later ones, and bounds none of them. Merging can wait until
// somebody needs it or the rings are full: much at a time is cheaper.
//
// A reader that is slower than the writer makes more and more reads that are later than all writes. Where the rings would
// become large, the oldest of these are kept as runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "runs.h"

namespace st {

constexpr int64_t NEVER = std::numeric_limits<int64_t>::max() / 4;
constexpr int64_t MOST_TOGETHER = 16;  // reads and writes of a FIFO in turn (steps.h)

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
  bool spilled = false;  // reads that have not been merged stand in `old`
  bool dead = false;     // nobody will ever read it again
  int64_t written = 0, read = 0;  // tokens so far
  int64_t depth = NEVER, limit = NEVER;  // tokens that it holds, and that it may hold here for now
  int64_t kept = 0;  // the first read in the rings that matters
  int64_t latency = 1;

  int64_t merged_writes = 0, merged_reads = 0;  // those that have been merged
  int64_t high = 0;
  bool blocked = false;  // whether room in it was once the last thing that a step waited for
  int64_t soft = 1;
  int64_t copied = 64;            // times at most that are worth to copy
  int64_t owner = -1, slot = -1;  // where its earlier state stands (records.h); `high` and `blocked` are since then

  int64_t held() const { return written - read; }
  int64_t free() const { return depth - held(); }
  int64_t room() const { return limit - held(); }
  int64_t capacity() const { return (int64_t)mask + 1; }
  Times writes() const { return {times, mask, 0}; }
  Times reads() const { return {times + capacity(), mask, 0}; }
  // Reads that have not been merged, into a ring of the same size.
  void copy_reads(int64_t from, int64_t to, int64_t* ring) const {
    while (from < to && from < kept) {
      Runs::Run run = old.from(from);
      for (; run.count && from < to; --run.count, run.time += run.step) ring[from++ & mask] = run.time;
    }
    for (; from < to; ++from) ring[from & mask] = reads()[from];
  }
  // The time of a read that has not been merged.
  int64_t read_time(int64_t number) const { return number < kept ? old[number] : reads()[number]; }
  // Whether the rings have the time of a write or read that was made, merged or not.
  bool has_write(int64_t number) const { return number >= std::max(first_write, written - capacity()); }
  bool has_read(int64_t number) const { return number >= std::max(first_read, read - capacity()); }
  // Whether a write of the next `tokens` needs reads that the rings don't have.
  bool needs_old(int64_t tokens) const {
    return __builtin_expect(spilled, false) && written - depth < kept && written + tokens - depth > merged_reads;
  }

  void restart(int64_t new_depth, int64_t new_soft, int64_t new_latency, int64_t new_large) {
    written = read = merged_writes = merged_reads = kept = high = 0;
    reader_waits = writer_waits = blocked = dead = spilled = false;
    first_write = first_read = 0;
    old.clear();
    large = new_large;
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
    if (written + tokens - kept > capacity()) make_more_place(tokens);
  }
  // Brings the merging up to date: afterwards all known writes are merged, or all known reads.
  void merge() {
    if (merged_writes == written || merged_reads == read) return;
    if (high == depth) {
      merge_full();
    } else {
      if (spilled) merge_old();
      if (!spilled) merge_rings();
    }
    keep();
  }
  // A write whose time nobody will ask for.
  void merge_unread(int64_t time) {
    while (merged_reads < read && read_time(merged_reads) < time) ++merged_reads;
    high = std::max(high, ++merged_writes - merged_reads);
    keep();
  }
  // Forgets the reads that have been merged.
  void keep() {
    if (merged_reads >= kept) {
      kept = merged_reads;
      if (spilled) old.clear();
      spilled = false;
    } else {
      old.drop(merged_reads);
    }
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
  Runs old;
  int64_t first_write = 0, first_read = 0;  // in the rings
  int64_t large = NEVER;  // tokens from which on the rings don't grow for reads

  void merge_rings() {
    const Times write = writes(), read_ = reads();
    int64_t w = merged_writes, r = merged_reads, most = high;
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
  // The same for reads that stand in runs.
  void merge_old() {
    const Times write = writes();
    int64_t w = merged_writes, r = merged_reads, most = high;
    while (w < written && r < kept) {
      Runs::Run run = old.from(r);
      while (run.count && w < written) {
        if (write[w] <= run.time) {
          ++w;
          most = std::max(most, w - run.number);
        } else {
          ++run.number;
          --run.count;
          run.time += run.step;
        }
      }
      r = run.number;
    }
    merged_writes = w;
    merged_reads = r;
    high = most;
    keep();
  }
  // It can't have been fuller: the end is enough.
  void merge_full() {
    const Times write = writes();
    const int64_t last_write = write[written - 1], last_read = read_time(read - 1);
    if (last_write <= last_read) {
      merged_writes = written;
      merged_reads = first_read_at(last_write);
    } else {
      int64_t w = written;
      while (w > merged_writes && write[w - 1] > last_read) --w;
      merged_writes = w;
      merged_reads = read;
    }
  }
  // The first read that has not been merged and is not before a cycle; one is not. Mostly it is one of the latest.
  int64_t first_read_at(int64_t cycle) const {
    int64_t to = read - 1, step = 1;
    while (to - step >= merged_reads && read_time(to - step) >= cycle) {
      to -= step;
      step *= 2;
    }
    for (int64_t from = std::max(merged_reads, to - step + 1); from < to;) {
      const int64_t middle = (from + to) / 2;
      if (read_time(middle) >= cycle)
        to = middle;
      else
        from = middle + 1;
    }
    return to;
  }
  void resize(int64_t size) {
    storage.resize(2 * size);
    times = storage.data();
    mask = (uint32_t)(size - 1);
  }
  [[gnu::noinline]] void make_more_place(int64_t tokens) {
    if (!dead) merge();
    // Half of it stays free, so that the next merging is some way off.
    if (2 * (written + tokens - kept) <= capacity()) return;
    if (capacity() >= large) spill();
    const int64_t wanted = written + tokens - kept;
    if (2 * wanted <= capacity()) return;
    int64_t size = 2 * capacity();
    while (size < 2 * wanted) size *= 2;
    const std::vector<int64_t> before = storage;
    const int64_t old_mask = mask;
    resize(size);
    first_write = std::max(first_write, written - old_mask - 1);
    first_read = std::max(first_read, read - old_mask - 1);
    for (int64_t i = first_write; i < written; ++i) writes()[i] = before[i & old_mask];
    for (int64_t i = first_read; i < read; ++i) reads()[i] = before[(i & old_mask) + old_mask + 1];
  }
  // The latest reads stay: transitions look at them (transitions.h), and who writes in turn may need those that come.
  void spill() {
    const int64_t end = read - std::max(capacity() / 4, MOST_TOGETHER);
    if (end <= kept) return;
    for (; kept < end; ++kept) old.push(kept, reads()[kept]);
    spilled = true;
  }
};

}  // namespace st
