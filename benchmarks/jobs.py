# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One measured job, run as a process of its own so that its time and its peak memory are its own.

`python benchmarks/jobs.py NAME JSON` runs the job with the keyword arguments in JSON and prints one JSON object.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

START = perf_counter()  # before anything heavy is imported


def compile_model(source: str, out: str, to: str = "code", **choices: Any) -> dict[str, Any]:
    """Compiles `source` into the folder `out`: the CPU seconds of each step, and what the summary says of the size."""
    # The compiler times its steps with this clock. CPU seconds of the process stay the same when others use the
    # machine, so that steps of two runs can be compared; `main` has taken the real clock before.
    time.perf_counter = time.process_time
    from streamtensor import flow

    result = flow.compile_model(source, Path(out), to=to, force=True, **choices)
    size = {name: result.summary[name] for name in ("kernels", "tasks", "fifos", "converters")}
    calls = [calls for program in result.summary["programs"].values() for calls in program["functions"].values()]
    return {"steps": result.timings, **size, "functions": len(calls), "calls": sum(calls)}


def simulate(folder: str, runs: int = 1) -> dict[str, Any]:
    """Builds the C simulation of a compiled folder and runs it on random inputs: seconds of the build and of each run.

    A folder that was just compiled has no library yet; one that has would only be loaded.
    """
    import numpy as np

    from streamtensor import flow

    accelerator = flow.load(folder)
    start = perf_counter()
    _ = accelerator.library
    build = perf_counter() - start
    random = np.random.default_rng(0)
    inputs = [_input(accelerator.program.buffer(port.buffer), random) for port in accelerator.program.inputs]
    seconds: list[float] = []
    for _ in range(runs):
        start = perf_counter()
        accelerator.run(inputs)
        seconds.append(perf_counter() - start)
    return {"build": build, "run": seconds}


def _input(buffer: Any, random: Any) -> Any:
    """Random floats; zeros for token ids and positions, of which every model has the first."""
    import numpy as np

    if np.issubdtype(np.dtype(buffer.dtype), np.floating):
        return random.standard_normal(buffer.shape).astype(buffer.dtype)
    return np.zeros(buffer.shape, buffer.dtype)


JOBS: Mapping[str, Callable[..., dict[str, Any]]] = {"compile": compile_model, "simulate": simulate}


def main() -> None:
    """Runs the job that the command line names."""
    result = JOBS[sys.argv[1]](**json.loads(sys.argv[2]))
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    result |= {
        "wall_seconds": perf_counter() - START,
        "cpu_seconds": own.ru_utime + own.ru_stime,
        "children_cpu_seconds": children.ru_utime + children.ru_stime,
        "peak_bytes": own.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
