// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Records of a call, the witness of a deadlock, the token trace, and all of it as JSON.
#include <cstdio>

#include "scheduler.h"

namespace streamtensor::csim {

namespace {

constexpr uint64_t kHashStart = 0xcbf29ce484222325u;  // FNV-1a, 64 bits
constexpr uint64_t kHashPrime = 0x100000001b3u;
constexpr size_t kTraceBuffer = 64 * 1024;

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", c);
            out += code;
        } else {
            out += c;
        }
    }
    return out + '"';
}

/// {"a": 1, ...} piece by piece.
class Object {
  public:
    Object& text(const char* key, const std::string& value) { return raw(key, quoted(value)); }
    Object& number(const char* key, uint64_t value) { return raw(key, std::to_string(value)); }
    Object& flag(const char* key, bool value) { return raw(key, value ? "true" : "false"); }
    Object& raw(const char* key, const std::string& value) {
        body_ += (body_.empty() ? "" : ", ") + quoted(key) + ": " + value;
        return *this;
    }
    std::string str() const { return "{" + body_ + "}"; }

  private:
    std::string body_;
};

template <class Items, class Write>
std::string list(const Items& items, Write write) {
    std::string out = "[";
    for (const auto& item : items) {
        if (out.size() > 1) out += ", ";
        out += write(item);
    }
    return out + "]";
}

/// A FIFO name as a file name: every character that is not plain becomes %XX.
std::string file_name(const std::string& name) {
    std::string out;
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (plain) {
            out += c;
        } else {
            char code[4];
            std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(c));
            out += code;
        }
    }
    return out + ".bin";
}

void flush(FifoRecord& record) {
    if (record.file.empty()) return;
    std::FILE* file = std::fopen(record.file.c_str(), "ab");
    const bool written = file && std::fwrite(record.buffer.data(), 1, record.buffer.size(), file) == record.buffer.size();
    const bool closed = !file || std::fclose(file) == 0;
    record.buffer.clear();
    if (!written || !closed) throw DesignError{"ST0608", "cannot write the token trace " + record.file};
}

bool is_ancestor(const std::string& parent, const std::string& child) {
    return child.size() > parent.size() && child.compare(0, parent.size(), parent) == 0 && child[parent.size()] == '/';
}

}  // namespace

State& state() {
    static State instance;
    return instance;
}

void State::clear() {
    fifos.clear();
    fifo_of_name.clear();
    tasks.clear();
    task_of_name.clear();
    unnamed = 0;
    closed_tokens = 0;
    deadlock = false;
    blocked.clear();
    cycle.clear();
    leftovers.clear();
}

FifoRecord& State::fifo(const std::string& name) {
    FifoRecord*& entry = fifo_of_name[name];
    if (!entry) {
        fifos.push_back(std::make_unique<FifoRecord>());
        entry = fifos.back().get();
        entry->name = name;
        entry->hash = kHashStart;
        if (!settings.trace_folder.empty()) entry->file = settings.trace_folder + "/" + file_name(name);
    }
    return *entry;
}

TaskRecord& State::task(const std::string& name) {
    TaskRecord*& entry = task_of_name[name];
    if (!entry) {
        tasks.push_back(std::make_unique<TaskRecord>());
        entry = tasks.back().get();
        entry->name = name;
    }
    return *entry;
}

void trace_token(FifoRecord& record, const void* token) {
    const auto* bytes = static_cast<const unsigned char*>(token);
    uint64_t hash = record.hash;
    for (unsigned i = 0; i < record.token_bytes; ++i) hash = (hash ^ bytes[i]) * kHashPrime;
    record.hash = hash;
    if (!record.file.empty()) {
        record.buffer.append(static_cast<const char*>(token), record.token_bytes);
        if (record.buffer.size() >= kTraceBuffer) flush(record);
    }
}

void flush_traces() {
    for (const auto& record : state().fifos) flush(*record);
}

