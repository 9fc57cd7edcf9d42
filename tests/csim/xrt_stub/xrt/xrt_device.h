// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stands in for XRT in tests: a bitstream is a text file, each line the prefix of some kernels' names ("-" for none) and
// the C simulation library that has them. Everything that goes wrong on a card, or would be slow there, is counted.
#pragma once

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace xrt {

// Bytes that went to the device, buffers and kernels that are in use, and how often a bitstream was loaded.
struct Counters {
    size_t bytes_to_device = 0;
    size_t bytes_of_buffers = 0;
    int buffers = 0;
    int kernels = 0;
    int loads = 0;
    ~Counters() {
        std::cerr << "stub: loads " << loads << ", buffers " << bytes_of_buffers << ", to device " << bytes_to_device
                  << "\n";
    }
};
inline Counters counters;

struct uuid {};

class device {
  public:
    explicit device(int) {}
    uuid load_xclbin(const std::string &path) {
        if (counters.kernels != 0 || counters.buffers != 0) throw std::runtime_error("stub: the old design is in use");
        ++counters.loads;
        std::ifstream file(path);
        std::string prefix, library;
        while (file >> prefix >> library) {
            void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
            if (handle == nullptr) throw std::runtime_error(dlerror());
            libraries_.emplace_back(prefix == "-" ? "" : prefix, handle);
        }
        return {};
    }
    // The library and the function of a kernel.
    std::pair<void *, void *> find(const std::string &kernel) const {
        for (const auto &[prefix, handle] : libraries_) {
            if (kernel.compare(0, prefix.size(), prefix) != 0) continue;
            void *function = dlsym(handle, ("st_call_" + kernel.substr(prefix.size())).c_str());
            if (function != nullptr) return {handle, function};
        }
        throw std::runtime_error("stub: no kernel " + kernel);
    }

  private:
    std::vector<std::pair<std::string, void *>> libraries_;
};

}  // namespace xrt
