# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles the cycle simulator when the package is installed or a wheel is made."""

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeCore(BuildHookInterface[Any]):
    """Without a compiler the package is made all the same, and compiles the simulator on first use."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Puts the library among the package's files; a wheel with it is for this platform only."""
        sys.path.insert(0, str(Path(self.root) / "src"))
        from streamtensor.diagnostics import UserError
        from streamtensor.timing import native_library

        try:
            library = native_library.install()
        except UserError as error:
            self.app.display_warning(f"{error}; it will be compiled on first use")
            return
        build_data["artifacts"].append(library.relative_to(self.root).as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
