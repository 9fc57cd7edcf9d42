# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a person attaches to a report of a fault in the compiler."""

import hashlib
import importlib.metadata
import json
import platform
import shlex
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

_LIBRARIES = ("streamtensor", "torch", "torch-mlir", "transformers", "xdsl", "numpy", "scipy", "click", "rich")


def versions() -> dict[str, str]:
    """The versions of Python, the operating system and the libraries that decide what the compiler does."""
    result = {"python": platform.python_version(), "system": platform.platform()}
    for name in _LIBRARIES:
        try:
            result[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            result[name] = "absent"
    return result


def write_bundle(
    error: BaseException, command: Sequence[str], ir_files: Sequence[Path] = (), parent: Path | None = None
) -> Path:
    """Writes `streamtensor-bug-<hash>/` below `parent` (the current folder) and returns its path.

    It holds `report.json`: the traceback, versions, the command line and the names (not the contents) of the IR files
    involved. The hash is that of the traceback, so that the same fault makes the same folder. Where the folder
    cannot be written, it goes to the system's temporary folder.
    """
    text = "".join(traceback.format_exception(error))
    name = f"streamtensor-bug-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    report = {
        "error": f"{type(error).__name__}: {error}",
        "command": shlex.join(command),
        "versions": versions(),
        "ir_files": [str(path) for path in ir_files],
        "traceback": text.splitlines(),
    }
    content = json.dumps(report, indent=2) + "\n"
    try:
        return _write(parent or Path.cwd(), name, content)
    except OSError:
        return _write(Path(tempfile.gettempdir()), name, content)


def _write(parent: Path, name: str, content: str) -> Path:
    folder = parent / name
    folder.mkdir(exist_ok=True)
    (folder / "report.json").write_text(content, encoding="utf-8")
    return folder
