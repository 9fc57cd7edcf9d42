// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What host programs have in common: the launch list, memory on both sides, weights, launches through XRT.
#ifndef ST_RUNTIME_H
#define ST_RUNTIME_H

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include "streamtensor_ops.h"

namespace runtime {

// A pointer that becomes whatever a function of the host wants.
struct Pointer {
    void *address;
    template <class T>
    operator T *() const {
        return static_cast<T *>(address);
    }
};
using Pointers = std::vector<Pointer>;

// A buffer that is a part of another one, `whole` by its number, has its memory from byte `first` on.
struct Buffer {
    std::string name;
    size_t bytes;
    bool on_device;
    int whole;  // -1: memory of its own
    size_t first;
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
// The launch list of one program.
struct Program {
    std::vector<Buffer> buffers;
    std::vector<Function> functions;
    std::vector<Step> steps;
    std::vector<Port> inputs;
    std::vector<Port> parameters;
    std::vector<Port> outputs;
};

// Memory of one buffer, on both sides when a kernel uses it; zeros at first. Each side knows what is newer on the other
// one: the device as a whole, the host by pages, so that a few new numbers are a small transfer. The memory of a part is
// that of the whole, which is what goes to the device.
class Memory {
  public:
    Memory(const Buffer &buffer, xrt::device &device, int group)
        : name_(buffer.name), bytes_(buffer.bytes), newer_pages_((buffer.bytes + kPage - 1) / kPage, true) {
        if (buffer.on_device) {
            object_ = xrt::bo(device, bytes_, group);
            host_ = object_.map<char *>();
            std::memset(host_, 0, bytes_);
        } else {
            own_.resize(bytes_);
            host_ = own_.data();
        }
    }
    Memory(const Buffer &buffer, std::shared_ptr<Memory> whole)
        : name_(buffer.name), bytes_(buffer.bytes), whole_(std::move(whole)), first_(buffer.first) {}
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;

    size_t bytes() const { return bytes_; }
    char *on_host() {
        if (whole_ != nullptr) return whole_->on_host() + first_;
        if (device_is_newer_) object_.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
        device_is_newer_ = false;
        return host_;
    }
    xrt::bo &on_device() {
        if (host_is_newer_) sync_pages();
        host_is_newer_ = false;
        return object_;
    }
    void written_by_host() { written_by_host(0, bytes_); }
    void written_by_host(size_t first, size_t count) {
        if (whole_ != nullptr) return whole_->written_by_host(first_ + first, count);
        host_is_newer_ = true;
        for (size_t page = first / kPage; page * kPage < first + count; ++page) newer_pages_[page] = true;
    }
    void written_by_device() { device_is_newer_ = true; }
    void fill(const void *data, size_t count) {
        if (count != bytes_) {
            throw std::runtime_error(name_ + " has " + std::to_string(count) + " bytes instead of " +
                                     std::to_string(bytes_));
        }
        std::memcpy(on_host(), data, count);
        written_by_host();
    }

  private:
    static constexpr size_t kPage = 4096;

    // One transfer for each run of pages that the host has written.
    void sync_pages() {
        for (size_t page = 0; page < newer_pages_.size(); ++page) {
            const size_t first = page;
            while (page < newer_pages_.size() && newer_pages_[page]) newer_pages_[page++] = false;
            const size_t end = page * kPage < bytes_ ? page * kPage : bytes_;
            if (page > first) object_.sync(XCL_BO_SYNC_BO_TO_DEVICE, end - first * kPage, first * kPage);
        }
    }

    std::string name_;
    size_t bytes_;
    std::shared_ptr<Memory> whole_;
    size_t first_ = 0;
    std::vector<bool> newer_pages_;
    std::vector<char> own_;
    xrt::bo object_;
    char *host_ = nullptr;
    bool host_is_newer_ = true;
    bool device_is_newer_ = false;
};

// The weights of a compiled folder: a safetensors file, mapped into memory. It is the length of a JSON header, the
// header, and the data that it has the offsets of.
class Weights {
  public:
    explicit Weights(const std::string &folder) : path_(folder + "/weights/weights.safetensors") {
        const int file = open(path_.c_str(), O_RDONLY);
        if (file < 0) throw std::runtime_error("can't read " + path_);
        struct stat status {};
        fstat(file, &status);
        file_size_ = static_cast<size_t>(status.st_size);
        void *address = file_size_ > 0 ? mmap(nullptr, file_size_, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
        close(file);
        if (address == MAP_FAILED) throw std::runtime_error("can't map " + path_);
        file_ = static_cast<const char *>(address);
        uint64_t length = 0;
        if (file_size_ < sizeof(length)) throw std::runtime_error(path_ + " is no safetensors file");
        std::memcpy(&length, file_, sizeof(length));
        if (length > file_size_ - sizeof(length)) throw std::runtime_error(path_ + " is cut off");
        header_.assign(file_ + sizeof(length), length);
        data_ = file_ + sizeof(length) + length;
    }
    ~Weights() {
        if (file_ != nullptr) munmap(const_cast<char *>(file_), file_size_);
    }
    Weights(const Weights &) = delete;
    Weights &operator=(const Weights &) = delete;

    void load(const std::string &name, Memory &memory) const {
        const size_t entry = header_.find("\"" + name + "\":");
        const std::string key = "\"data_offsets\":[";
        const size_t offsets = entry == std::string::npos ? entry : header_.find(key, entry);
        if (offsets == std::string::npos) throw std::runtime_error(path_ + " has no parameter " + name);
        char *end = nullptr;
        const uint64_t first = std::strtoull(header_.c_str() + offsets + key.size(), &end, 10);
        const uint64_t last = std::strtoull(end + 1, nullptr, 10);
        const size_t size = file_size_ - static_cast<size_t>(data_ - file_);
        if (first > last || last > size) throw std::runtime_error(path_ + " is cut off");
        memory.fill(data_ + first, last - first);
    }

  private:
    std::string path_;
    const char *file_ = nullptr;
    size_t file_size_ = 0;
    std::string header_;
    const char *data_ = nullptr;
};

// A card with a bitstream. Parameters are kept here, by name and memory bank: programs that read the same one, or the
// same ones in a row, share the memory.
struct Card {
    explicit Card(const std::string &bitstream) : device(0), uuid(device.load_xclbin(bitstream)) {}

