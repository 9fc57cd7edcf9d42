// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What Python calls. One call at a time per library: the caller serialises.
#include <exception>
#include <string>

#include "scheduler.h"

#define ST_EXPORT extern "C" __attribute__((visibility("default")))

using namespace streamtensor::csim;

namespace {

std::string report;

int finish(int status, const char* name, const std::string& code, const std::string& text) {
    report = report_json(name, code, text);
    return status;
}

}  // namespace

/// Settings for the calls that follow; depth overrides are forgotten. trace_folder "" means no token files.
ST_EXPORT void st_csim_configure(int bounded, int hashes, const char* trace_folder) {
    Settings& settings = state().settings;
    settings = Settings();
    settings.bounded = scheduler().bounded = bounded != 0;
    settings.trace_folder = trace_folder;
    settings.hashes = hashes != 0 || !settings.trace_folder.empty();
}

/// Depth of the FIFO of this name, or of every FIFO that has no entry of its own when the name is empty.
ST_EXPORT void st_csim_set_depth(const char* fifo, unsigned long long depth) {
    Settings& settings = state().settings;
    if (*fifo) {
        settings.depths[fifo] = depth;
    } else {
        settings.default_depth = depth;
    }
}

/// Calls a design. 0: it ran to its end, 1: deadlock, 2: an error, or an exception of any kind.
ST_EXPORT int st_csim_call(void (*function)(void**), void** arguments) {
    state().clear();
    scheduler().polls = scheduler().tokens_at_poll = 0;
    struct Release {
        ~Release() { release_stacks(); }
    } release;
    try {
        bool deadlock = false;
        try {
            function(arguments);
        } catch (const Deadlock&) {
            deadlock = true;
        }
        flush_traces();
        if (deadlock) return finish(1, "deadlock", "", "");
        if (!state().leftovers.empty()) {
            std::string text;
            for (const std::string& line : state().leftovers) text += (text.empty() ? "" : "\n") + line;
            return finish(2, "error", "ST0603", text);
        }
        return finish(0, "ok", "", "");
    } catch (const DesignError& error) {
        return finish(2, "error", error.code, error.text);
    } catch (const std::exception& error) {
        return finish(2, "error", "ST0603", error.what());
    } catch (...) {
        return finish(2, "error", "ST0603", "an exception of unknown type");
    }
}

/// The report of the last call, valid until the next one.
ST_EXPORT const char* st_csim_report() { return report.c_str(); }
