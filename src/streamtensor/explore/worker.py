# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A worker process: reads jobs as lines of JSON from standard input, writes answers as lines to standard output.

The first line says how to open the space. `process_workers` starts it with `python -m streamtensor.explore.worker`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import IO, Any

from streamtensor.explore.workers import Recipe, answer, problem_of


def serve(jobs: IO[str], answers: IO[str]) -> None:
    """Answers jobs until there are no more."""

    def send(value: dict[str, Any]) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    try:
        space = Recipe(**json.loads(jobs.readline())).open()
    except Exception as error:
        send({"refused": vars(problem_of(error))})
        return
    send({"ready": True})
    for line in jobs:
        job = json.loads(line)
        send({"number": job["number"], **answer(space, job["point"])})


def main() -> None:
    """Keeps standard output for answers: whatever else prints, prints to standard error."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C in a terminal reaches all; who started us decides what it means
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
