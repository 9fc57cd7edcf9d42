// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs the compiled program on a card.
//
//   host design.xclbin PROGRAM_FOLDER INPUT.bin... [--runs N]
//
// One raw file (row-major numbers) for each input in order; each output is written to NAME.bin in the current folder.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include "host_functions.h"

namespace {

// A pointer that becomes whatever a function of the host wants.
struct Pointer {
    void *address;
    template <class T>
    operator T *() const {
        return static_cast<T *>(address);
    }
};
using Pointers = std::vector<Pointer>;

struct Buffer {
    std::string name;
    size_t bytes;
    bool on_device;
};
struct Function {
    std::string name;
    void (*call)(const Pointers &);  // null for a kernel
    std::vector<bool> written;
};
// A number that a launch takes: the tiles up to the one that a position lies in, which is an integer in a buffer.
struct Bound {
    int buffer;
    int64_t tile;
    int64_t most;
};
struct Step {
    int function;
    std::vector<int> buffers;
    std::vector<Bound> bounds;
};
struct Port {
    std::string name;
    int buffer;
};

const std::vector<Buffer> kBuffers = {
    {"ids", 32, false},
    {"wte.weight", 640, false},
    {"c_attn.weight", 3072, true},
    {"output_0", 256, true},
    {"b0", 256, true},
    {"b1", 256, true},
    {"b2", 256, true},
};
const std::vector<Function> kFunctions = {
    {"block_0", nullptr, {false, false, true}},
    {"columns", nullptr, {false, true}},
    {"embed", [](const Pointers &a) { ::embed(a[0], a[1], a[2]); }, {false, false, true}},
};
const std::vector<Step> kSteps = {
    {2, {0, 1, 4}, {}},  // embed, call 0
    {0, {4, 2, 5}, {}},  // block, call 1
    {0, {5, 2, 6}, {}},  // block, call 2
    {1, {6, 3}, {}},  // columns, call 3
};
const std::vector<Port> kInputs = {
    {"ids", 0},
};
const std::vector<Port> kParameters = {
    {"wte.weight", 1},
    {"c_attn.weight", 2},
};
const std::vector<Port> kOutputs = {
    {"output_0", 3},
};

// Memory of one buffer, on both sides when a kernel uses it. Each side knows whether the other one is newer.
class Memory {
  public:
    Memory(const Buffer &buffer, xrt::device &device, int group) {
        if (buffer.on_device) {
            object_ = xrt::bo(device, buffer.bytes, group);
            host_ = object_.map<char *>();
        } else {
            own_.resize(buffer.bytes);
            host_ = own_.data();
        }
    }
    char *on_host() {
        if (device_is_newer_) object_.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
        device_is_newer_ = false;
        return host_;
    }
    xrt::bo &on_device() {
        if (host_is_newer_) object_.sync(XCL_BO_SYNC_BO_TO_DEVICE);
        host_is_newer_ = false;
        return object_;
    }
    void written_by_host() { host_is_newer_ = true; }
    void written_by_device() { device_is_newer_ = true; }

