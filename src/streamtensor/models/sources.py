# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where a model comes from: a Hugging Face folder, a named shape, or a callable in a Python file.

A source is small and can be written down as JSON; modules and weights are made when they are asked for.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.models.shapes import SHAPES, shape, shape_config

if TYPE_CHECKING:
    import torch

    from streamtensor.models.quantization.scheme import Arithmetic

DEFAULT_PROMPT_LEN = 32

Kind = Literal["folder", "shape", "callable"]


@dataclass(frozen=True)
class Program:
    """One program of a model: what is imported and compiled.

    `module` may be on the meta device; `weights` gives the same module with values. `prefix` stands before the names of
    the model's own parameters. `tokenizer` is the file tokenizer.json, when there is one. `prompt_len` is the number
    of rows of a prefill program, 0 for others.
    """

    name: str
    module: "torch.nn.Module"
    inputs: tuple["torch.Tensor", ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    prefix: str
    weights: Callable[[], "torch.nn.Module"]
    tokenizer: Path | None = None
    prompt_len: int = 0


@dataclass(frozen=True)
class ModelSource:
    """A model that can be built again: `path` is a folder, a shape's name, or "FILE.py:callable" (paths absolute).

    `seed` makes random weights, None means the folder's own. `prompt_len` is the number of rows of the prefill
    program, `asked_prompt_len` what the user wrote; both are 0 for a callable.
    """

    kind: Kind
    path: str
    seed: int | None = None
    prompt_len: int = 0
    asked_prompt_len: int = 0
    _made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def module(self) -> "torch.nn.Module":
        """The program's module with its real weights; built at the first call.

        Raises UserError ST0103 when the weights do not fit, ST0107 when the callable fails.
        """
        if "module" not in self._made:
            self._made["module"] = self._real_module()
        return self._made["module"]

    def program(self) -> Program:
        """The program to compile. For language models its module has no values, so that importing needs no weights."""
        if self.kind == "callable":
            from streamtensor.models.user_module import load_callable

            if "callable" not in self._made:
                self._made["callable"] = load_callable(self.path)
            module, inputs = self._made["callable"]
            return Program("main", module, inputs, (), (), "", lambda: module)
        from streamtensor.models.huggingface import build
        from streamtensor.models.prefill import MODEL, Prefill, prompt_inputs
        from streamtensor.models.quantization.folder import empty_model

        arithmetic = self._arithmetic()
        empty = build(self._config(), seed=None) if arithmetic is None else empty_model(self._config(), arithmetic)
        module = Prefill(empty, self.prompt_len)
        inputs = tuple(tensor.to("meta") for tensor in prompt_inputs([0], self.prompt_len))
        names = ("ids", "last")
        return Program(
            "prefill", module, inputs, names, ("logits",), f"{MODEL}.", self.module, self.tokenizer(), self.prompt_len
        )

    def tokenizer(self) -> Path | None:
        """The folder's tokenizer.json, when there is one."""
        file = Path(self.path) / "tokenizer.json"
        return file if self.kind == "folder" and file.is_file() else None

    def record(self) -> dict[str, Any]:
        """The source as JSON values, with the sha256 of each file that it was made from."""
        return {
            "kind": self.kind,
            "path": self.path,
            "seed": self.seed,
            "prompt_len": self.prompt_len,
            "asked_prompt_len": self.asked_prompt_len,
            "sha256": {str(file): _sha256(file) for file in self._files()},
        }

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "ModelSource":
        """The source that `record` describes.

        Raises UserError ST0101 when a file is gone, ST0103 when one has changed since the record was made.
        """
        for name, digest in record["sha256"].items():
            file = Path(name)
            if not file.is_file():
                raise UserError("ST0101", f"{file}, from which the model was compiled, is not there any more")
            if _sha256(file) != digest:
                raise UserError("ST0103", f"{file} has changed since the model was compiled", hint="compile it again")
        return ModelSource(
            record["kind"], record["path"], record["seed"], record["prompt_len"], record["asked_prompt_len"]
        )

    def _config(self) -> Any:
        from streamtensor.models.huggingface import folder_config

        if "config" not in self._made:
            self._made["config"] = shape_config(self.path) if self.kind == "shape" else folder_config(Path(self.path))
        return self._made["config"]

    def _real_module(self) -> "torch.nn.Module":
        if self.kind == "callable":
            return self.program().module
        from streamtensor.models.huggingface import build, load
        from streamtensor.models.prefill import Prefill
        from streamtensor.models.quantization.folder import load_quantized

        config, arithmetic = self._config(), self._arithmetic()
        if arithmetic is not None:
            return Prefill(load_quantized(Path(self.path), config, arithmetic), self.prompt_len)
        model = load(Path(self.path), config) if self.seed is None else build(config, seed=self.seed)
        return Prefill(model, self.prompt_len)

    def _arithmetic(self) -> "Arithmetic | None":
        """The arithmetic of a folder's own weights when they are quantised."""
        from streamtensor.models.quantization.folder import read_arithmetic

        return read_arithmetic(Path(self.path)) if self.kind == "folder" and self.seed is None else None

    def _files(self) -> tuple[Path, ...]:
        if self.kind == "callable":
            return (Path(self.path.rpartition(":")[0]),)
        if self.kind == "shape":
            return ()
        from streamtensor.models.huggingface import weight_files
        from streamtensor.models.quantization.folder import RECORD as QUANTIZATION

        folder = Path(self.path)
        if self.seed is not None:
            return (folder / "config.json",)
        record = (folder / QUANTIZATION,) if self._arithmetic() else ()
        return (folder / "config.json", *record, *weight_files(folder))


def load_source(text: str, *, prompt_len: int | None = None, random_weights: int | None = None) -> ModelSource:
    """The source that a user means by `text`: a folder, the name of a shape, or "FILE.py:callable".

    A folder or a shape is checked here as far as that needs no weights in memory. `random_weights` is the seed that a
    shape needs; with a folder it takes the place of the folder's weights. `prompt_len` (32 when None) is rounded up to
    a multiple of 16.

    Raises UserError ST0101 (no such folder or file), ST0102 (unknown shape or family), ST0103 (broken file), ST0105
    (prompt length), ST0107 (callable).
    """
    file, colon, _name = text.rpartition(":")
    if colon and file.endswith(".py"):
        from streamtensor.models.user_module import check_callable

        return ModelSource("callable", check_callable(text))
    from streamtensor.models.huggingface import folder_config, weight_files

    folder = Path(text)
    if folder.is_dir():
        config = folder_config(folder)
        if random_weights is None:
            weight_files(folder)
        kind, path = "folder", str(folder.resolve())
    elif text in SHAPES:
        if random_weights is None:
            raise UserError(
                "ST0102", f"'{text}' is a shape, it has no weights of its own", hint="add --random-weights SEED"
            )
        config = shape_config(text)
        kind, path = "shape", text
    else:
        raise _unknown(text)
    from streamtensor.models.prefill import prompt_rows

    asked = DEFAULT_PROMPT_LEN if prompt_len is None else prompt_len
    return ModelSource(kind, path, random_weights, prompt_rows(asked, config), asked, {"config": config})


def _unknown(text: str) -> UserError:
    if text.endswith(".py"):
        return UserError("ST0107", f"{text} names no callable", hint=f"write {text}:NAME")
    if Path(text).exists():
        return UserError("ST0101", f"{text} is a file, not a model folder")
    if "/" in text or text.startswith("."):
        return UserError("ST0101", f"there is no folder {text}", hint="nothing is downloaded: give a local folder")
    try:
        shape(text)
    except UserError as error:
        return error
    return UserError("ST0102", f"unknown model {text}", hint=did_you_mean(text, SHAPES))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
