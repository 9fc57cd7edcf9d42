# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the native core comes from: compiled at installation, else on first use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.timing import native_library


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of what was compiled at installation, empty."""
    folder = tmp_path / "built"
    monkeypatch.setattr(native_library, "_INSTALLED", folder)
    monkeypatch.setenv("STREAMTENSOR_CACHE", str(tmp_path / "cache"))
    native_library.load.cache_clear()
    yield folder
    native_library.load.cache_clear()


@pytest.mark.needs("g++")
def test_what_was_compiled_at_installation_needs_no_compiler(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package.mkdir()
    (package / "timing-of-other-sources.so").write_bytes(b"")
    library = native_library.install()
    assert list(package.iterdir()) == [library]
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert native_library.load()["st_sim_new"]


@pytest.mark.needs("g++")
def test_a_library_of_other_sources_is_not_taken(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    native_library.install()
    sources = tmp_path / "native"
    sources.mkdir()
    (sources / "one.cpp").write_text('extern "C" int st_one() { return 1; }')
    monkeypatch.setattr(native_library, "_SOURCES", sources)
    assert native_library.load()["st_one"]() == 1
    assert native_library.core().library.parent == tmp_path / "cache"


def test_neither_compiled_nor_a_compiler(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match="ST0701") as caught:
        native_library.load()
    assert "no-such-compiler" in str(caught.value)
