# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a C library writes to standard output is kept back, and only that, and only meanwhile."""

import ctypes
import os

import pytest

from streamtensor.algebra.silence import silence


def test_lines_of_c_are_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    c_library = ctypes.CDLL(None)
    c_library.puts(b"before")
    with silence():
        c_library.puts(b"meanwhile")
        os.write(1, b"past the buffer")
        os.write(2, b"an error")
    c_library.puts(b"after")
    c_library.fflush(None)
    out, err = capfd.readouterr()
    assert out == "before\nafter\n"
    assert err == "an error"


def test_after_an_error_too(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), silence():
        raise ZeroDivisionError
    os.write(1, b"after")
    assert capfd.readouterr().out == "after"
