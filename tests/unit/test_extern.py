# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hand-written kernels: their descriptions, what of a model they match, and what is said when they do not fit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from csim.extern_cases import HEAD, LINEAR_B, LINEAR_W, LINEAR_X, SILU, TILES, gated, kernel, silu
from streamtensor.codegen.hls.extern import source_files
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorEmptyOp, parse_itensor_type
from streamtensor.dialects.dataflow.vectors import vector_type
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.export import ExportedGraph, GraphInput
from streamtensor.importers.extern_holes import cut_out
from streamtensor.importers.extern_kernel import ExternKernel, read_extern_kernels
from streamtensor.importers.extern_source import check_source, defined_functions
from streamtensor.importers.program import import_module
from streamtensor.ir.text import parse_module, verify_module
from streamtensor.pipelines import Choices, passes_to
from streamtensor.report.extern import extern_costs
from streamtensor.simulate.interpreter.extern_code import flat, tiles_of, unflat, vectors_of
from streamtensor.simulate.interpreter.queues import stream_of

# ---- descriptions


def describe(**fields: Any) -> ExternKernel:
    given: dict[str, Any] = {"name": "k", "source": "k.cpp", "function": "k", "ins": [TILES], "outs": [TILES]}
    given |= {"replaces": "act", **fields}
    return ExternKernel(**given)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "a b"}, "name 'a b' is no identifier"),
        ({"function": "k::k"}, "function 'k::k' is no identifier"),
        ({"ins": TILES}, "ins is a list of itensor types"),
        ({"outs": []}, "it has no out port"),
        ({"replaces": " "}, "replaces says which part"),
        ({"ii": 0}, "ii is a whole number from 1 on, not 0"),
        ({"delay": 1.5}, "delay is a whole number from 0 on, not 1.5"),
        ({"resources": {"dps": 1}}, "no resource 'dps'"),
        ({"resources": {"dsp": -1}}, "the count of dsp is a whole number from 0 on, not -1"),
        ({"reads_before_writes": [1, 1]}, "a number from 1 on for each of the 1 ins"),
    ],
)
def test_a_field_of_a_wrong_form(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        describe(**fields)
    assert caught.value.code == "ST0112"


def test_a_port_that_is_no_tile() -> None:
    with pytest.raises(UserError, match=r"itensor<f32>: Expected ','; the form is") as caught:
        _ = describe(ins=["itensor<f32>"]).port_types
    assert caught.value.code == "ST0203"
    vectors = "itensor<vector<16xf32>, iter_space: [4] * [16], iter_map: (d0) -> (d0)>"
    with pytest.raises(UserError, match="tiles as tokens, not vectors") as caught:
        _ = describe(ins=[vectors]).port_types
    assert caught.value.code == "ST0112"


def test_sizes_of_one_do_not_count() -> None:
    text = "itensor<1x4x1x8xf32, iter_space: [1, 6, 1] * [1, 4, 8], iter_map: (d0, d1, d2) -> (d0, d1, 0, d2)>"
    plain = "itensor<4x8xf32, iter_space: [6] * [4], iter_map: (d0) -> (d0, 0)>"
    assert describe(ins=[text]).port_types[0] == parse_itensor_type(context(), plain)


def test_a_toml_file(tmp_path: Path) -> None:
    file = tmp_path / "kernels.toml"
    table = f'name = "k"\nsource = "a/k.cpp"\nfunction = "f"\nreplaces = "act"\nins = ["{TILES}"]\nouts = ["{TILES}"]\n'
    file.write_text(table + 'headers = ["k.h"]\ntolerance = "none"\nresources = { dsp = 4 }\n')
    (found,) = read_extern_kernels(file)
    assert found.source_path == tmp_path / "a" / "k.cpp"
    assert found.header_paths == (tmp_path / "k.h",)
    assert (found.tolerance, found.resources, found.ii) == (None, {"dsp": 4}, 1)
    file.write_text("".join(f"[[extern]]\n{table}".replace('"k"', f'"k{n}"') for n in range(2)))
    assert [one.name for one in read_extern_kernels(file)] == ["k0", "k1"]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (None, "ST0101", "there is no file"),
        ("name = ", "ST0112", "is not TOML"),
        ('name = "k"\n', "ST0112", "the field source is missing"),
        ('nane = "k"\n', "ST0112", "no field 'nane'.*did you mean 'name'"),
        ('x = 1\n[[extern]]\nname = "k"\n', "ST0112", "either one table"),
    ],
)
def test_a_toml_file_that_can_not_be_used(text: str | None, code: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "kernels.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_extern_kernels(file)
    assert caught.value.code == code


# ---- sources


def test_functions_with_bodies_are_found() -> None:
    text = "int g(int);\nvoid f(S<V<4>> &a, const int b[2]) { if (g(1)) { h(); } }\nvoid e() {}\nvoid d(int a);"
    assert list(defined_functions(text)) == [("f", 2), ("e", 0)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "nothing.cpp"}, "there is no file .*nothing.cpp"),
        ({"function": "sliu"}, "does not define sliu.*did you mean 'silu'"),
        ({"ins": [TILES, TILES]}, "silu takes 2 parameters, but the kernel has 2 in and 1 out ports"),
        ({"headers": ["silu.cpp"]}, "a header is included"),
    ],
)
def test_a_source_that_does_not_have_the_function(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "silu.cpp").write_text(HEAD + SILU)
    paths = {key: tmp_path / value for key, value in change.items() if key == "source"}
    paths |= {"headers": [tmp_path / name for name in change["headers"]]} if "headers" in change else {}
    fields: dict[str, Any] = {"source": tmp_path / "silu.cpp", "function": "silu", **change, **paths}
    with pytest.raises(UserError, match=message) as caught:
        check_source(describe(**fields))
    assert caught.value.code == "ST0114"