    xrt::device device;
    xrt::uuid uuid;
    std::map<std::pair<std::string, int>, std::shared_ptr<Memory>> parameters;
};

// A program on a card, its weights in place. A kernel is called `prefix` and its name in the bitstream.
class Launches {
  public:
    Launches(const Program &program, Card &card, const Weights &weights, const std::string &prefix = "")
        : program_(program), kernels_(program.functions.size()), memories_(program.buffers.size()) {
        for (size_t i = 0; i < kernels_.size(); ++i) {
            const Function &function = program_.functions[i];
            if (function.call == nullptr) kernels_[i] = xrt::kernel(card.device, card.uuid, prefix + function.name);
        }
        const std::vector<int> groups = memory_groups();
        std::map<int, std::string> contents;  // the names of the parameters in a buffer that has memory
        for (const Port &port : program_.parameters) contents[owner(port.buffer)] += port.name + "\n";
        std::vector<bool> is_loaded(memories_.size(), false);
        for (const auto &[buffer, names] : contents) {
            memories_[buffer] = card.parameters[{names, groups[buffer]}];
            is_loaded[buffer] = memories_[buffer] != nullptr;
        }
        for (size_t i = 0; i < memories_.size(); ++i) {
            if (memories_[i] == nullptr && program_.buffers[i].whole < 0) {
                memories_[i] = std::make_shared<Memory>(program_.buffers[i], card.device, groups[i]);
            }
        }
        for (size_t i = 0; i < memories_.size(); ++i) {
            const Buffer &buffer = program_.buffers[i];
            if (buffer.whole >= 0) memories_[i] = std::make_shared<Memory>(buffer, memories_[buffer.whole]);
        }
        for (const auto &[buffer, names] : contents) card.parameters[{names, groups[buffer]}] = memories_[buffer];
        for (const Port &port : program_.parameters) {
            if (!is_loaded[owner(port.buffer)]) weights.load(port.name, memory(port.buffer));
        }
        sync();
    }

    Memory &memory(int buffer) { return *memories_[buffer]; }
    Memory &input(size_t number) { return memory(program_.inputs.at(number).buffer); }
    Memory &output(size_t number) { return memory(program_.outputs.at(number).buffer); }

    // Brings to the device what the host has written, so that the next run need not.
    void sync() {
        for (size_t i = 0; i < memories_.size(); ++i) {
            if (program_.buffers[i].on_device) memories_[i]->on_device();
        }
    }

    // Runs the launch list and returns the milliseconds that it took.
    double run() {
        const auto start = std::chrono::steady_clock::now();
        for (const Step &step : program_.steps) {
            const Function &function = program_.functions[step.function];
            function.call != nullptr ? call(step) : launch(step);
            for (size_t i = 0; i < step.buffers.size(); ++i) {
                if (!function.written[i]) continue;
                Memory &written = memory(step.buffers[i]);
                function.call != nullptr ? written.written_by_host() : written.written_by_device();
            }
        }
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    }

  private:
    // The buffer that has the memory of a buffer.
    int owner(int buffer) const {
        const int whole = program_.buffers[buffer].whole;
        return whole < 0 ? buffer : whole;
    }

    // A buffer lies in the memory bank of the first argument that it is passed as; the link made the others the same.
    std::vector<int> memory_groups() const {
        std::vector<int> groups(program_.buffers.size(), -1);
        for (const Step &step : program_.steps) {
            if (program_.functions[step.function].call != nullptr) continue;
            for (size_t i = 0; i < step.buffers.size(); ++i) {
                int &group = groups[step.buffers[i]];
                if (group < 0) group = kernels_[step.function].group_id(static_cast<int>(i));
            }
        }
        return groups;
    }

    void call(const Step &step) {
        Pointers arguments;
        for (int buffer : step.buffers) arguments.push_back({memory(buffer).on_host()});
        program_.functions[step.function].call(arguments);
    }

    void launch(const Step &step) {
        xrt::run run(kernels_[step.function]);
        int argument = 0;
        for (int buffer : step.buffers) run.set_arg(argument++, memory(buffer).on_device());
        for (const Bound &bound : step.bounds) run.set_arg(argument++, tiles_up_to(bound));
        run.start();
        run.wait();
    }

    int tiles_up_to(const Bound &bound) {
        const char *address = memory(bound.buffer).on_host();
        int64_t position = 0;
        if (memory(bound.buffer).bytes() == sizeof(int64_t)) {
            std::memcpy(&position, address, sizeof(int64_t));
        } else {
            int32_t narrow = 0;
            std::memcpy(&narrow, address, sizeof(narrow));
            position = narrow;
        }
        const int64_t tiles = position / bound.tile + 1;
        return static_cast<int>(tiles < 1 ? 1 : tiles > bound.most ? bound.most : tiles);
    }

    const Program &program_;
    std::vector<xrt::kernel> kernels_;
    std::vector<std::shared_ptr<Memory>> memories_;
};

}  // namespace runtime

#endif
