# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Design spaces of narrow decoder blocks."""

from functools import cache
from pathlib import Path
from typing import Any

from streamtensor.spaces.program_space import ProgramSpace
from streamtensor.spaces.sources import space_of

GPT2: dict[str, Any] = {"n_embd": 32, "n_head": 2, "n_positions": 64, "vocab_size": 64}
ROWS = 16


@cache
def small_space(part: str = "decode", scheme: str = "float32") -> ProgramSpace:
    """A block of gpt2 on a u55c."""
    return space_of("gpt2", part=part, scheme=scheme, prompt_len=ROWS, context=ROWS, sizes=GPT2)


def small_device(folder: Path, **amounts: int) -> str:
    """A device file: a u55c with other amounts of dsp, bram36 or uram."""
    import re
    from importlib.resources import files

    text = (files("streamtensor.targets") / "devices" / "u55c.toml").read_text(encoding="utf-8")
    for name, amount in amounts.items():
        text, count = re.subn(rf"^{name} = \{{ value = \d+", f"{name} = {{ value = {amount}", text, flags=re.MULTILINE)
        assert count == 1, name
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)
