# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls a design in a C simulation library with numpy arrays."""

import ctypes
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.diagnostics import InternalError, UserError, did_you_mean
from streamtensor.simulate.csim.report import BlockedTask, DeadlockWitness, FifoReport, Mode, RegionReport, TaskReport
from streamtensor.simulate.csim.trace import write_index

_DEADLOCK = 1
_MAX_DEPTH = 2**62

# A library has one scheduler, however often it is opened: one call at a time.
_locks: dict[Path, threading.Lock] = {}
_locks_guard = threading.Lock()


class Library:
    """A library made by `build`. Calls from several threads wait for one another; other libraries run beside it."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path).resolve()
        if not self.path.is_file():
            raise UserError("ST0606", f"no such C simulation library: {self.path}")
        try:
            self._dll = ctypes.CDLL(str(self.path))
            self._dll.st_csim_report.restype = ctypes.c_char_p
            self._dll.st_csim_configure.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p]
            self._dll.st_csim_set_depth.argtypes = [ctypes.c_char_p, ctypes.c_ulonglong]
            self._dll.st_csim_call.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
        except (OSError, AttributeError) as error:
            raise UserError("ST0606", f"not a C simulation library: {self.path}", notes=[str(error)]) from error
        with _locks_guard:
            self._lock = _locks.setdefault(self.path, threading.Lock())

    def call(
        self,
        symbol: str,
        arrays: Sequence[npt.NDArray[Any]],
        *,
        mode: Mode = "bounded",
        depths: Mapping[str, int] | int | None = None,
        hashes: bool = False,
        trace: Path | None = None,
    ) -> RegionReport:
        """Runs the design whose wrapper is `st_call_<symbol>` (the prefix may be given too) on `arrays`, in place.

        The arrays are the arguments of the top function in order: C-contiguous, of the element types that the design
        expects (not checked here). Bounded mode runs all tasks at once with FIFOs of their depths and finds deadlocks;
        unbounded mode runs the tasks one after the other, as the vendor's C simulation does.

        `depths` replaces depths: one number for all FIFOs, or a number for each name. `hashes` asks for a hash per
        FIFO. `trace` is a folder for the raw tokens of every FIFO (see `read_trace`); it includes hashes.

        Raises UserError: ST0606 unknown symbol, ST0607 an array or depth that cannot be used, ST0603 an error of the
        design (tokens left over, read of an empty FIFO), ST0608 a trace that cannot be written.
        """
        if mode not in ("bounded", "unbounded"):
            raise UserError(
                "ST0607", f"no mode '{mode}' of C simulation", hint=did_you_mean(mode, ("bounded", "unbounded"))
            )
        function = self._function(symbol)
        pointers = _pointers(symbol, arrays)
        by_name, everywhere = _check_depths(depths)
        if trace is not None:
            _prepare_folder(trace)
        with self._lock:
            self._dll.st_csim_configure(mode == "bounded", hashes, os.fsencode(trace or ""))
            if everywhere is not None:
                self._dll.st_csim_set_depth(b"", int(everywhere))
            for fifo, depth in by_name.items():
                self._dll.st_csim_set_depth(fifo.encode(), int(depth))
            status: int = self._dll.st_csim_call(function, pointers)
            report: dict[str, Any] = json.loads(self._dll.st_csim_report())
        if report["status"] == "error":
            raise _design_error(symbol, report)
        if trace is not None:
            write_index(trace, {fifo["name"]: fifo["token_bytes"] for fifo in report["fifos"]})
        result = _read_report(symbol, mode, report)
        if (status == _DEADLOCK) != (result.deadlock is not None):
            raise InternalError(f"C simulation of {symbol} returned {status} with status {report['status']}")
        known = [fifo.name for fifo in result.fifos]
        unknown = [fifo for fifo in by_name if fifo not in known]
        # After a deadlock a FIFO of an inner region may not exist yet.
        if unknown and result.deadlock is None:
            raise UserError(
                "ST0607",
                f"{symbol} has no FIFO '{unknown[0]}' to set the depth of",
                hint=did_you_mean(unknown[0], known),
            )
        return result

    def _function(self, symbol: str) -> ctypes.c_void_p:
        name = symbol if symbol.startswith("st_call_") else f"st_call_{symbol}"
        try:
            return ctypes.cast(getattr(self._dll, name), ctypes.c_void_p)
        except AttributeError:
            raise UserError("ST0606", f"{self.path.name} has no function {name}") from None


def _pointers(symbol: str, arrays: Sequence[npt.NDArray[Any]]) -> "ctypes.Array[ctypes.c_void_p]":
    for i, array in enumerate(arrays):
        if not isinstance(array, np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UserError("ST0607", f"argument {i} of {symbol} is a {type(array).__name__}, not a numpy array")
        if not array.flags.c_contiguous:
            raise UserError(
                "ST0607", f"argument {i} of {symbol} is not C-contiguous", hint="numpy.ascontiguousarray makes it so"
            )
        if array.dtype.hasobject or not array.dtype.isnative:
            raise UserError("ST0607", f"argument {i} of {symbol} has element type {array.dtype}, which C++ cannot read")
    return (ctypes.c_void_p * max(1, len(arrays)))(*(array.ctypes.data for array in arrays))


def _check_depths(depths: Mapping[str, int] | int | None) -> tuple[Mapping[str, int], int | None]:
    by_name: Mapping[str, int] = depths if isinstance(depths, Mapping) else {}
    everywhere = None if depths is None or isinstance(depths, Mapping) else depths
    named = [*by_name.items(), *([] if everywhere is None else [("every FIFO", everywhere)])]
    for fifo, depth in named:
        if not 1 <= depth <= _MAX_DEPTH:
            raise UserError("ST0607", f"the depth of {fifo} is {depth}; a FIFO has at least one slot")
    return by_name, everywhere


def _prepare_folder(trace: Path) -> None:
    try:
        trace.mkdir(parents=True, exist_ok=True)
        for old in trace.glob("*.bin"):  # files are appended to
            old.unlink()
    except OSError as error:
        raise UserError("ST0608", f"cannot write the token trace {trace}", notes=[str(error)]) from error


def _design_error(symbol: str, report: Mapping[str, Any]) -> UserError:
    lines: list[str] = report["text"].splitlines() or ["no message"]
    if report["code"] == "ST0608":
        return UserError("ST0608", lines[0])
    hint = ""
    if not report["bounded"] and "empty" in lines[0]:
        hint = "unbounded mode runs the tasks in the order of their calls; a design with feedback needs bounded mode"
    return UserError(report["code"], f"C simulation of {symbol} failed: {lines[0]}", notes=lines[1:], hint=hint)


def _read_report(symbol: str, mode: Mode, report: Mapping[str, Any]) -> RegionReport:
    deadlock = None
    if report["status"] == "deadlock":
        blocked = tuple(BlockedTask(**task) for task in report["blocked"])
        deadlock = DeadlockWitness(blocked, tuple(blocked[i] for i in report["cycle"]))
    fifos = tuple(
        FifoReport(
            name=fifo["name"],
            width_bits=fifo["width_bits"],
            depth=fifo["depth"] if report["bounded"] else None,
            tokens=fifo["tokens"],
            tokens_read=fifo["tokens_read"],
            high_water=fifo["high_water"],
            hash=f"{fifo['hash']:016x}" if report["hashes"] else None,
        )
        for fifo in report["fifos"]
    )
    return RegionReport(symbol, mode, deadlock, fifos, tuple(TaskReport(**task) for task in report["tasks"]))
