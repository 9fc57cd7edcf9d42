# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where a model comes from: a Hugging Face folder, a named shape, or a callable in a Python file.

A source is small and can be written down as JSON; modules and weights are made when they are asked for.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.models.program import Program
from streamtensor.models.shapes import SHAPES, shape, shape_config

if TYPE_CHECKING:
    from streamtensor.models.language_model import LanguageModel

DEFAULT_PROMPT_LEN = 32

Kind = Literal["folder", "shape", "callable"]


@dataclass(frozen=True)
class ModelSource:
    """A model that can be built again: `path` is a folder, a shape's name, or "FILE.py:callable" (paths absolute).

    `seed` makes random weights, None means the folder's own. `prompt_len` is the number of rows of the prefill
    program, `asked_prompt_len` what the user wrote, `context` the rows of the KV cache; all are 0 for a callable.
    `scheme` is how the model is quantised (None: as the folder is), `calibration` the text for it ("" for none).
    """

    kind: Kind
    path: str
    seed: int | None = None
    prompt_len: int = 0
    asked_prompt_len: int = 0
    context: int = 0
    scheme: str | None = None
    calibration: str = ""
    _made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def programs(self) -> tuple[Program, ...]:
        """The programs to compile: prefill and decode of a language model, else one called main.

        The modules of a language model have no values, so that importing needs no weights. Raises UserError ST0107 when
        a callable fails, and like `LanguageModel`.
        """
        if self.kind != "callable":
            return self.language_model().programs()
        from streamtensor.models.user_module import load_callable

        if "callable" not in self._made:
            self._made["callable"] = load_callable(self.path)
        module, inputs = self._made["callable"]
        return (Program("main", module, inputs, (), (), "", lambda: module),)

    def language_model(self) -> "LanguageModel":
        """The language model behind a folder or a shape; built at the first call, its weights when they are needed."""
        if "model" not in self._made:
            from streamtensor.models.language_model import LanguageModel

            self._made["model"] = LanguageModel(
                self._config(),
                self.prompt_len,
                self.context,
                folder=Path(self.path) if self.kind == "folder" else None,
                seed=self.seed,
                scheme=self.scheme,
                calibration=Path(self.calibration) if self.calibration else None,
                arithmetic=self._made.get("arithmetic"),
            )
        return self._made["model"]

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
            "context": self.context,
            "scheme": self.scheme,
            "calibration": self.calibration,
            "arithmetic": self._arithmetic_record(),
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
        names = ("kind", "path", "seed", "prompt_len", "asked_prompt_len", "context", "scheme", "calibration")
        made: dict[str, Any] = {}
        if record["arithmetic"] is not None:
            from streamtensor.models.quantization.scheme import Arithmetic

            made["arithmetic"] = Arithmetic.from_json(record["arithmetic"])
        return ModelSource(**{name: record[name] for name in names}, _made=made)

    def _config(self) -> Any:
        from streamtensor.models.huggingface import folder_config

        if "config" not in self._made:
            self._made["config"] = shape_config(self.path) if self.kind == "shape" else folder_config(Path(self.path))
        return self._made["config"]

    def _arithmetic_record(self) -> dict[str, Any] | None:
        if self.kind == "callable":
            return None
        arithmetic = self.language_model().arithmetic
        return arithmetic.as_json() if arithmetic is not None else None

    def _files(self) -> tuple[Path, ...]:
        if self.kind == "callable":
            return (Path(self.path.rpartition(":")[0]),)
        if self.kind == "shape":
            return ()
        from streamtensor.models.huggingface import weight_files
        from streamtensor.models.quantization.folder import RECORD as QUANTIZATION

        folder = Path(self.path)
        text = (Path(self.calibration),) if self.calibration else ()
        if self.seed is not None:
            return (folder / "config.json", *text)
        record = (folder / QUANTIZATION,) if (folder / QUANTIZATION).is_file() else ()
        return (folder / "config.json", *record, *weight_files(folder), *text)


def load_source(
    text: str,
    *,
    prompt_len: int | None = None,
    context: int | None = None,
    random_weights: int | None = None,
    scheme: str | None = None,
    calibration: Path | None = None,
) -> ModelSource:
    """The source that a user means by `text`: a folder, the name of a shape, or "FILE.py:callable".

    A folder or a shape is checked here as far as that needs no weights in memory. `random_weights` is the seed that a
    shape needs; with a folder it takes the place of the folder's weights. `prompt_len` (32 when None) and `context`
    (the rows of the KV cache) are rounded up to a multiple of 16. `scheme` quantises the model, with static scales from
    the text file `calibration`.

    Raises UserError ST0101 (no such folder or file), ST0102 (unknown shape or family), ST0103 (broken file), ST0105
    (prompt length, context), ST0107 (callable), ST0120 (scheme), ST0121 (quantised otherwise).
    """
    file, colon, _name = text.rpartition(":")
    if colon and file.endswith(".py"):
        from streamtensor.models.user_module import check_callable

        if scheme is not None:
            raise UserError("ST0120", "a callable has no scheme", hint="return a quantised module from it")
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
        raise unknown_source(text)
    from streamtensor.models.decode import context_rows
    from streamtensor.models.prefill import prompt_rows

    if calibration is not None and not calibration.is_file():
        raise UserError("ST0101", f"there is no file {calibration}")
    asked = DEFAULT_PROMPT_LEN if prompt_len is None else prompt_len
    rows = prompt_rows(asked, config)
    text_file = str(calibration.resolve()) if calibration is not None else ""
    source = ModelSource(
        kind,
        path,
        random_weights,
        rows,
        asked,
        context_rows(context, rows, config),
        scheme,
        text_file,
        {"config": config},
    )
    source.language_model()
    return source


def unknown_source(text: str) -> UserError:
    """The error (ST0101, ST0102, ST0107) for a text that names no model."""
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
