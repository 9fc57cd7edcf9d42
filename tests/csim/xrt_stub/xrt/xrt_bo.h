// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory on both sides, as two arrays: what is not synchronised is not seen. Filled with ones, so that nobody relies on
// zeros.
#pragma once

#include <memory>

#include "xrt_device.h"

enum xclBOSyncDirection { XCL_BO_SYNC_BO_TO_DEVICE, XCL_BO_SYNC_BO_FROM_DEVICE };

namespace xrt {

class bo {
  public:
    bo() = default;
    bo(const device &, size_t bytes, int group) {
        if (group < 0) throw std::runtime_error("stub: a buffer has no memory bank");
        sides_ = std::make_shared<Sides>(bytes);
    }
    template <class T>
    T map() {
        return reinterpret_cast<T>(sides_->host.data());
    }
    void sync(xclBOSyncDirection direction) { sync(direction, sides_->host.size(), 0); }
    void sync(xclBOSyncDirection direction, size_t size, size_t offset) {
        if (offset + size > sides_->host.size()) throw std::runtime_error("stub: a transfer behind the end of a buffer");
        if (direction == XCL_BO_SYNC_BO_TO_DEVICE) {
            counters.bytes_to_device += size;
            std::memcpy(sides_->device.data() + offset, sides_->host.data() + offset, size);
        } else {
            std::memcpy(sides_->host.data() + offset, sides_->device.data() + offset, size);
        }
    }
    void *on_device() const { return sides_->device.data(); }

  private:
    struct Sides {
        explicit Sides(size_t bytes) : host(bytes, '\xff'), device(bytes, '\xff') {
            ++counters.buffers;
            counters.bytes_of_buffers += bytes;
        }
        ~Sides() { --counters.buffers; }
        std::vector<char> host, device;
    };
    std::shared_ptr<Sides> sides_;
};

}  // namespace xrt
