# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""link/floorplan.tcl: the die of each task, as constraints for the place-and-route tool."""

from __future__ import annotations

from streamtensor.dialects.dataflow import ExternKernelOp, KernelOp, TaskOp
from streamtensor.ir.builtin import IntegerAttr, ModuleOp

DIE = "dataflow.die"

_HEAD = """# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Which die each task of the design lies on (place-tasks). Run before placement, for example with
#   v++ -l ... --vivado.prop run.impl_1.STEPS.PLACE_DESIGN.TCL.PRE=$(pwd)/floorplan.tcl
# The names of the regions are those of the platform's shell; tasks that the tool has inlined are left out.
proc place_task {kernel task die} {
  set cells [get_cells -quiet -hierarchical -filter "NAME =~ */${kernel}*/${task}_U0"]
  if {[llength $cells] > 0} {
    add_cells_to_pblock [get_pblocks pblock_dynamic_SLR${die}] $cells
  }
}"""


def emit_floorplan(module: ModuleOp) -> dict[str, str]:
    """`link/floorplan.tcl`, when the tasks of the module have dies."""
    lines: list[str] = []
    for kernel in [op for op in module.walk() if isinstance(op, KernelOp)]:
        for task in [op for op in kernel.body.block.ops if isinstance(op, TaskOp | ExternKernelOp)]:
            die = task.attributes.get(DIE)
            if isinstance(die, IntegerAttr):
                lines.append(f"place_task {kernel.kernel_name} {task.task_name} {die.value.data}")
    return {"link/floorplan.tcl": "\n".join([_HEAD, *lines]) + "\n"} if lines else {}
