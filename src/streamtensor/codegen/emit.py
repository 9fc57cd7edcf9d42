# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""All text that a compiled program consists of, from its stream-level module."""

from __future__ import annotations

from streamtensor.codegen.hls.csim_glue import emit_csim_glue
from streamtensor.codegen.hls.emit import emit_hls
from streamtensor.codegen.host.functions import emit_host_functions
from streamtensor.codegen.host.program import derive_program
from streamtensor.codegen.host.xrt import emit_xrt_host
from streamtensor.codegen.link import emit_floorplan, emit_link
from streamtensor.codegen.step_programs import emit_step_programs
from streamtensor.ir.builtin import ModuleOp
from streamtensor.targets import Device


def emit_code(module: ModuleOp, device: Device | None = None) -> dict[str, str]:
    """Relative path -> text of the hls/, host/, csim/ and (for a known device) link/ and graphs/ folders and of
    program.json.

    The same module and device always give the same text. Raises UserError ST0306 for what has no C++.
    """
    program = derive_program(module, device)
    link = {**emit_link(program, device), **emit_floorplan(module)} if device is not None else {}
    graphs = emit_step_programs(module, device) if device is not None else {}
    return {
        **emit_hls(module, device),
        **emit_host_functions(module),
        **emit_xrt_host(program),
        **link,
        **graphs,
        **emit_csim_glue(module),
        "program.json": program.to_text(),
    }
