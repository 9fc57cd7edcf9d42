# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes `.venv` and installs the package and what it needs; quick when nothing changed.

    python3.11 tools/setup_environment.py [--extra test]

Standard library only. Run by `make setup`. pip's own settings (index, find-links, proxies, certificates) are honoured.
PyTorch comes first: from those settings when they offer a CPU build, else from PyTorch's own index of CPU builds, and
only when that one cannot be reached as a GPU build, after its size has been printed. The variable
STREAMTENSOR_TORCH_INDEX names another index of CPU builds; empty, none is asked.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request
import venv
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlparse

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "setup-stamp.json"
LOG = VENV / "setup.log"
CPU_INDEX = os.environ.get("STREAMTENSOR_TORCH_INDEX", "https://download.pytorch.org/whl/cpu")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def say(text: str) -> None:
    """One line of progress."""
    print(f"setup: {text}", flush=True)


def fail(text: str) -> NoReturn:
    """Ends with a message and exit code 1."""
    print(f"setup: error: {text}", file=sys.stderr, flush=True)
    sys.exit(1)


def stamp_key() -> str:
    """A hash of everything that decides what would be installed."""
    digest = hashlib.sha256()
    for part in (ROOT / "pyproject.toml", Path(__file__)):
        digest.update(part.read_bytes())
    digest.update(f"{ROOT}|{os.environ.get('PYTHON', '')}".encode())
    return digest.hexdigest()


def is_current(key: str, extras: set[str]) -> bool:
    """Whether an earlier run has installed the same with these extras."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return stamp["key"] == key and extras <= set(stamp["extras"]) and PYTHON.exists()


def installed_extras() -> set[str]:
    """The extras that an earlier run has installed, so that a later one does not leave them behind."""
    try:
        return set(json.loads(STAMP.read_text(encoding="utf-8"))["extras"])
    except (OSError, ValueError, KeyError):
        return set()


def check_machine() -> None:
    """Says what is missing besides Python: an error in CI, a warning elsewhere."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is started with whatever Python there is
        fail(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}")
    missing = [tool for tool in (os.environ.get("CXX") or "g++", "make") if shutil.which(tool) is None]
    if missing:
        text = f"{', '.join(missing)} not found; the C simulation needs it (Debian, Ubuntu: apt-get install g++ make)"
        if IN_CI:
            fail(text)
        say(f"warning: {text}")


def make_environment() -> None:
    """Makes `.venv` with pip in it, with or without the module ensurepip, which some systems leave out."""
    if PYTHON.exists() and run([str(PYTHON), "-m", "pip", "--version"], check=False) == 0:
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if VENV.exists():
        shutil.rmtree(VENV)
    if importlib.util.find_spec("ensurepip") is not None:
        venv.EnvBuilder(with_pip=True).create(VENV)
        return
    if importlib.util.find_spec("pip") is None:
        fail(f"Python has neither ensurepip nor pip (Debian, Ubuntu: apt-get install python{version}-venv)")
    venv.EnvBuilder(with_pip=False).create(VENV)
    if run([sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip"], check=False) != 0:
        shutil.rmtree(VENV)
        fail(f"pip could not be brought into .venv (Debian, Ubuntu: apt-get install python{version}-venv)")


def run(command: list[str], *, check: bool = True, show: bool = False) -> int:
    """Runs a command with its output in the log; with `show`, large downloads are told as they come.

    With `check`, a failure ends the set-up with the last lines of the log.
    """
    VENV.mkdir(exist_ok=True)
    tail: list[str] = []
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n")
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                tail = [*tail[-29:], line]
                if show:
                    show_progress(line)
        if check and process.returncode != 0:
            print("".join(tail), file=sys.stderr)
            fail(f"this command failed (log: {LOG}): {' '.join(command)}")
    return process.returncode


def show_progress(line: str) -> None:
    """Tells of downloads of five megabytes and more, and of the last step, which is silent for long."""
    download = re.match(r"\s*(?:Downloading|Processing) (\S+) \(([\d.]+) (MB|GB)\)", line)
    if download and (download[3] == "GB" or float(download[2]) >= 5):
        say(f"  {unquote(Path(urlparse(download[1]).path).name)} ({download[2]} {download[3]})")
    elif line.startswith("Installing collected packages"):
        say(f"  installing {line.count(',') + 1} packages")


def resolve(arguments: list[str]) -> list[dict[str, Any]] | None:
    """What pip would install for `arguments`, as its report says; None when it cannot."""
    report = VENV / "setup-report.json"
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--dry-run",
        "--ignore-installed",
        "--report",
        str(report),
    ]
    report.unlink(missing_ok=True)
    if run([*command, *arguments], check=False) != 0 or not report.exists():
        return None
    return json.loads(report.read_text(encoding="utf-8"))["install"]


def is_gpu_build(package: dict[str, Any]) -> bool:
    """Whether a torch package is a build for GPUs: it asks for their libraries, and is not marked as a CPU build."""
    metadata = package["metadata"]
    if "+cpu" in metadata["version"] or sys.platform != "linux":
        return False
    asked = [requirement.lower() for requirement in metadata.get("requires_dist", [])]
    return "+" in metadata["version"] or any(one.startswith(("nvidia-", "cuda-", "triton", "rocm")) for one in asked)


def download_bytes(url: str) -> int:
    """The size of what `url` names, 0 when it is not known."""
    parts = urlparse(url)
    try:
        if parts.scheme == "file":
            return Path(unquote(parts.path)).stat().st_size
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=20) as answer:
            return int(answer.headers.get("Content-Length", 0))
    except (OSError, ValueError):
        return 0