def test_a_function_in_a_comment_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not define silu"):
        check_source(kernel(tmp_path, f"/* {SILU} */", "silu", ins=[TILES], outs=[TILES], replaces="act"))


# ---- matching


@pytest.mark.parametrize("replaces", ["act", "ac*", "aten.silu", "act:aten.silu", "*:aten.silu.default", " act "])
def test_ways_to_name_a_part(replaces: str, tmp_path: Path) -> None:
    module, inputs = gated()
    imported = import_module(module, inputs, extern_kernels=[silu(tmp_path, replaces=replaces)])
    found = [op for op in imported.module.walk() if isinstance(op, ExternKernelOp)]
    assert [op.task_name for op in found] == ["silu"]
    assert "math.exp" not in {op.name for op in imported.module.walk()}
    assert [part.inputs for part in imported.replaced] == [("linear",)]


@pytest.mark.parametrize(
    ("replaces", "message"),
    [
        ("acts", "the model has no module acts, which silu replaces.*did you mean 'act'"),
        ("aten.relu", "the model has no operation aten.relu, which silu replaces.*known: aten.add, aten.linear"),
        ("up:aten.silu", "the model has no operation aten.silu in up.*known: aten.linear"),
    ],
)
def test_nothing_matches(replaces: str, message: str, tmp_path: Path) -> None:
    module, inputs = gated()
    with pytest.raises(UserError, match=message) as caught:
        import_module(module, inputs, extern_kernels=[silu(tmp_path, replaces=replaces)])
    assert caught.value.code == "ST0113"


def test_each_match_becomes_a_kernel(tmp_path: Path) -> None:
    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = torch.nn.SiLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(self.act(x) * 2)

    imported = import_module(Twice(), (torch.randn(32, 32),), extern_kernels=[silu(tmp_path)])
    found = [op.task_name for op in imported.module.walk() if isinstance(op, ExternKernelOp)]
    assert found == ["silu", "silu_1"]


