# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rules of the house that a machine can check."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "streamtensor"

# Lowest first: a package may import those before it. ir.text raises the errors of diagnostics. timing knows graphs by
# name and no IR, so that the pass that sizes FIFOs can ask it.
ORDER = (
    "algebra",
    "diagnostics",
    "ir",
    "dialects",
    "models",
    "importers",
    "targets",
    "timing",
    "transforms",
    "pipelines",
    "cost",
    "spaces",
    "explore",
    "codegen",
    "simulate",
    "report",
    "flow",
    "cli",
    "__main__",
)
HEAVY = ("torch", "torch_mlir", "transformers")
MODULES = sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> str:
    """The package below streamtensor; "" for streamtensor itself."""
    return [*module.split("."), ""][1]


def type_checking_nodes(tree: ast.AST) -> set[ast.AST]:
    """Everything inside `if TYPE_CHECKING:`, which does not run."""
    blocks = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    return {inner for block in blocks for statement in block.body for inner in ast.walk(statement)}


def imported_by(node: ast.AST, module: str) -> list[str]:
    """The modules that an import statement names; `from a import b` may mean the module a.b, so both are given."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{module}:{node.lineno}: imports are absolute here"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def imports(path: Path, *, only_at_import: bool = False) -> Iterator[tuple[int, str]]:
    """Line and name of each import of a file; with `only_at_import` those that run when the module is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[ast.AST] = set()
    if only_at_import:
        skipped = type_checking_nodes(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                skipped |= set(ast.walk(node))
    for node in ast.walk(tree):
        if node not in skipped:
            for name in imported_by(node, name_of(path)):
                yield getattr(node, "lineno", 0), name


def source_files() -> list[Path]:
    suffixes = {".py", ".cpp", ".h", ".hpp", ".toml"}
    folders = [ROOT / folder for folder in ("src", "tests", "tools", "examples", "benchmarks")]
    found = [path for folder in folders if folder.exists() for path in folder.rglob("*") if path.suffix in suffixes]
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def may_import(layer: str, other: str) -> bool:
    """Whether a module of the package `layer` may import one of `other`; "" is streamtensor itself."""
    if layer == "":  # the entry points of the library
        return other in ("", "diagnostics", "flow", "__version__")
    assert layer in ORDER, f"'{layer}' has no place in the order of the packages"
    return other in ORDER[: ORDER.index(layer) + 1] or other == "__version__"


def test_imports_go_only_downwards() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in MODULES
        for line, name in imports(path)
        if name.split(".")[0] == "streamtensor" and not may_import(layer_of(name_of(path)), layer_of(name))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_order_is_checked() -> None:
    assert may_import("cli", "flow")
    assert may_import("ir", "ir")
    assert not may_import("algebra", "ir")
    assert not may_import("flow", "cli")
    assert not may_import("dialects", "")


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Not even inside functions or for types only. A package hands on names of its modules, so it is left out."""
    modules = {name_of(path): path for path in MODULES if path.stem != "__init__"}
    used = {
        name: {known for _, found in imports(path) for known in (found, found.rpartition(".")[0]) if known in modules}
        for name, path in modules.items()
    }
    assert used["streamtensor.cli.main"] == {"streamtensor.cli.entry"}
    list(TopologicalSorter(used).static_order())  # raises CycleError, which names the circle


def test_streamtensor_itself_imports_nothing_heavy() -> None:
    assert not [name for _, name in imports(SOURCE / "__init__.py", only_at_import=True) if "streamtensor.flow" in name]


def test_only_ir_imports_the_ir_framework() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in MODULES
        if layer_of(name_of(path)) != "ir"
        for line, name in imports(path)
        if name.split(".")[0] == "xdsl"
    ]
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_are_imported_late() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in MODULES
        if layer_of(name_of(path)) not in ("models", "importers")
        for line, name in imports(path, only_at_import=True)
        if name.split(".")[0] in HEAVY
    ]
    assert not wrong, "\n".join(wrong)


def test_importers_and_models_are_imported_late() -> None:
    """They may import torch at once, so nobody else may import them at once."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in MODULES
        if layer_of(name_of(path)) not in ("models", "importers")
        for line, name in imports(path, only_at_import=True)
        if name.startswith(("streamtensor.models", "streamtensor.importers"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", ["streamtensor", "streamtensor.cli.main", "streamtensor.cli.opt"])
def test_importing_a_program_loads_no_heavy_library(module: str) -> None:
    code = (
        "import importlib, sys\n"
        f"importlib.import_module({module!r})\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {*HEAVY, "xdsl", "scipy", "numpy", "networkx", "rich"} & set(done.stdout.split())


def test_public_functions_and_methods_are_documented() -> None:
    """Methods that override one of the framework, such as a pass's `apply`, are described by their class."""
    framework = ("apply", "verify", "verify_", "match_and_rewrite", "parse_parameters", "print_parameters", "forward")
    wrong: list[str] = []
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        owners = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
        for owner in owners:
            if isinstance(owner, ast.ClassDef) and owner.name.startswith("_"):
                continue
            for node in owner.body:
                if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or node.name in framework:
                    continue
                if not ast.get_docstring(node):
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}")
    assert not wrong, "\n".join(wrong)


def test_every_source_file_names_its_licence() -> None:
    files = source_files()
    assert len(files) > 20
    wrong = [
        str(path.relative_to(ROOT))
        for path in files
        if "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception" not in path.read_text(encoding="utf-8")[:300]
    ]
    assert not wrong, "\n".join(wrong)


def test_licence_is_the_one_that_the_files_name() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0 WITH LLVM-exception"
    assert "Version 2.0, January 2004" in text
    assert "LLVM Exceptions to the Apache 2.0 License" in text


def test_no_paths_of_one_machine() -> None:
    # Put together here, so that this file passes its own test.
    pattern = re.compile("|".join("/" + name for name in ("work/", "home/", "Users/", "root/", "tmp/venv", "tmp/exp")))
    texts = [*source_files(), *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "Makefile", ROOT / ".ci/run"]
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_torch_comes_first_and_exact() -> None:
    """Without an exact pin in first place, the resolver may take a GPU build of several gigabytes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert re.fullmatch(r"torch==[\d.]+", project["dependencies"][0])


def test_device_files_and_headers_are_in_the_wheel() -> None:
    """Data files must lie inside the package, which is all that the wheel takes."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert wheel["targets"]["wheel"]["packages"] == ["src/streamtensor"]
    assert list((SOURCE / "targets" / "devices").glob("*.toml"))
