# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The design space of what a user names: a compiled folder, a model, or a module in Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from streamtensor.cost.content_cache import digest_of, kept_or_made
from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.dialects import context as ir_context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.collection import loaded_objects_set_aside
from streamtensor.ir.text import parse_module, print_module
from streamtensor.pipelines import LEVEL_FILES, Choices, choices_for, passes_to
from streamtensor.spaces.program_space import ProgramSpace
from streamtensor.spaces.wide_choices import PARTS, wide
from streamtensor.targets import load_device

if TYPE_CHECKING:
    import torch

    from streamtensor.models.program import Program

RECORD = "compile.json"
DEFAULT_ROWS = 128


def space_of(
    source: str,
    *,
    device: str = "u55c",
    scheme: str | None = None,
    part: str | None = None,
    prompt_len: int | None = None,
    context: int | None = None,
    sizes: Mapping[str, Any] | None = None,
) -> ProgramSpace:
    """The space of one program of `source` on a device.

    `source` is a compiled folder, whose own device and choices are taken; a model folder or the name of a shape, of
    which a decoder block is looked at, over a prompt of `prompt_len` rows (`part` "prefill"), for one token at the end
    of `context` rows ("decode", the default), or the LM head ("head"); or FILE.py:callable. `scheme` quantises a block
    (w8a8, w4a8, w4a8-gN), `sizes` changes fields of its configuration. Weights are not needed.

    Raises UserError ST0101 and ST0102 (no such source), ST0105 (rows), ST0801 (no such part), ST0120 and ST0121
    (scheme), ST0401 (device), ST0503 (a broken folder).
    """
    folder = Path(source)
    if (folder / RECORD).is_file():
        return _compiled(folder, part)
    file, colon, _name = source.rpartition(":")
    if colon and file.endswith(".py"):
        from streamtensor.models.sources import load_source

        if part not in (None, "main"):
            raise UserError("ST0801", f"a callable has no part '{part}'", hint="leave it out")
        (program,) = load_source(source, scheme=scheme).programs()
        return ProgramSpace(
            _tensor_level(program), load_device(device), program="main", origin={"source": source, "part": "main"}
        )
    if part is None:
        part = "decode"
    if part not in PARTS:
        raise UserError("ST0801", f"a model has no part '{part}'", hint=did_you_mean(part, PARTS))
    rows = (prompt_len if part == "prefill" else context) or DEFAULT_ROWS
    asked: dict[str, Any] = {"source": source, "part": part, "scheme": scheme or "float32", "sizes": dict(sizes or {})}
    if part != "head":
        asked["rows"] = rows
    target = load_device(device)
    what = [json.dumps(asked, sort_keys=True)]
    if folder.is_dir() and (folder / "config.json").is_file():
        what.append((folder / "config.json").read_text(encoding="utf-8"))
    key = digest_of(*what)
    text = kept_or_made("tensor", key, lambda: print_module(_tensor_level(_block(asked))))
    family = kept_or_made("family", key, lambda: str(_config(asked).model_type))
    rules = {"wide-for-device": wide(choices_for(target), part, family, target)}
    return ProgramSpace(_parsed(text, source), target, program=part, origin=asked, rules=rules)


def space_of_module(
    module: torch.nn.Module, example_inputs: Sequence[torch.Tensor], *, device: str = "u55c"
) -> ProgramSpace:
    """The space of a PyTorch module for inputs with the shapes of `example_inputs`.

    Raises UserError for what can't be imported, with the operation and the line of the model.
    """
    from streamtensor.importers.program import import_module

    imported = import_module(module, tuple(example_inputs)).module
    origin = {"source": type(module).__name__, "part": "main"}
    return ProgramSpace(_linalg(imported), load_device(device), program="main", origin=origin)


def _compiled(folder: Path, part: str | None) -> ProgramSpace:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        programs, device = list(record["programs"]), load_device(record["device"])
        name = part or ("decode" if "decode" in programs else programs[0])
        if name not in programs:
            hint = did_you_mean(name, programs)
            raise UserError("ST0801", f"{folder} has no program '{name}'", hint=hint)
        base = Choices(**record["choices"][name])
        file = folder / name / LEVEL_FILES["tensor"]
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError("ST0503", f"{folder} is damaged: {error}", hint="compile the model again") from error
    origin = {"source": str(folder), "part": name}
    return ProgramSpace(_parsed(text, str(file)), device, program=name, origin=origin, base=base)


def _block(asked: Mapping[str, Any]) -> Program:
    """The program of a model's part."""
    from streamtensor.models.blocks import BlockKind, block_program, head_program
    from streamtensor.models.quantization.nominal import nominal_arithmetic

    config = _config(asked)
    arithmetic = nominal_arithmetic(config, asked["scheme"])
    if asked["part"] == "head":
        return head_program(config, arithmetic=arithmetic)
    return block_program(config, cast(BlockKind, asked["part"]), asked["rows"], arithmetic=arithmetic)


def _config(asked: Mapping[str, Any]) -> Any:
    """The configuration of a model with the sizes that were asked for."""
    from streamtensor.models.huggingface import folder_config
    from streamtensor.models.shapes import SHAPES, shape_config
    from streamtensor.models.sources import unknown_source

    folder = Path(asked["source"])
    if not folder.is_dir() and asked["source"] not in SHAPES:
        raise unknown_source(asked["source"])
    config = folder_config(folder) if folder.is_dir() else shape_config(asked["source"])
    for name, value in asked["sizes"].items():
        setattr(config, name, value)
    return config


def _tensor_level(program: Program) -> ModuleOp:
    from streamtensor.importers.program import import_program

    return _linalg(import_program(program).module)


@loaded_objects_set_aside()
def _linalg(module: ModuleOp) -> ModuleOp:
    for one in passes_to("tensor", Choices()):
        one.apply(ir_context(), module)
    return module


@loaded_objects_set_aside()
def _parsed(text: str, name: str) -> ModuleOp:
    return parse_module(ir_context(), text, name)
