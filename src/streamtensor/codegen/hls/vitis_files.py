# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What starts the synthesis of one kernel: a configuration file for the new tool flow, a Tcl script for the old one."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.targets import Device

_FALLBACK_PART = "xcu55c-fsvh2892-2L-e"
_FALLBACK_MHZ = 250.0


def hls_config(kernel: str, device: Device | None, sources: Sequence[str] = ()) -> str:
    """`hls_config.cfg` for `v++ -c --mode hls`; paths are relative to its own folder.

    `sources` are further C++ files, as paths below hls/.
    """
    part, period = _target(device)
    return "\n".join(
        [
            "# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception",
            f"part={part}",
            "",
            "[hls]",
            "flow_target=vitis",
            f"clock={period}ns",
            f"syn.top={kernel}",
            f"syn.file=../{kernel}.cpp",
            *(f"syn.file=../{source}" for source in sources),
            "syn.cflags=-I..",
            "package.output.format=xo",
            "package.output.syn=false",
            f"package.output.file={kernel}.xo",
            "",
        ]
    )


def run_hls(kernel: str, device: Device | None, sources: Sequence[str] = ()) -> str:
    """`run_hls.tcl` for `vitis_hls -f`; it is started in its own folder. `sources` as for `hls_config`."""
    part, period = _target(device)
    return "\n".join(
        [
            "# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception",
            f"open_project -reset {kernel}_prj",
            f"set_top {kernel}",
            f"add_files ../{kernel}.cpp -cflags -I..",
            *(f"add_files ../{source} -cflags -I.." for source in sources),
            "open_solution -reset solution -flow_target vitis",
            f"set_part {part}",
            f"create_clock -period {period} -name default",
            "csynth_design",
            f"export_design -format xo -output {kernel}.xo",
            "exit",
            "",
        ]
    )


def _target(device: Device | None) -> tuple[str, str]:
    mhz = device.clock_mhz if device else _FALLBACK_MHZ
    return (device.part if device else _FALLBACK_PART), f"{1000 / mhz:g}"