TaskRecord* Witness::peer_of(const Task& task) {
    if (task.wait == Wait::join) {
        for (const Task* child = task.wait_region->first_; child; child = child->next_in_region) {
            if (child->record->live == child) return child->record;
        }
        return nullptr;
    }
    const Ends& ends = task.wait_channel->ends_;
    TaskRecord* seen = task.wait == Wait::read ? ends.writer : ends.reader;
    if (seen && seen != task.record) return seen;
    // The other end has not acted yet: it is among the tasks that were given the FIFO.
    TaskRecord* other = nullptr;
    for (TaskRecord* end : ends.bound) {
        if (end && end != task.record && !is_ancestor(end->name, task.record->name)) other = end;
    }
    return other;
}

BlockedTask Witness::describe(const Task& task) {
    BlockedTask out;
    out.task = task.record->name;
    out.waits = task.wait == Wait::join ? "join" : task.wait == Wait::read ? "read" : "write";
    if (task.wait_channel) {
        const Channel& channel = *task.wait_channel;
        out.fifo = channel.record_->name;
        out.depth = channel.depth_;
        out.tokens_read = channel.read_;
        out.tokens_written = channel.written_;
    }
    if (const TaskRecord* peer = peer_of(task)) {
        out.peer = peer->name;
        out.peer_finished = !peer->live && peer->runs > 0;
    }
    return out;
}

void Witness::collect(const Scheduler& scheduler, State& state) {
    state.deadlock = true;
    std::map<std::string, size_t> index;
    for (const Task* task = scheduler.oldest; task; task = task->younger) {
        if (task->wait == Wait::none) continue;
        index[task->record->name] = state.blocked.size();
        state.blocked.push_back(describe(*task));
    }
    // Every task waits for one thing, so following the waits ends at a finished task or runs into a cycle.
    constexpr size_t kUnseen = static_cast<size_t>(-1);
    std::vector<size_t> walk_of(state.blocked.size(), kUnseen);
    for (size_t start = 0; start < state.blocked.size(); ++start) {
        std::vector<size_t> path;
        size_t at = start;
        while (walk_of[at] == kUnseen) {
            walk_of[at] = start;
            path.push_back(at);
            const auto next = index.find(state.blocked[at].peer);
            if (next == index.end()) break;
            at = next->second;
            if (walk_of[at] != start) continue;
            size_t first = 0;
            while (path[first] != at) ++first;
            state.cycle.assign(path.begin() + static_cast<std::ptrdiff_t>(first), path.end());
            return;
        }
    }
}

std::string report_json(const char* status, const std::string& code, const std::string& text) {
    const State& s = state();
    Object report;
    report.text("status", status).text("code", code).text("text", text);
    report.flag("bounded", s.settings.bounded).flag("hashes", s.settings.hashes);
    report.raw("fifos", list(s.fifos, [](const auto& fifo) {
                   return Object()
                       .text("name", fifo->name)
                       .number("width_bits", fifo->width_bits)
                       .number("token_bytes", fifo->token_bytes)
                       .number("depth", fifo->depth)
                       .number("tokens", fifo->written)
                       .number("tokens_read", fifo->read)
                       .number("high_water", fifo->high_water)
                       .number("hash", fifo->hash)
                       .str();
               }));
    report.raw("tasks", list(s.tasks, [](const auto& task) {
                   return Object().text("name", task->name).number("runs", task->runs).number("finished", task->finished).str();
               }));
    report.raw("blocked", list(s.blocked, [](const BlockedTask& task) {
                   return Object()
                       .text("task", task.task)
                       .text("waits", task.waits)
                       .text("fifo", task.fifo)
                       .number("depth", task.depth)
                       .number("tokens_read", task.tokens_read)
                       .number("tokens_written", task.tokens_written)
                       .text("peer", task.peer)
                       .flag("peer_finished", task.peer_finished)
                       .str();
               }));
    report.raw("cycle", list(s.cycle, [](size_t i) { return std::to_string(i); }));
    return report.str();
}

}  // namespace streamtensor::csim
