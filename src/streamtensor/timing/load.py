# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one place that knows where graphs come from."""

from __future__ import annotations

from pathlib import Path

from streamtensor.timing.graph import Graph
from streamtensor.timing.graph_json import read_graph

GRAPH_FILE = "graph.json"
"""Where a compiled folder keeps its graph."""


def load_graph(path: Path) -> Graph:
    """The graph in a JSON file, or that of a compiled folder; raises as `read_graph` does."""
    return read_graph(path / GRAPH_FILE if path.is_dir() else path)
