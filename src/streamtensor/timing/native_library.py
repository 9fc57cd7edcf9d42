# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The native core: compiled when the package is installed, and beside the package then.

Where that was not possible, or the sources have changed since, it is compiled on first use and kept in the user's cache
folder. Either way its name comes from its content, so that no other version is ever loaded.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streamtensor.diagnostics import UserError

_SOURCES = Path(__file__).resolve().parent / "native"
_INSTALLED = Path(__file__).resolve().parent / "built"
_FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-fno-exceptions", "-fno-rtti")
_SHOWN_LINES = 12


@dataclass(frozen=True)
class Core:
    """The compiler's command, the sources, and the library that it makes of them; it may not be there yet."""

    command: tuple[str, ...]
    sources: tuple[Path, ...]
    library: Path


def core() -> Core:
    """The native core in the user's cache, for `$CXX`, else g++, clang++ or c++.

    Raises UserError ST0701 without a compiler.
    """
    command, identity = _compiler()
    return Core(tuple(command), _to_compile(), cache_folder() / f"timing-{_digest(identity)}.so")


def installed() -> Path:
    """Where the library that was compiled at installation is; it may not be there."""
    return _INSTALLED / f"timing-{_digest()}.so"


def install() -> Path:
    """Compiles the library into the package's folder, and removes what other sources have left there.

    Raises UserError ST0701 without a compiler, or when it rejects the sources.
    """
    command, _ = _compiler()
    library = installed()
    library.parent.mkdir(exist_ok=True)
    for old in library.parent.glob("*.so"):
        if old != library:
            old.unlink()
    _compile(command, _to_compile(), library)
    return library


def _to_compile() -> tuple[Path, ...]:
    return tuple(sorted(_SOURCES.glob("*.cpp")))


def _digest(compiler: str = "") -> str:
    digest = hashlib.sha256("\0".join((compiler, *_FLAGS)).encode())
    for source in sorted(_SOURCES.iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def load() -> ctypes.CDLL:
    """The native core, compiled where that has not been done before.

    Raises UserError ST0701 when it has to be compiled without a compiler, or a compiler rejects the sources.
    """
    if installed().exists():
        return ctypes.CDLL(str(installed()))
    found = core()
    if not found.library.exists():
        _compile(found.command, found.sources, found.library)
    return ctypes.CDLL(str(found.library))


def available() -> bool:
    """Whether there is a native core on this machine; without one, only what is written in Python can run."""
    try:
        load()
    except UserError:
        return False
    return True


def _compiler() -> tuple[list[str], str]:
    """The compiler's command, and a text that changes when the compiler does."""
    wanted = os.environ.get("CXX", "").strip()
    candidates = [wanted] if wanted else ["g++", "clang++", "c++"]
    for candidate in candidates:
        program, *options = shlex.split(candidate)
        path = shutil.which(program)
        if path is not None:
            stat = Path(path).resolve().stat()
            return [path, *options], f"{candidate} {Path(path).resolve()} {stat.st_size} {stat.st_mtime_ns}"
    raise UserError(
        "ST0701",
        f"the cycle simulator needs a C++ compiler once: looked for {', '.join(candidates)} on the PATH",
        hint="install g++ (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++) or set CXX to a compiler",
    )


def cache_folder() -> Path:
    """`$STREAMTENSOR_CACHE`, else the platform's folder for caches of this user, else a private temporary one."""
    chosen = os.environ.get("STREAMTENSOR_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(
        Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    )
    folder = Path(chosen) if chosen else Path(base) / "streamtensor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return _private_folder()


@functools.cache
def _private_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="streamtensor-"))


def _compile(command: Sequence[str], sources: Sequence[Path], library: Path) -> None:
    # Under a name of its own until it is complete: another process may build the same library at the same time.
    with tempfile.NamedTemporaryFile(dir=library.parent, prefix=library.stem, suffix=".tmp", delete=False) as temporary:
        unfinished = Path(temporary.name)
    try:
        outcome = subprocess.run(
            [*command, *_FLAGS, "-o", str(unfinished), *map(str, sources)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
        if outcome.returncode:
            raise UserError(
                "ST0701",
                f"'{shlex.join(command)}' can't compile the cycle simulator",
                notes=(outcome.stderr or outcome.stdout).splitlines()[:_SHOWN_LINES],
            )
        unfinished.chmod(0o755)
        unfinished.replace(library)
    finally:
        unfinished.unlink(missing_ok=True)
