# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the kernels of a program become one bitstream: memory channels, dies, and the tool's command lines."""

from streamtensor.codegen.link.channels import Channels, assign_channels
from streamtensor.codegen.link.files import emit_link
from streamtensor.codegen.link.floorplan import emit_floorplan

__all__ = ["Channels", "assign_channels", "emit_floorplan", "emit_link"]
