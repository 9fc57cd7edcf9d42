# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor doctor`: whether this machine has what the compiler needs."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from streamtensor.cli.entry import print_json

VENDOR_TOOLS = {
    "v++": "builds the bitstream from an emitted project",
    "vitis-run": "runs Vitis HLS on an emitted project (2023.2 and later)",
    "vitis_hls": "runs Vitis HLS on an emitted project (before 2023.2)",
    "vivado": "places and routes",
    "xbutil": "talks to a card",
}


@dataclass(frozen=True)
class Check:
    """One line of the answer: what was looked for, whether it is needed and there, and what to do when it is not."""

    name: str
    needed: bool
    ok: bool
    found: str
    advice: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(as_json: bool) -> int:
    """Check this machine: compiler, Python, libraries, vendor tools. Exit code 1 when something needed is missing."""
    checks = [_python(), _compiler(), _tool("make", "apt-get install make"), _native_core(), *_libraries(), *_vendor()]
    ok = all(check.ok for check in checks if check.needed)
    devices = _devices()
    if as_json:
        print_json({"ok": ok, "checks": [asdict(check) for check in checks], "devices": devices})
        return 0 if ok else 1
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "ok     " if check.ok else "MISSING" if check.needed else "absent "
        click.echo(f"{mark}  {check.name:<{width}}  {check.found}")
        if check.advice and not check.ok:
            click.echo(f"{'':<9}{'':<{width}}  {check.advice}")
    click.echo(f"devices  {'':<{width}}{', '.join(devices)}")
    if not any(check.ok for check in checks if check.name in VENDOR_TOOLS):
        click.echo(
            "Without vendor tools: compiling, simulating and verifying work; HLS timing and boards cannot be checked."
        )
    return 0 if ok else 1


def _python() -> Check:
    version = platform.python_version_tuple()
    ok = (int(version[0]), int(version[1])) >= (3, 11)
    return Check("python", True, ok, platform.python_version(), "streamtensor needs Python 3.11 or later")


def _compiler() -> Check:
    name = os.environ.get("CXX") or "g++"
    advice = "C simulation needs it: apt-get install g++, or name another compiler in the variable CXX"
    return _tool(name, advice, label="c++ compiler")


def _native_core() -> Check:
    """The cycle simulator, which is compiled at installation or on first use: nothing is compiled here."""
    from streamtensor.diagnostics import UserError
    from streamtensor.timing import native_library

    name = "cycle simulator"
    if native_library.installed().exists():
        return Check(name, False, True, f"compiled at installation: {native_library.installed()}")
    try:
        core = native_library.core()
    except UserError as error:
        return Check(name, False, False, "not compiled, and no compiler for it", error.hint)
    if core.library.exists():
        return Check(name, False, True, f"compiled: {core.library}")
    return Check(name, False, True, f"not compiled yet: {core.command[0]} makes {core.library} on first use")


def _tool(name: str, advice: str, *, label: str = "", needed: bool = True) -> Check:
    path = shutil.which(name)
    found = f"{name}: {_first_line([path, '--version'])}" if path else f"{name}: not on the PATH"
    return Check(label or name, needed, path is not None, found, advice)


def _first_line(command_line: Sequence[str]) -> str:
    try:
        done = subprocess.run(command_line, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run ({error})"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else "version unknown"


def _libraries() -> list[Check]:
    """The libraries that the package asks for, with the installed versions; nothing is imported."""
    from packaging.requirements import Requirement

    checks: list[Check] = []
    for text in importlib.metadata.requires("streamtensor") or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        advice = f"run 'make setup', or: pip install '{requirement.name}{requirement.specifier}'"
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            checks.append(Check(requirement.name, True, False, "not installed", advice))
            continue
        fits = requirement.specifier.contains(version, prereleases=True)
        found = version if fits else f"{version}, but {requirement.specifier} is needed"
        if requirement.name == "torch":
            found += " (CPU build)" if version.endswith("+cpu") else " (not marked as a CPU build)"
        checks.append(Check(requirement.name, True, fits, found, advice))
    return checks


def _vendor() -> list[Check]:
    return [
        Check(name, False, shutil.which(name) is not None, shutil.which(name) or f"not on the PATH; {use}")
        for name, use in VENDOR_TOOLS.items()
    ]


def _devices() -> list[str]:
    from streamtensor.targets import device_names

    return device_names()