  private:
    std::vector<char> own_;
    xrt::bo object_;
    char *host_ = nullptr;
    bool host_is_newer_ = true;
    bool device_is_newer_ = false;
};

std::vector<char> read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("can't read " + path);
    std::vector<char> bytes(static_cast<size_t>(file.tellg()));
    file.seekg(0);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

void fill(Memory &memory, const Buffer &buffer, const char *data, size_t bytes) {
    if (bytes != buffer.bytes) {
        throw std::runtime_error(buffer.name + " has " + std::to_string(bytes) + " bytes instead of " +
                                 std::to_string(buffer.bytes));
    }
    std::memcpy(memory.on_host(), data, bytes);
    memory.written_by_host();
}

// Weights: a safetensors file is the length of a JSON header, the header, and the data that it has the offsets of.
void load_weights(const std::string &path, std::vector<Memory> &memories) {
    const std::vector<char> file = read_file(path);
    uint64_t length = 0;
    if (file.size() < sizeof(length)) throw std::runtime_error(path + " is no safetensors file");
    std::memcpy(&length, file.data(), sizeof(length));
    if (length > file.size() - sizeof(length)) throw std::runtime_error(path + " is cut off");
    const std::string header(file.data() + sizeof(length), length);
    const char *data = file.data() + sizeof(length) + length;
    const size_t size = file.size() - sizeof(length) - length;
    for (const Port &port : kParameters) {
        const size_t entry = header.find("\"" + port.name + "\":");
        const std::string key = "\"data_offsets\":[";
        const size_t offsets = entry == std::string::npos ? entry : header.find(key, entry);
        if (offsets == std::string::npos) throw std::runtime_error(path + " has no parameter " + port.name);
        char *end = nullptr;
        const uint64_t first = std::strtoull(header.c_str() + offsets + key.size(), &end, 10);
        const uint64_t last = std::strtoull(end + 1, nullptr, 10);
        if (first > last || last > size) throw std::runtime_error(path + " is cut off");
        fill(memories[port.buffer], kBuffers[port.buffer], data + first, last - first);
    }
}

int tiles_up_to(const Bound &bound, std::vector<Memory> &memories) {
    const char *address = memories[bound.buffer].on_host();
    int64_t position = 0;
    if (kBuffers[bound.buffer].bytes == sizeof(int64_t)) {
        std::memcpy(&position, address, sizeof(int64_t));
    } else {
        int32_t narrow = 0;
        std::memcpy(&narrow, address, sizeof(narrow));
        position = narrow;
    }
    const int64_t tiles = position / bound.tile + 1;
    return static_cast<int>(tiles < 1 ? 1 : tiles > bound.most ? bound.most : tiles);
}

void run_steps(std::vector<xrt::kernel> &kernels, std::vector<Memory> &memories) {
    for (const Step &step : kSteps) {
        const Function &function = kFunctions[step.function];
        if (function.call != nullptr) {
            Pointers arguments;
            for (int buffer : step.buffers) arguments.push_back({memories[buffer].on_host()});
            function.call(arguments);
        } else {
            xrt::run run(kernels[step.function]);
            for (size_t i = 0; i < step.buffers.size(); ++i) {
                run.set_arg(static_cast<int>(i), memories[step.buffers[i]].on_device());
            }
            for (size_t i = 0; i < step.bounds.size(); ++i) {
                run.set_arg(static_cast<int>(step.buffers.size() + i), tiles_up_to(step.bounds[i], memories));
            }
            run.start();
            run.wait();
        }
        for (size_t i = 0; i < step.buffers.size(); ++i) {
            if (!function.written[i]) continue;
            Memory &memory = memories[step.buffers[i]];
            function.call != nullptr ? memory.written_by_host() : memory.written_by_device();
        }
    }
}

int run(const std::vector<std::string> &arguments, int runs) {
    if (arguments.size() != kInputs.size() + 2) {
        std::cerr << "usage: host design.xclbin PROGRAM_FOLDER INPUT.bin... [--runs N], with " << kInputs.size()
                  << " inputs\n";
        return 2;
    }
    xrt::device device(0);
    const auto uuid = device.load_xclbin(arguments[0]);
    std::vector<xrt::kernel> kernels(kFunctions.size());
    for (size_t i = 0; i < kFunctions.size(); ++i) {
        if (kFunctions[i].call == nullptr) kernels[i] = xrt::kernel(device, uuid, kFunctions[i].name);
    }
    // A buffer lies in the memory bank of the first argument that it is passed as; the link made the others the same.
    std::vector<int> groups(kBuffers.size(), -1);
    for (const Step &step : kSteps) {
        if (kFunctions[step.function].call != nullptr) continue;
        for (size_t i = 0; i < step.buffers.size(); ++i) {
            int &group = groups[step.buffers[i]];
            if (group < 0) group = kernels[step.function].group_id(static_cast<int>(i));
        }
    }
    std::vector<Memory> memories;
    for (size_t i = 0; i < kBuffers.size(); ++i) memories.emplace_back(kBuffers[i], device, groups[i]);

    load_weights(arguments[1] + "/weights/weights.safetensors", memories);
    for (size_t i = 0; i < kInputs.size(); ++i) {
        const std::vector<char> data = read_file(arguments[i + 2]);
        fill(memories[kInputs[i].buffer], kBuffers[kInputs[i].buffer], data.data(), data.size());
    }
    for (int i = 0; i < runs; ++i) {
        const auto start = std::chrono::steady_clock::now();
        run_steps(kernels, memories);
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
        std::cerr << "run " << i + 1 << ": " << took.count() << " ms\n";
    }
    for (const Port &port : kOutputs) {
        std::ofstream(port.name + ".bin", std::ios::binary)
            .write(memories[port.buffer].on_host(), static_cast<std::streamsize>(kBuffers[port.buffer].bytes));
    }
    return 0;
}

}  // namespace

int main(int argc, char **argv) {
    std::vector<std::string> arguments;
    int runs = 1;
    for (int i = 1; i < argc; ++i) {
        if (std::string(argv[i]) == "--runs" && i + 1 < argc) {
            runs = std::atoi(argv[++i]);
        } else {
            arguments.push_back(argv[i]);
        }
    }
    try {
        return run(arguments, runs);
    } catch (const std::exception &error) {
        std::cerr << "error: " << error.what() << "\n";
        return 1;
    }
}
