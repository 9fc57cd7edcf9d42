# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one place that knows where graphs come from."""

from __future__ import annotations

from pathlib import Path

from streamtensor.timing.graph import Graph
from streamtensor.timing.graph_json import read_graph

GRAPHS = "graphs"
"""Where the folder of a compiled program keeps the graphs of its kernels."""
CHANNELS_FILE = "channels.json"
"""Where it keeps which task moves how much over which memory channels."""


def graph_file(kernel: str) -> str:
    """The file of a kernel's graph, relative to the folder of its program."""
    return f"{GRAPHS}/{kernel}.json"


def load_graph(path: Path) -> Graph:
    """The graph in a JSON file; raises as `read_graph` does."""
    return read_graph(path)
