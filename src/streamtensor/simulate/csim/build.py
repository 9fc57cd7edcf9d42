# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Emitted C++ and the simulation runtime -> one shared library; only what changed is compiled, in parallel."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from streamtensor.diagnostics import UserError

_HERE = Path(__file__).resolve().parent

INCLUDE_DIR = _HERE / "include"
"""The folder that stands in for the vendor's headers."""

DATAFLOW_HEADER = INCLUDE_DIR / "streamtensor_dataflow.h"
"""The one header that emitted code needs beside the vendor's; it belongs into the hls/ folder of a design."""

# Optimising the second one would double its compile time and change nothing that can be measured.
_RUNTIME: tuple[tuple[Path, tuple[str, ...]], ...] = (
    (_HERE / "runtime" / "engine.cpp", ()),
    (_HERE / "runtime" / "records.cpp", ("-O1",)),
)

# -fwrapv: integers wrap as in the IR. -ffp-contract=off: a host with fused multiply-add gives the same floats as one
# without.
_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-fwrapv", "-ffp-contract=off", "-Wno-unknown-pragmas", "-DST_CSIM")
_KEPT_LIBRARIES = 4
_SHOWN_LINES = 12


@dataclass(frozen=True)
class _Compiler:
    command: tuple[str, ...]
    identity: str
    """Changes when the compiler does; found without starting it."""


def build(
    sources: Sequence[Path],
    out_dir: Path,
    *,
    include_dirs: Sequence[Path] = (),
    defines: Sequence[str] = (),
    name: str = "csim",
) -> Path:
    """Compiles `sources` and the runtime into `out_dir/<name>-<hash>.so` and returns that path.

    The compiler is `$CXX`, else g++, clang++ or c++, whichever is found first. `defines` are `NAME` or `NAME=VALUE`
    (`ST_NATIVE_INT` for native integers). The hash covers every source and header that was read, the options and
    the compiler: with nothing changed no compiler is started, and a changed library has a new name, because a process
    that has loaded a file under one name never loads another one under it.

    Raises UserError ST0601 without a compiler, ST0602 when a source is rejected.
    """
    compiler = _find_compiler()
    includes = (INCLUDE_DIR, *(Path(folder).resolve() for folder in include_dirs))
    flags = (*_FLAGS, *(f"-D{define}" for define in defines), *(f"-I{folder}" for folder in includes))
    # The same runtime for every build in this folder: it sees no define but its own.
    own = [f"-D{define}" for define in defines if define.startswith("ST_CSIM")]
    units = [(source, (*_FLAGS, *extra, *own, f"-I{INCLUDE_DIR}")) for source, extra in _RUNTIME]
    units += [(Path(source).resolve(), flags) for source in sources]
    for source, _ in units:
        if not source.is_file():
            raise UserError("ST0101", f"no such source file: {source}")
    out_dir.mkdir(parents=True, exist_ok=True)
    objects_dir = out_dir / "objects"
    objects_dir.mkdir(exist_ok=True)

    objects = [_Object.of(source, objects_dir, compiler, options) for source, options in units]
    # The runtime first: a long compilation that starts last would leave the other processors idle.
    stale = [one for one in objects if not one.is_fresh()]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        failures = [log for log in pool.map(_Object.compile, stale) if log]
    if failures:
        raise _compile_error(failures, out_dir / f"{name}-build.log")

    digest = hashlib.sha256(compiler.identity.encode())
    for one in objects:
        digest.update(one.content_hash().encode())
    library = out_dir / f"{name}-{digest.hexdigest()[:16]}.so"
    if not library.exists():
        _link(compiler, objects, library, out_dir / f"{name}-build.log")
    library.touch()
    _forget_old(library, name)
    return library


def _find_compiler() -> _Compiler:
    wanted = os.environ.get("CXX", "").strip()
    candidates = [wanted] if wanted else ["g++", "clang++", "c++"]
    for candidate in candidates:
        command = shlex.split(candidate)
        path = shutil.which(command[0])
        if path is None:
            continue
        real = Path(path).resolve()
        stat = real.stat()
        return _Compiler((path, *command[1:]), f"{candidate} {real} {stat.st_size} {stat.st_mtime_ns}")
    looked_for = f"'{wanted}' (from the environment variable CXX)" if wanted else ", ".join(candidates)
    raise UserError(
        "ST0601",
        f"no C++ compiler: looked for {looked_for} on the PATH",
        hint="install g++ (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++) or set CXX to a compiler",
    )


