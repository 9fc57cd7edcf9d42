// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The times of steps whose tokens and room are there.
#pragma once

#include "rounds.h"

namespace st {

// The state with the steps that change it. LOOKS: whether transitions are looked for (rounds.h).
struct Stepper : State {
  Rounds rounds{*this};
  int64_t events = 0;
  int64_t *profile = nullptr, buckets = 0, bucket_cycles = 1;

  // One FIFO of a step. Of one that is read, `needed` are the times of the writes; of one that is written, those of the
  // reads.
  struct Port {
    const int64_t* needed;
    int64_t* made;
    int64_t mask, next, from, gap, ready;

    Port() = default;
    void read(const Fifo& f) { *this = {f.times, f.times + f.capacity(), f.mask, f.read, 0, f.latency, 0}; }
    void write(const Fifo& f) {
      *this = {f.times + f.capacity(), f.times, f.mask, f.written, f.kept, f.depth, 0};
    }
    // Where some of the reads that are needed are not in the rings.
    void write(const Fifo& f, const int64_t* reads) { *this = {reads, f.times, f.mask, f.written, f.merged_reads, f.depth, 0}; }
    int64_t token() const { return needed[next & mask] + gap; }
    // 0 where the time of the read that made the room is no bound.
    int64_t room() const { return next - gap >= from ? needed[(next - gap) & mask] + 1 : 0; }
    void make(int64_t time) { made[next++ & mask] = time; }

   private:
    Port(const int64_t* n, int64_t* m, int64_t k, int64_t x, int64_t f, int64_t g, int64_t r)
        : needed(n), made(m), mask(k), next(x), from(f), gap(g), ready(r) {}
  };

  // Steps of one item, as many as there can be; false when there can be none, and why is noted. R and W are the numbers of
  // FIFOs, or -1 for any.
  template <bool LOOKS, int R, int W>
  bool steps(int64_t id, Task& task, const Item& item) {
    const int64_t reads = R >= 0 ? R : item.reads, all = reads + (W >= 0 ? W : item.writes);
    const int64_t* const ref = refs.data() + item.refs;
    int64_t count = left<LOOKS>(task);
    for (int64_t i = 0; i < all; ++i) {
      const Fifo& f = fifos[ref[i]];
      const int64_t can = i < reads ? f.held() : f.room();
      if (can <= 0) {
        wait(task, i < reads ? TOKEN : ROOM, ref[i]);
        return false;
      }
      count = std::min(count, can);
    }
    if (LOOKS) touch(id, task, item);
    for (int64_t i = reads; i < all; ++i) fifos[ref[i]].make_place(count);

    Port fixed[R >= 0 && W >= 0 ? R + W : 1];
    Port* port = fixed;
    if (R < 0 || W < 0) {
      ports.resize(all);
      port = ports.data();
    }
    for (int64_t i = 0; i < reads; ++i) port[i].read(fifos[ref[i]]);
    for (int64_t i = reads; i < all; ++i) {
      const Fifo& f = fifos[ref[i]];
      port[i].write(f);
      if (f.needs_old(count)) port[i].write(f, old_reads(f, count, i));
    }
    const int64_t delta = item.delta;
    int64_t time = task.time, stalled_read = 0, stalled_write = 0;
    for (int64_t n = 0; n < count; ++n) {
      const int64_t base = time + delta;
      int64_t token = 0, room = 0;
      for (int64_t i = 0; i < reads; ++i) token = std::max(token, port[i].token());
      for (int64_t i = reads; i < all; ++i) room = std::max(room, port[i].ready = port[i].room());
      time = std::max(base, std::max(token, room));
      if (W == 0) {
        stalled_read += time - base;
      } else if (R + W == 1) {
        stalled_write += time - base;
      } else if (time > base) {
        (room > token ? stalled_write : stalled_read) += time - base;
        for (int64_t i = reads; room > token && i < all; ++i) fifos[ref[i]].blocked |= port[i].ready == room;
      }
      if (R < 0 && profile && time > base) record(id, room > token, base, time);
      for (int64_t i = 0; i < all; ++i) port[i].make(time);
    }
    if (R + W == 1 && stalled_write) fifos[ref[0]].blocked = true;
    if (task.first < 0) task.first = port[0].made[(port[0].next - count) & port[0].mask];
    task.time = time;
    task.stalled_read += stalled_read;
    task.stalled_write += stalled_write;
    made<LOOKS>(task, item, count);
    return true;
  }

  // Steps that read and write nothing.
  template <bool LOOKS>
  bool silent_steps(int64_t id, Task& task, const Item& item) {
    const int64_t count = left<LOOKS>(task);
    if (LOOKS) touch(id, task, item);
    if (task.first < 0) task.first = task.time + item.delta;
    task.time += item.delta * count;
    made<LOOKS>(task, item, count);
    return true;
  }

