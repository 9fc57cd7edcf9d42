# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The hls/ folder of a design."""

from __future__ import annotations

from pathlib import Path

from streamtensor.codegen.design import Design
from streamtensor.codegen.hls.extern import copied_name, source_files, source_folders
from streamtensor.codegen.hls.kernel import emit_kernel, emit_kernel_header
from streamtensor.codegen.hls.vitis_files import hls_config, run_hls
from streamtensor.dialects.dataflow import ExternKernelOp
from streamtensor.ir.builtin import ModuleOp
from streamtensor.targets import Device

_PACKAGE = Path(__file__).resolve().parents[2]
_HEADERS = (
    _PACKAGE / "codegen" / "hls" / "support" / "streamtensor_ops.h",
    # The runtime's own: in C simulation it makes fibers out of tasks, for synthesis it makes plain calls.
    _PACKAGE / "simulate" / "csim" / "include" / "streamtensor_dataflow.h",
)


def emit_hls(module: ModuleOp, device: Device | None = None) -> dict[str, str]:
    """Relative path -> text of every file below hls/ for a stream-level module.

    The same module and device always give the same text. Raises UserError ST0306 for what has no C++.
    """
    design = Design.of(module)
    files = {f"hls/{header.name}": header.read_text(encoding="utf-8") for header in _HEADERS}
    externs = [op for kernel in design.kernels for op in kernel.walk() if isinstance(op, ExternKernelOp)]
    folders = source_folders(externs)
    files |= {f"hls/{path}": text for path, text in source_files(externs).items()}
    for kernel in design.kernels:
        name = design.names[kernel]
        used = [op.source.data for op in kernel.walk() if isinstance(op, ExternKernelOp)]
        sources = [copied_name(folders[source], Path(source)) for source in dict.fromkeys(used)]
        files[f"hls/{name}.h"] = emit_kernel_header(kernel, name)
        files[f"hls/{name}.cpp"] = emit_kernel(kernel, name, device)
        files[f"hls/{name}/hls_config.cfg"] = hls_config(name, device, sources)
        files[f"hls/{name}/run_hls.tcl"] = run_hls(name, device, sources)
    return files