@dataclass(frozen=True)
class _Object:
    """One translation unit: its object file, and beside it a record of everything that went into it."""

    source: Path
    path: Path
    command: tuple[str, ...]
    compiler: _Compiler

    @staticmethod
    def of(source: Path, folder: Path, compiler: _Compiler, flags: Sequence[str]) -> "_Object":
        # The options are part of the name, so that two builds of one source live side by side.
        key = hashlib.sha256("\0".join([str(source), *flags]).encode()).hexdigest()[:12]
        return _Object(source, folder / f"{source.stem}-{key}.o", tuple(flags), compiler)

    @property
    def _record(self) -> Path:
        return self.path.with_suffix(".json")

    def is_fresh(self) -> bool:
        if not self.path.exists():
            return False
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            return record["compiler"] == self.compiler.identity and all(
                _file_hash(Path(file)) == digest for file, digest in record["inputs"].items()
            )
        except (OSError, ValueError, KeyError):
            return False

    def content_hash(self) -> str:
        return _file_hash(self.path)

    def compile(self) -> str:
        """Compiles; returns what the compiler said when it failed, else ''."""
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        dependencies = self.path.with_suffix(f".{os.getpid()}.d")
        command = [*self.compiler.command, *self.command, "-MMD", "-MF", str(dependencies)]
        command += ["-c", str(self.source), "-o", str(temporary)]
        try:
            outcome = _run(command)
            if outcome.returncode != 0:
                return _log_of(command, outcome)
            record = {
                "compiler": self.compiler.identity,
                "inputs": {file: _file_hash(Path(file)) for file in _make_dependencies(dependencies)},
            }
            # The record last: an object without its record is compiled again.
            self._record.unlink(missing_ok=True)
            temporary.replace(self.path)
            _write_atomically(self._record, json.dumps(record, indent=1))
            return ""
        finally:
            temporary.unlink(missing_ok=True)
            dependencies.unlink(missing_ok=True)


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    # Messages in English, so that "error:" can be looked for.
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)


def _log_of(command: Sequence[str], outcome: "subprocess.CompletedProcess[str]") -> str:
    return f"$ {shlex.join(command)}\n{outcome.stderr or outcome.stdout or 'no message'}\n"


def _make_dependencies(path: Path) -> list[str]:
    """The files of a `target: file file ...` rule with continued lines and escaped spaces."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    rule = text.split(": ", 1)[1]
    return [part.replace("\0", " ") for part in rule.replace("\\ ", "\0").split()]


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _link(compiler: _Compiler, objects: Sequence[_Object], library: Path, log: Path) -> None:
    temporary = library.with_name(f"{library.name}.{os.getpid()}.tmp")
    command = [*compiler.command, "-shared", "-o", str(temporary), *(str(one.path) for one in objects)]
    try:
        outcome = _run(command)
        if outcome.returncode != 0:
            raise _compile_error([_log_of(command, outcome)], log)
        temporary.replace(library)
    finally:
        temporary.unlink(missing_ok=True)


def _forget_old(library: Path, name: str) -> None:
    """Removes all but the newest libraries of this name. One that a process has loaded stays usable for it."""
    hash_pattern = "[0-9a-f]" * 16
    others = [path for path in library.parent.glob(f"{name}-{hash_pattern}.so") if path != library]
    others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in others[_KEPT_LIBRARIES - 1 :]:
        path.unlink(missing_ok=True)


def _compile_error(failures: Sequence[str], log: Path) -> UserError:
    _write_atomically(log, "\n".join(failures))
    said = failures[0].splitlines()[1:]
    # What stands before the first error is where it was included from.
    first = next(
        (i for i, line in enumerate(said) if re.search(r"\berror:|multiple definition|undefined reference", line)), 0
    )
    return UserError(
        "ST0602",
        f"the C++ compiler rejected {len(failures)} file{'s' if len(failures) > 1 else ''}",
        notes=(*said[first : first + _SHOWN_LINES], f"all of it: {log}"),
    )