def torch_arguments(requirement: str) -> list[str]:
    """The arguments with which pip takes the best build of torch that can be had."""
    found = resolve(["--no-deps", requirement])
    if found and not is_gpu_build(found[0]):
        say(f"torch {found[0]['metadata']['version']}, a CPU build")
        return [requirement]
    if CPU_INDEX:
        from_index = ["--extra-index-url", CPU_INDEX, "--timeout", "15", "--retries", "1", f"{requirement}+cpu"]
        if resolve(["--no-deps", *from_index]):
            say(f"torch: a CPU build from {CPU_INDEX}")
            return from_index
    packages = resolve([requirement])
    if packages is None:
        fail(f"pip finds no package for {requirement} (log: {LOG})")
    if any(is_gpu_build(package) for package in packages if package["metadata"]["name"] == "torch"):
        total = sum(download_bytes(package["download_info"]["url"]) for package in packages)
        say(f"torch: only a GPU build can be had: {len(packages)} packages, {total / 1e9:.1f} GB to download")
    return [requirement]


def install(extras: set[str]) -> None:
    """Installs torch, then the package in editable mode with `extras`."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        requirements: list[str] = tomllib.load(file)["project"]["dependencies"]
    torch = next(one for one in requirements if re.match(r"torch\s*==", one))
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    pinned = torch.replace(" ", "").removeprefix("torch==")
    code = f"import importlib.metadata as m; raise SystemExit(m.version('torch').split('+')[0] != '{pinned}')"
    if run([str(PYTHON), "-c", code], check=False) != 0:
        run([*pip, *torch_arguments(torch)], show=True)
    suffix = f"[{','.join(sorted(extras))}]" if extras else ""
    say(f"streamtensor{suffix} and the libraries it needs")
    run([*pip, "--editable", f".{suffix}"], show=True)


def main() -> None:
    """Brings `.venv` up to date."""
    parser = argparse.ArgumentParser(description="Make .venv and install streamtensor in it.")
    parser.add_argument("--extra", action="append", default=[], help="an extra of pyproject.toml, such as test")
    extras = set(parser.parse_args().extra)
    key = stamp_key()
    if is_current(key, extras):
        return
    start = time.perf_counter()
    check_machine()
    extras |= installed_extras()
    say(f"Python {sys.version.split()[0]} at {sys.executable}; environment .venv, log .venv/setup.log")
    make_environment()
    LOG.write_text("", encoding="utf-8")
    STAMP.unlink(missing_ok=True)
    install(extras)
    STAMP.write_text(json.dumps({"key": key, "extras": sorted(extras)}), encoding="utf-8")
    say(f"done in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
