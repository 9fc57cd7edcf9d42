// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What one call of a design leaves behind: settings, records of FIFOs and tasks, the outcome.
#ifndef STREAMTENSOR_CSIM_STATE_H
#define STREAMTENSOR_CSIM_STATE_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "streamtensor_csim/region.h"

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

/// An error of the simulated design. The code is the one under which the user finds it explained.
struct DesignError {
    const char* code;
    std::string text;
};

/// Thrown inside a blocked task to take its stack down in good order after a deadlock or an error elsewhere.
struct Cancelled {};

/// Thrown out of the outermost region; the witness is in the state.
struct Deadlock {};

/// Sums over every FIFO of this name (a region in a loop creates its FIFOs anew in each round).
struct FifoRecord {
    std::string name;
    unsigned width_bits = 0;
    unsigned token_bytes = 0;
    uint64_t depth = 0;
    uint64_t written = 0;
    uint64_t read = 0;
    uint64_t high_water = 0;
    uint64_t hash = 0;
    Channel* live = nullptr;
    std::string file;    // of the token trace, empty without one
    std::string buffer;  // tokens on their way to the file
};

struct TaskRecord {
    std::string name;
    uint64_t runs = 0;
    uint64_t finished = 0;
    Task* live = nullptr;
};

struct BlockedTask {
    std::string task;
    const char* waits;  // "read", "write", "join", "poll"
    std::string fifo;
    uint64_t depth = 0;
    uint64_t tokens_read = 0;
    uint64_t tokens_written = 0;
    std::string peer;  // the task at the other end, empty when it is not known
    bool peer_finished = false;
};

struct Settings {
    bool bounded = true;
    bool hashes = false;
    std::string trace_folder;
    uint64_t default_depth = 0;  // 0: the depth in the source
    std::map<std::string, uint64_t> depths;
};

struct State {
    Settings settings;
    std::vector<std::unique_ptr<FifoRecord>> fifos;
    std::map<std::string, FifoRecord*> fifo_of_name;
    std::vector<std::unique_ptr<TaskRecord>> tasks;
    std::map<std::string, TaskRecord*> task_of_name;
    uint64_t unnamed = 0;
    uint64_t closed_tokens = 0;  // moved by FIFOs that are gone, so that their end counts as progress

    bool deadlock = false;
    std::vector<BlockedTask> blocked;
    std::vector<size_t> cycle;  // indices into blocked
    std::vector<std::string> leftovers;

    /// Forgets the last call; keeps the settings.
    void clear();
    FifoRecord& fifo(const std::string& name);
    TaskRecord& task(const std::string& name);
};

State& state();

/// The result of the last call as JSON. status is "ok", "deadlock" or "error"; code and text belong to an error.
std::string report_json(const char* status, const std::string& code, const std::string& text);

/// Adds one token to the FIFO's hash and trace.
void trace_token(FifoRecord& record, const void* token);

/// Writes what trace_token has collected to the files. Throws DesignError when a file cannot be written.
void flush_traces();

}}  // namespace streamtensor::csim

#endif
