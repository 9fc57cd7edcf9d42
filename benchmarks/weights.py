# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packing of weights: megabytes a second, `python benchmarks/weights.py [MEGABYTES]`; also a job of `make bench`.

Random float32 matrices that are mapped from a file, as a model's are, are written tile by tile in words of a port,
hashed, and read back with their hashes; then as many int8 numbers as 4-bit ones. Rates of writing count the
bytes of the input. On one core.
"""

import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

ROWS, COLUMNS, TILE = 2048, 2048, 16


def pack_weights(folder: str, megabytes: int = 500) -> dict[str, Any]:
    """Writes and checks matrices of `megabytes` in `folder`: seconds, and megabytes of input a second."""
    import numpy as np

    from streamtensor.codegen.host.packed import PackedParameter
    from streamtensor.codegen.weights import read_weights, write_weights

    count = max(1, round(megabytes * 1e6 / (4 * ROWS * COLUMNS)))
    random = np.random.default_rng(0)
    file = Path(folder) / "random.bin"
    with file.open("wb") as stream:
        for _ in range(count):
            stream.write(random.standard_normal((ROWS, COLUMNS), np.float32).data)
    floats = np.memmap(file, np.float32, "r", shape=(count, ROWS, COLUMNS))
    narrow = [random.integers(-8, 8, (ROWS, COLUMNS), np.int8)] * count

    def forms(bits: int) -> list[PackedParameter]:
        lanes = 512 // (bits or 32)
        high = max(1, lanes // TILE)
        shape = (ROWS // TILE, COLUMNS // TILE, TILE // high, 1, high, TILE)
        strides = (TILE * COLUMNS, TILE, high * COLUMNS, TILE, COLUMNS, 1)
        return [
            PackedParameter(f"w{n}", 0, shape, strides, (TILE, TILE), (high, TILE), bits if bits < 8 else 0)
            for n in range(count)
        ]

    found: dict[str, Any] = {"megabytes": floats.nbytes / 1e6}
    for name, arrays, bits in (("float32", floats, 0), ("int4", narrow, 4)):
        out = Path(folder) / name
        size = sum(array.nbytes for array in arrays) / 1e6
        start = perf_counter()
        write_weights(out, {f"w{n}": array for n, array in enumerate(arrays)}, forms(bits))
        found[f"{name}_write_mb_s"] = size / (perf_counter() - start)
        stored = (out / "weights" / "weights.safetensors").stat().st_size / 1e6
        start = perf_counter()
        read_weights(out).check()
        found[f"{name}_check_mb_s"] = stored / (perf_counter() - start)
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="streamtensor-bench-") as made:
        print(json.dumps(pack_weights(made, int(sys.argv[1]) if len(sys.argv) > 1 else 500), indent=1))