def test_a_module_that_is_called_under_two_names(tmp_path: Path) -> None:
    class Shared(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = self.second = torch.nn.SiLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(torch.tanh(self.first(x)))

    inputs = (torch.randn(32, 32),)
    assert len(import_module(Shared(), inputs, extern_kernels=[silu(tmp_path, replaces="second")]).replaced) == 1
    assert len(import_module(Shared(), inputs, extern_kernels=[silu(tmp_path, replaces="[fs]*")]).replaced) == 2


def test_what_is_inside_of_a_module_belongs_to_it(tmp_path: Path) -> None:
    class Outer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = torch.nn.Tanh()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.exp(self.inside(torch.exp(x)))

    module = torch.nn.Sequential(Outer())
    (part,) = import_module(module, (torch.randn(32, 32),), extern_kernels=[silu(tmp_path, replaces="0")]).replaced
    assert [node.op for node in part.graph.nodes].count("call_function") == 3


def test_a_part_that_is_not_one_piece(tmp_path: Path) -> None:
    """Two calls of one module, and between them one that is none of it."""
    graph = torch.fx.Graph()
    nodes = [graph.placeholder("x")]
    for path in ("act", "", "act"):
        nodes.append(graph.call_function(torch.ops.aten.tanh.default, (nodes[-1],)))
        nodes[-1].meta["nn_module_stack"] = {"key": (path, "Module")}
    for node in nodes:
        node.meta["val"] = torch.empty(32, 32)
    graph.output((nodes[-1],))
    exported = ExportedGraph(graph, (GraphInput(nodes[0], "input", "x"),), (nodes[-1],), {})
    with pytest.raises(UserError, match="act is not one piece: it reads tanh_default_1, which is computed") as caught:
        cut_out(exported, [silu(tmp_path)])
    assert caught.value.code == "ST0113"


def test_a_constant_from_outside_is_no_port(tmp_path: Path) -> None:
    class Scaled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Scale()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.scale(x, torch.full((32, 32), 2.0) + 1)

    class Scale(torch.nn.Module):
        def forward(self, x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
            return x * by

    inputs = (torch.randn(32, 32),)
    (part,) = import_module(Scaled(), inputs, extern_kernels=[silu(tmp_path, replaces="scale")]).replaced
    assert part.inputs == ("x",)
    (tripled,) = torch.fx.GraphModule(torch.nn.Module(), part.graph)(*inputs)
    assert torch.equal(tripled, inputs[0] * 3)


def test_two_kernels_of_one_name(tmp_path: Path) -> None:
    module, inputs = gated()
    with pytest.raises(UserError, match="another extern kernel has the same name") as caught:
        import_module(module, inputs, extern_kernels=[silu(tmp_path), silu(tmp_path, replaces="aten.add")])
    assert caught.value.code == "ST0112"
    other = replace(silu(tmp_path), name="other", source=tmp_path / "other.cpp")
    with pytest.raises(UserError, match="another source defines silu as well") as caught:
        import_module(module, inputs, extern_kernels=[silu(tmp_path), other])
    assert caught.value.code == "ST0112"


def test_ports_that_do_not_fit_name_both_sides(tmp_path: Path) -> None:
    module, inputs = gated()
    small = "itensor<16x16xf32, iter_space: [2] * [16], iter_map: (d0) -> (d0, 0)>"
    with pytest.raises(
        UserError, match="has tensor<32x32xf32> there, but in port 0 streams 32x16xf32: !dataflow"
    ) as one:
        import_module(module, inputs, extern_kernels=[silu(tmp_path, ins=[small])])
    whole = TILES.replace("f32", "i32")
    with pytest.raises(UserError, match="out port 0 streams 32x32xi32") as two:
        import_module(module, inputs, extern_kernels=[silu(tmp_path, outs=[whole])])
    three_in = "void one(hls::stream<V<16>> &x, hls::stream<V<16>> &y) {}"
    fewer = kernel(tmp_path, three_in, "one", ins=[LINEAR_X], outs=[TILES], replaces="down")
    wanted = "takes silu tensor<32x32xf32>, down.weight tensor<32x32xf32>, down.bias tensor<32xf32> and gives"
    with pytest.raises(UserError, match=wanted) as three:
        import_module(module, inputs, extern_kernels=[fewer])
    assert {error.value.code for error in (one, two, three)} == {"ST0113"}
    assert one.value.location is not None
    assert LINEAR_W != LINEAR_B


def test_a_data_shape_that_merges_dimensions_fits(tmp_path: Path) -> None:
    flat_tiles = "itensor<64xf32, iter_space: [16] * [64], iter_map: (d0) -> (d0)>"
    module, inputs = gated()
    imported = import_module(module, inputs, extern_kernels=[silu(tmp_path, ins=[flat_tiles], outs=[flat_tiles])])
    assert "tensor.collapse_shape" in {op.name for op in imported.module.walk()}


def test_the_command_that_lists_ports() -> None:
    from streamtensor.cli.ports_command import command

    model = f"{Path(__file__).resolve().parents[2] / 'examples' / 'mlp.py'}:mlp"
    shown = CliRunner().invoke(command, [model, "down:aten.linear"])
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert lines[0].startswith("in 0  32x256xf32")
    assert lines[1].startswith("  made by")
    assert lines[2] == "  in C++  hls::stream<hls::vector<float, 16>>"
    assert lines[3:5] == ["in 1  64x256xf32  down.weight", "  external memory: any type"]
    listed = json.loads(CliRunner().invoke(command, [model, "down:aten.linear", "--json"]).output)
    assert [port["side"] for port in listed] == ["in", "in", "in", "out"]


# ---- emission


def test_sources_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    ops: list[ExternKernelOp] = []
    for folder, function in (("a", "one"), ("b", "two"), ("a", "three")):
        source = tmp_path / folder / "k.cc"
        source.parent.mkdir(exist_ok=True)
        source.write_text(folder)
        port = parse_itensor_type(context(), TILES)
        values = [ITensorEmptyOp(port).result for _ in range(2)]
        ops.append(
            ExternKernelOp(function, values[:1], values[1:], source=str(source), function=function, ports=[port] * 2)
        )
    assert source_files(ops) == {"extern/k/k.cpp": "a", "extern/k_1/k.cpp": "b"}
    (tmp_path / "b" / "k.cc").unlink()
    with pytest.raises(UserError, match=r"extern kernel two: .*k\.cc can't be read") as caught:
        source_files(ops)
    assert caught.value.code == "ST0114"


# ---- reports


def test_ports_beside_other_kernels_are_told() -> None:
    """Between kernels of different groups a result goes through external memory; inputs and results do not count."""
    extern = (
        'dataflow.extern_kernel "k" ins(%i : !t) outs(%o : !t) {source = "k.cpp", function = "k", ports = [!t, !t], '
        "ii = 1 : i64, delay = 0 : i64, width_bits = 512 : i64} -> !t"
    )
    group = """%{0} = dataflow.kernel "{0}" ins(%{1} : tensor<8xf32>) outs(%e : tensor<8xf32>) {{
    ^bb0(%i: !t, %o: !t):
      %r = {2}
      dataflow.yield %r : !t
    }} -> tensor<8xf32>"""
    text = f"""!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
    func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> attributes {{dataflow.place = "device"}} {{
    %e = tensor.empty() : tensor<8xf32>
    {group.format("a", "x", extern)}
    {group.format("b", "a", extern)}
    func.return %b : tensor<8xf32>
    }}"""
    module = parse_module(context(), text)
    verify_module(module)
    assert extern_costs(module) == [
        "out port 0 of extern kernel k goes through external memory",
        "in port 0 of extern kernel k reads an intermediate result through external memory",
    ]


# ---- tokens


@pytest.mark.parametrize("element", ["16x16", "4x32", "2x3x20", "1x7", "16"])
def test_tiles_are_taken_apart_as_the_vectors_of_the_type(element: str) -> None:
    rank = element.count("x") + 1
    zeros = ", ".join(["d0", *["0"] * (rank - 1)])
    first = element.split("x")[0]
    text = f"itensor<{element}xf32, iter_space: [3] * [{first}], iter_map: (d0) -> ({zeros})>"
    tile = parse_itensor_type(context(), text)
    port = vector_type(tile)
    data = np.random.default_rng(0).standard_normal(tile.data_shape).astype(np.float32)
    tiles = stream_of("x", data, tile.layout).tokens
    vectors = flat(stream_of("x", data, port.layout).tokens, port)
    assert np.array_equal(vectors_of(tiles, tile, port), vectors)
    assert np.array_equal(np.stack(tiles_of(vectors, tile, port)), np.stack(tiles))
    assert np.array_equal(flat(unflat(vectors, port), port), vectors)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("scalar", ["f64", "i1", "i4", "i8", "i13", "i16", "i32", "i64"])
def test_tokens_of_every_scalar_type(scalar: str, tmp_path: Path) -> None:
    """A function that passes tokens on gives what it was given, whatever the type."""
    from streamtensor.codegen.hls.types import type_name
    from streamtensor.simulate.interpreter.extern_code import ExternCode
    from streamtensor.simulate.interpreter.types import dtype_of

    tile = parse_itensor_type(context(), f"itensor<2x8x{scalar}, iter_space: [3] * [2], iter_map: (d0) -> (d0, 0)>")
    token = type_name(vector_type(tile).element)
    count = vector_type(tile).layout.num_tokens
    source = tmp_path / "pass.cpp"
    source.write_text(
        f"#include <ap_int.h>\n{HEAD}using T = {token};\nvoid pass(hls::stream<T> &x, hls::stream<T> &y) {{\n"
        f"  for (int n = 0; n < {count}; ++n) y.write(x.read());\n}}\n"
    )
    code = ExternCode("pass", source, (), "pass", (tile,), (tile,))
    dtype = dtype_of(tile.scalar)
    data = np.random.default_rng(0).integers(0, 2 if scalar == "i1" else 7, tile.data_shape).astype(dtype)
    (found,) = code.run_on_tensors([data if scalar == "i1" else -data])
    assert np.array_equal(found, data if scalar == "i1" else -data)


def test_a_kernel_for_other_fifos_says_so(tmp_path: Path) -> None:
    module, inputs = gated()
    imported = import_module(module, inputs, extern_kernels=[silu(tmp_path, width_bits=256)]).module
    runner = PassRunner(context())
    for level in ("tensor", "dataflow", "fused"):
        runner.run(imported, level, passes_to(level, Choices()))
    with pytest.raises(UserError, match="at most 256 bits, but the FIFOs are 512 bits wide") as caught:
        runner.run(imported, "materialized", passes_to("materialized", Choices()))
    assert caught.value.code == "ST0304"
