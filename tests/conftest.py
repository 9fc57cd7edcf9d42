# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What all tests share: tools that may be absent, golden texts, hypothesis profiles."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
GOLDEN = Path(__file__).parent / "golden"

# Slow machines must not fail a property, and CI must give the same answer twice.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if IN_CI else "local")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --update-golden."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden texts instead of comparing")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose tools are absent; in CI it fails."""
    for marker in item.iter_markers("needs"):
        absent = [tool for tool in marker.args if shutil.which(str(tool)) is None]
        if absent:
            reason = f"not on the PATH: {', '.join(absent)}"
            if IN_CI:
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the file of that name in tests/golden, or writes it with --update-golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        assert path.exists(), f"tests/golden/{name} is missing; run pytest with --update-golden and read the difference"
        assert text == path.read_text(encoding="utf-8")

    return check
