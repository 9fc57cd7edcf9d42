# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The link/ folder: connectivity of the kernels and a Makefile."""

from __future__ import annotations

from streamtensor.codegen.host.program import Program
from streamtensor.codegen.link.channels import assign_channels
from streamtensor.targets import Device

_HEAD = "# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"


def emit_link(program: Program, device: Device) -> dict[str, str]:
    """`link/connectivity.cfg` and `link/Makefile`. One compute unit per kernel, dies in turn."""
    return {"link/connectivity.cfg": _connectivity(program, device), "link/Makefile": _makefile(program, device)}


def _connectivity(program: Program, device: Device) -> str:
    channels = assign_channels(program, device)
    lines = [_HEAD, "[connectivity]"]
    lines += [f"nk={kernel.name}:1:{kernel.name}" for kernel in program.kernels]
    for kernel in program.kernels:
        for operand in kernel.operands:
            lines.append(f"sp={kernel.name}.{operand.name}:{channels.text((kernel.name, operand.bundle))}")
    # Equal shares of a program's kernels in program order: neighbours mostly meet on one die.
    count = len(program.kernels)
    lines += [f"slr={kernel.name}:SLR{number * device.dies // count}" for number, kernel in enumerate(program.kernels)]
    return "\n".join(lines) + "\n"


def _makefile(program: Program, device: Device) -> str:
    kernels = " \\\n  ".join(f"{kernel.name}.xo" for kernel in program.kernels)
    return f"""{_HEAD}
# Needs Vitis (v++) and XRT on the machine: source their settings first.
PLATFORM ?= {device.platform}
TARGET ?= hw
FREQUENCY_HZ ?= {round(device.clock_mhz * 1e6)}

KERNELS := \\
  {kernels}

.PHONY: all clean
all: design.xclbin host

%.xo: ../hls/%.cpp
\tv++ -c -t $(TARGET) --platform $(PLATFORM) --hls.clock $(FREQUENCY_HZ):$* -k $* -I../hls -o $@ $<

design.xclbin: $(KERNELS) connectivity.cfg
\tv++ -l -t $(TARGET) --platform $(PLATFORM) --config connectivity.cfg -o $@ $(KERNELS)

host: ../host/host.cpp ../host/runtime.h ../host/program.h ../host/host_functions.cpp
\t$(CXX) -std=c++17 -O2 -I../hls -I$(XILINX_XRT)/include -o $@ $< -L$(XILINX_XRT)/lib -lxrt_coreutil -pthread

clean:
\trm -rf *.xo *.xclbin host _x .Xil
"""