  // As `steps`, where one of the FIFOs that are written is dead: one step, its write merged at once.
  template <bool LOOKS>
  bool step_to_dead(int64_t id, Task& task, const Item& item) {
    const int64_t* const ref = refs.data() + item.refs;
    const int64_t all = item.reads + item.writes, base = task.time + item.delta;
    for (int64_t i = 0; i < all; ++i) {
      const Fifo& f = fifos[ref[i]];
      if ((i < item.reads ? f.held() : f.room()) > 0) continue;
      wait(task, i < item.reads ? TOKEN : ROOM, ref[i]);
      return false;
    }
    if (LOOKS) touch(id, task, item);
    int64_t token = 0, room = 0;
    ports.resize(all);
    for (int64_t i = 0; i < all; ++i) {
      Fifo& f = fifos[ref[i]];
      if (i < item.reads) {
        ports[i].read(f);
        token = std::max(token, ports[i].token());
      } else {
        if (!f.dead) f.make_place(1);
        ports[i].write(f);
        if (f.needs_old(1)) ports[i].write(f, old_reads(f, 1, i));
        room = std::max(room, ports[i].ready = ports[i].room());
      }
    }
    const int64_t time = task.time = std::max(base, std::max(token, room));
    if (task.first < 0) task.first = time;
    if (time > base) {
      (room > token ? task.stalled_write : task.stalled_read) += time - base;
      for (int64_t i = item.reads; room > token && i < all; ++i) fifos[ref[i]].blocked |= ports[i].ready == room;
      if (profile) record(id, room > token, base, time);
    }
    for (int64_t i = 0; i < all; ++i) {
      Fifo& f = fifos[ref[i]];
      if (f.dead)
        f.merge_unread(time);
      else
        ports[i].make(time);
    }
    made<LOOKS>(task, item, 1);
    return true;
  }

  // The reader and the writer of a FIFO where neither does anything else and one waits for the other: token by token, until
  // one of them has something else to do.
  template <bool LOOKS>
  void together(Task& reader, Task& writer, Fifo& f, int64_t until) {
    const bool full = f.held() > 0;  // else it is empty
    int64_t read_time = reader.time, write_time = writer.time, stalled_read = 0, stalled_write = 0;
    const int64_t fifo = &f - fifos.data();
    for (;;) {
      const Item &r = *reader.at.at, &w = *writer.at.at;
      const int64_t count = std::min(std::min(left<LOOKS>(reader), left<LOOKS>(writer)), MOST_TOGETHER);
      f.make_place(count);
      Port in, out;
      in.read(f);
      out.write(f);
      if (f.needs_old(count)) out.write(f, old_reads(f, count, 0));
      for (int64_t n = 0; n < count; ++n) {
        auto read = [&] {
          const int64_t base = read_time + r.delta;
          read_time = std::max(base, in.token());
          stalled_read += read_time - base;
          in.make(read_time);
        };
        if (full) read();
        const int64_t base = write_time + w.delta;
        write_time = std::max(base, out.room());
        stalled_write += write_time - base;
        out.make(write_time);
        if (!full) read();
      }
      if (reader.first < 0) reader.first = in.made[(in.next - count) & in.mask];
      if (writer.first < 0) writer.first = out.made[(out.next - count) & out.mask];
      f.read += count;
      f.written += count;
      events += 2 * count + 1;
      if (LOOKS) rounds.work += 2 * count + 1;
      go_on<LOOKS>(reader, count);
      go_on<LOOKS>(writer, count);
      if (!does_only(reader, fifo, true) || !does_only(writer, fifo, false)) break;
      if ((LOOKS && (reader.stopped || writer.stopped)) || events > until) break;
    }
    reader.time = read_time;
    reader.stalled_read += stalled_read;
    writer.time = write_time;
    writer.stalled_write += stalled_write;
    f.blocked |= stalled_write > 0;
  }
  // Whether the next steps of a task read, or write, that FIFO and nothing else.
  bool does_only(const Task& task, int64_t fifo, bool reads) const {
    const Item* item = task.at.at;
    return item && item->reads == reads && item->writes == !reads && refs[item->refs] == fifo;
  }

  // What was before is kept where something began here (records.h).
  void touch(int64_t id, Task& task, const Item& item) {
    const int64_t top = rounds.records.top;
    if (task.owner != top) rounds.records.touch(id, task);
    for (int64_t i = item.refs; i < item.refs + item.reads + item.writes; ++i)
      if (fifos[refs[i]].owner != top) rounds.records.touch(refs[i], fifos[refs[i]]);
  }

  // What follows from steps that have been made: counts, who need not wait any more, the next item.
  template <bool LOOKS>
  void made(Task& task, const Item& item, int64_t count) {
    const int64_t all = item.reads + item.writes;
    events += count * all + 1;
    if (LOOKS) rounds.work += count * all + 1;
    for (int64_t i = 0; i < all; ++i) {
      const int64_t id = refs[item.refs + i];
      Fifo& f = fifos[id];
      if (i < item.reads) {
        f.read += count;
        if (f.writer_waits) wake(writer[id]);
      } else {
        f.written += count;
        if (f.reader_waits) wake(reader[id]);
      }
    }
    go_on<LOOKS>(task, count);
  }
  template <bool LOOKS>
  int64_t left(const Task& task) const {
    return LOOKS ? rounds.steps(task) : task.at.left;
  }
  template <bool LOOKS>
  void go_on(Task& task, int64_t count) {
    task.steps += count;
    task.at.left -= count;
    if (!LOOKS) {
      if (!task.at.left) task.at.next();
    } else if (task.at.left) {
      rounds.pass_steps(task);
    } else {
      rounds.end_of_item(task);
      task.at.next([&](int64_t place, bool begins) { rounds.pass(task, place, begins); });
    }
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

 private:
  // A place for the reads that the next writes of a FIFO need, and their times in it, as in a ring of the FIFO.
  [[gnu::noinline, gnu::cold]] const int64_t* old_reads(const Fifo& f, int64_t count, size_t number) {
    if (found.size() <= number) found.resize(number + 1);
    found[number].resize(f.capacity());
    const int64_t from = f.written - f.depth;
    f.copy_reads(std::max(from, f.merged_reads), from + count, found[number].data());
    return found[number].data();
  }

  std::vector<Port> ports;
  std::vector<std::vector<int64_t>> found;  // by the number of a port
};

}  // namespace st
