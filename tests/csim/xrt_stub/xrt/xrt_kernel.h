// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A launch is a call of the C simulation.
#pragma once

#include "xrt_bo.h"

namespace xrt {

class kernel {
  public:
    kernel() = default;
    kernel(const device &device, const uuid &, const std::string &name) : use_(std::make_shared<Use>()) {
        auto [library, function] = device.find(name);
        function_ = reinterpret_cast<void (*)(void **)>(function);
        configure_ = reinterpret_cast<void (*)(int, int, const char *)>(dlsym(library, "st_csim_configure"));
        call_ = reinterpret_cast<int (*)(void (*)(void **), void **)>(dlsym(library, "st_csim_call"));
    }
    int group_id(int) const { return 0; }

  private:
    friend class run;
    struct Use {
        Use() { ++counters.kernels; }
        ~Use() { --counters.kernels; }
    };
    std::shared_ptr<Use> use_;
    void (*function_)(void **) = nullptr;
    void (*configure_)(int, int, const char *) = nullptr;
    int (*call_)(void (*)(void **), void **) = nullptr;
};

class run {
  public:
    explicit run(const kernel &kernel) : kernel_(kernel) {}
    void set_arg(int number, const bo &buffer) { argument(number) = buffer.on_device(); }
    void set_arg(int number, int value) {
        scalars_[number] = value;
        argument(number) = &scalars_[number];
    }
    void start() {
        kernel_.configure_(1, 0, "");
        if (kernel_.call_(kernel_.function_, arguments_.data()) != 0) throw std::runtime_error("stub: a launch failed");
    }
    void wait() {}

  private:
    void *&argument(int number) {
        if (arguments_.size() <= static_cast<size_t>(number)) arguments_.resize(static_cast<size_t>(number) + 1);
        return arguments_[static_cast<size_t>(number)];
    }
    kernel kernel_;
    std::map<int, int> scalars_;
    std::vector<void *> arguments_;
};

}  // namespace xrt
