# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hand-written kernels in compiled designs: they fuse, simulate and are emitted like the compiler's own."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import streamtensor
from csim.extern_cases import (
    LINEAR,
    LINEAR_B,
    LINEAR_W,
    LINEAR_X,
    SILU,
    TILES,
    TILES_BY_COLUMNS,
    gated,
    kernel,
    linear,
    read_twice,
    silu,
)
from step_program_checks import assert_same_tokens
from streamtensor import flow
from streamtensor.diagnostics import UserError
from streamtensor.importers.extern_kernel import ExternKernel

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Made = tuple[torch.nn.Module, tuple[torch.Tensor, ...]]

pytestmark = pytest.mark.needs("g++")


def check(made: Made, kernels: list[ExternKernel], *, run: bool = True, **options: Any) -> streamtensor.Accelerator:
    """Compiles with the interpreter after every pass; runs with FIFOs of their depths and compares with PyTorch."""
    module, inputs = made
    accelerator = streamtensor.compile(module, inputs, extern_kernels=kernels, verify_numerics=True, **options)
    if run:
        launches = accelerator.run([value.numpy() for value in inputs])
        with torch.no_grad():
            assert torch.allclose(torch.from_numpy(launches.outputs[0]), module(*inputs), rtol=1e-4, atol=1e-5)
        assert_same_tokens(accelerator, launches)
    return accelerator


def fifos(accelerator: streamtensor.Accelerator) -> list[str]:
    """The names of the FIFOs, from the emitted code."""
    text = "".join(file.read_text() for file in accelerator.path.glob("hls/*.cpp"))
    return re.findall(r'hls::stream<[^;]*> \w+\("(\w+)"\);', text)


def test_the_example_replaces_the_softmax_of_a_block(tmp_path: Path) -> None:
    """From the command line; the kernel stands in the one fused kernel, without converters of its own."""
    from streamtensor.cli.compile_command import command

    plain, out = tmp_path / "plain", tmp_path / "out"
    flow.compile_model(f"{EXAMPLES}/gpt2_block.py:small_block", plain, to="stream")
    arguments = [f"{EXAMPLES}/gpt2_block.py:small_block", "--extern", f"{EXAMPLES}/extern_softmax.toml"]
    made = CliRunner().invoke(command, [*arguments, "-o", str(out), "--json"])
    assert made.exit_code == 0, made.output
    summary = json.loads(made.stdout)["summary"]["programs"]["main"]
    before = json.loads((plain / "summary.json").read_text())["programs"]["main"]
    assert summary["kernels"] == before["kernels"] == 1
    assert summary["converters"] <= before["converters"]
    assert summary["extern_kernels"]["softmax_rows"] == {
        "source": "extern_softmax.cpp",
        "instances": 1,
        "ii": 1,
        "delay": 60,
        "resources": {"dsp": 110, "ff": 16000, "lut": 14000},
        "provenance": "given by the user",
    }
    copied = out / "main" / "hls" / "extern" / "extern_softmax" / "extern_softmax.cpp"
    assert copied.read_text() == (EXAMPLES / "extern_softmax.cpp").read_text()
    for name in ("hls_config.cfg", "run_hls.tcl"):
        assert "../extern/extern_softmax/extern_softmax.cpp" in (out / "main/hls/main_0_0" / name).read_text()
    sys.path.insert(0, str(EXAMPLES))
    from gpt2_block import small_block  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

    module, inputs = small_block()
    accelerator = streamtensor.load(out)
    launches = accelerator.run([value.numpy() for value in inputs])
    with torch.no_grad():
        assert torch.allclose(torch.from_numpy(launches.outputs[0]), module(*inputs), rtol=1e-4, atol=1e-5)
    assert_same_tokens(accelerator, launches)


def test_a_matrix_product_with_its_weights_as_ports(tmp_path: Path) -> None:
    """The memory that the user says it takes is counted among the bits of the design."""
    resources = {"bram": 3, "dsp": 16}
    found = check(gated(), [linear(tmp_path, reads_before_writes=[2, 2, 1], resources=resources)]).summary
    assert found["kernels"] == 1
    terms = {term["name"]: term["bits"] for term in found["levels"]["stream"]["terms"]}
    assert terms["linear (given by the user)"] == 3 * 36 * 1024
    assert found["extern_kernels"]["linear"]["resources"] == resources


def test_two_kernels_behind_each_other(tmp_path: Path) -> None:
    found = check(gated(), [silu(tmp_path), linear(tmp_path)], run=False).summary
    assert set(found["extern_kernels"]) == {"silu", "linear"}


def test_ports_in_another_order_get_converters(tmp_path: Path) -> None:
    """Equal types are connected directly; with tiles by columns a converter stands before the kernel and one behind."""
    direct = check(gated(), [silu(tmp_path)], run=False)
    (again,) = direct.summary["levels"]["fused"]["extern_costs"]  # the product behind it takes each tile twice
    assert again.startswith("a converter of 32,768 bits stands behind out port 0 of extern kernel silu: !dataflow")
    assert any(name.startswith("matmul") and name.endswith("_to_silu") for name in fifos(direct))
    ports = {"ins": [TILES_BY_COLUMNS], "outs": [TILES_BY_COLUMNS]}
    turned = check(gated(), [silu(tmp_path, **ports)])
    before, behind = turned.summary["levels"]["fused"]["extern_costs"]
    assert before.startswith(
        "a converter of 32,768 bits stands before in port 0 of extern kernel silu: !dataflow.itensor"
    )
    assert before.endswith(f"!dataflow.{TILES_BY_COLUMNS} is wanted")
    assert behind.startswith("a converter of 32,768 bits stands behind out port 0 of extern kernel silu: !dataflow")
    assert turned.summary["kernels"] == direct.summary["kernels"] == 1
    assert any(name.startswith("converter") and name.endswith("_to_silu") for name in fifos(turned))
    assert any(name.startswith("silu_to_converter") for name in fifos(turned))


def test_a_flat_port_beside_tiles(tmp_path: Path) -> None:
    """The view between the two shapes is a stream as well, where the tokens allow it."""
    flat = "itensor<64xf32, iter_space: [16] * [64], iter_map: (d0) -> (d0)>"
    assert check(gated(), [silu(tmp_path, ins=[flat], outs=[flat])], run=False).summary["kernels"] == 1


def test_several_readers_and_an_input_that_others_read(tmp_path: Path) -> None:
    accelerator = check(read_twice(), [silu(tmp_path)])
    names = fifos(accelerator)
    assert "silu_to_silu_fork_0" in names
    assert sum(name.startswith("silu_fork_0_to") for name in names) == 2
    assert sum(name.endswith("_to_silu") for name in names) == 1


def test_the_whole_module_and_a_result_of_the_module(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.SiLU())
    check((module, (torch.randn(32, 32),)), [silu(tmp_path, replaces="0")], run=False)


def test_two_results_of_which_one_is_not_read(tmp_path: Path) -> None:
    text = """
void halves(hls::stream<V<16>> &x, hls::stream<V<16>> &a, hls::stream<V<16>> &b) {
  for (int n = 0; n < 64; ++n) {
    V<16> v = x.read();
    a.write(v * 2.0f);
    b.write(v + 1.0f);
  }
}
"""

    class Halves(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x * 2, x + 1

    class Outer(torch.nn.Module):
        def __init__(self, one: bool) -> None:
            super().__init__()
            self.halves = Halves()
            self.one = one

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = self.halves(torch.tanh(x))
            return torch.exp(a) if self.one else a * b

    both = kernel(tmp_path, text, "halves", ins=[TILES], outs=[TILES, TILES], replaces="halves")
    check((Outer(one=False), (torch.randn(32, 32),)), [both], run=False)
    with pytest.raises(UserError, match="1 in and 2 out ports") as caught:  # PyTorch drops what nobody reads
        check((Outer(one=True), (torch.randn(32, 32),)), [both])
    assert caught.value.code == "ST0113"


def test_one_kernel_for_all_blocks_of_a_model(tmp_path: Path) -> None:
    """Equal blocks stay one function, and each layer has its own weights."""

    class Stack(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList([gated()[0] for _ in range(2)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = layer(x)
            return x

    torch.manual_seed(3)
    module = Stack().eval()
    torch.nn.init.normal_(dict(module.named_parameters())["layers.1.down.weight"])
    found = check((module, (torch.randn(32, 32),)), [silu(tmp_path, replaces="layers.*.act")], run=False).summary
    assert found["functions"] == {"block": 2}
    assert found["extern_kernels"]["silu"]["instances"] == 1


def test_going_on_from_every_level(tmp_path: Path) -> None:
    module, inputs = gated()
    out = tmp_path / "out"
    streamtensor.compile(module, inputs, extern_kernels=[linear(tmp_path)], out=out)
    code = {file.name: file.read_text().count("\n") for file in out.rglob("*.cpp")}
    for start in ("tensor", "dataflow", "fused", "materialized", "stream"):
        flow.recompile(out, start=start)
        assert {file.name: file.read_text().count("\n") for file in out.rglob("*.cpp")} == code
    (tmp_path / "linear.cpp").unlink()
    with pytest.raises(UserError, match=r"linear\.cpp can't be read") as caught:
        flow.recompile(out, start="stream")
    assert caught.value.code == "ST0114"


def test_headers_stand_beside_the_source(tmp_path: Path) -> None:
    (tmp_path / "gain.h").write_text("constexpr float kGain = 1.0f;\n")
    text = '#include "gain.h"\n' + SILU.replace("v[i] /", "kGain * v[i] /")
    scaled = kernel(tmp_path, text, "silu", ins=[TILES], outs=[TILES], replaces="act", headers=[tmp_path / "gain.h"])
    out = tmp_path / "out"
    check(gated(), [scaled], run=False, out=out)
    assert (out / "main/hls/extern/silu/gain.h").is_file()


def test_a_function_with_a_dataflow_region_of_its_own(tmp_path: Path) -> None:
    """Its tasks run at the same time as all others, with FIFOs that hold less than what goes through them."""
    text = """
#include "streamtensor_dataflow.h"
static void gate(hls::stream<V<16>> &x, hls::stream<V<16>> &kept, hls::stream<V<16>> &gates) {
  for (int n = 0; n < 64; ++n) {
    V<16> v = x.read();
    kept.write(v);
    for (int i = 0; i < 16; ++i) v[i] = 1.0f / (1.0f + hls::expf(-v[i]));
    gates.write(v);
  }
}
static void multiply(hls::stream<V<16>> &kept, hls::stream<V<16>> &gates, hls::stream<V<16>> &y) {
  for (int n = 0; n < 64; ++n) y.write(kept.read() * gates.read());
}
void silu(hls::stream<V<16>> &x, hls::stream<V<16>> &y) {
#pragma HLS dataflow
  hls::stream<V<16>, 2> kept("kept"), gates("gates");
  ST_REGION(16384)
  ST_TASK(gate, x, kept, gates)
  ST_TASK(multiply, kept, gates, y)
  ST_REGION_END
}
"""
    check(gated(), [kernel(tmp_path, text, "silu", ins=[TILES], outs=[TILES], replaces="act")])


def test_names_of_the_user_do_not_meet_those_of_the_compiler(tmp_path: Path) -> None:
    """The function has the name that the kernel around it would get, and a task of that name is there as well."""
    text = SILU.replace("silu", "main_0_0")
    check(gated(), [kernel(tmp_path, text, "main_0_0", ins=[TILES], outs=[TILES], replaces="act")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SILU.replace("hls::stream<V<16>> &x", "hls::stream<V<8>> &x"), "no silu with the types of the ports"),
        (SILU.replace("void silu", 'extern "C" void silu'), "no silu with the types of the ports"),
        (SILU.replace("n < 64", "n < 63"), "does not keep to its ports"),
        (SILU.replace("    y.write(v);", "    y.write(v); if (n) y.write(v);"), "does not keep to its ports"),
    ],
    ids=["type", "linkage", "too few", "too many"],
)
def test_a_function_that_is_not_what_the_ports_say(text: str, message: str, tmp_path: Path) -> None:
    wrong = kernel(tmp_path, text, "silu", ins=[TILES], outs=[TILES], replaces="act")
    if "V<8>" in text:
        wrong.source_path.write_text(wrong.source_path.read_text().replace("V<16> v = x.read()", "V<16> v; x.read()"))
    with pytest.raises(UserError, match=message) as caught:
        streamtensor.compile(*gated(), extern_kernels=[wrong])
    assert caught.value.code == "ST0114"


def test_a_kernel_that_computes_something_else(tmp_path: Path) -> None:
    text = SILU.replace("1.0f +", "1.01f +")
    wrong = kernel(tmp_path, text, "silu", ins=[TILES], outs=[TILES], replaces="act")
    with pytest.raises(UserError, match=r"differs from aten.silu.default by 0.0\d+ on random inputs") as caught:
        streamtensor.compile(*gated(), extern_kernels=[wrong])
    assert caught.value.code == "ST0115"
    coarse = kernel(tmp_path, text, "silu", ins=[TILES], outs=[TILES], replaces="act", tolerance=0.1)
    streamtensor.compile(*gated(), extern_kernels=[coarse])


def test_a_kernel_with_a_wrong_port_order_is_found(tmp_path: Path) -> None:
    """The types say another order than the code has: the shapes fit, the numbers do not."""
    wrong = kernel(tmp_path, LINEAR, "linear", ins=[LINEAR_X, LINEAR_X, LINEAR_B], outs=[TILES], replaces="down")
    with pytest.raises(UserError, match="more than its tolerance") as caught:
        streamtensor.compile(*gated(), extern_kernels=[wrong])
    assert caught.value.code == "ST0115"
    assert LINEAR_X != LINEAR_W


def test_a_kernel_that_reads_more_before_it_writes_than_it_says(tmp_path: Path) -> None:
    """A first tile is read before anything is written, and the last one written behind the loop."""
    text = """
void silu(hls::stream<V<16>> &x, hls::stream<V<16>> &y) {
  V<16> tiles[2][16];
  for (int t = 0; t <= 4; ++t) {
    for (int r = 0; r < 16; ++r) {
      if (t < 4) tiles[t % 2][r] = x.read();
    }
    for (int r = 0; r < 16; ++r) {
      if (t == 0) continue;
      V<16> v = tiles[(t + 1) % 2][r];
      for (int i = 0; i < 16; ++i) v[i] = v[i] / (1.0f + hls::expf(-v[i]));
      y.write(v);
    }
  }
}
"""
    fields: dict[str, Any] = {"ins": [TILES], "outs": [TILES], "replaces": "act"}
    with pytest.raises(UserError, match=r"reads more before it writes than reads_before_writes = \[1\] says") as caught:
        streamtensor.compile(
            *gated(), extern_kernels=[kernel(tmp_path, text, "silu", reads_before_writes=[1], **fields)]
        )
    assert caught.value.code == "ST0114"
    assert any("waits to read FIFO in0 (empty) after 16 tokens" in note for note in caught.value.notes)
    check(gated(), [kernel(tmp_path, text, "silu", reads_before_writes=[4], **fields)], run=False)
    check(gated(), [kernel(tmp_path, text, "silu", **fields)], run=False)


def test_the_ports_of_a_part(tmp_path: Path) -> None:
    module, inputs = gated()
    ports = streamtensor.extern_ports(module, inputs, "down:aten.linear")
    assert [(port.side, port.value, port.data) for port in ports] == [
        ("in", "silu", "32x32xf32"),
        ("in", "down.weight", "32x32xf32"),
        ("in", "down.bias", "32xf32"),
        ("out", "", "32x32xf32"),
    ]
    assert [len(port.neighbours) for port in ports] == [1, 0, 0, 1]
    (name, itensor), cpp = ports[0].neighbours[0], ports[0].cpp
    assert name
    assert cpp == "hls::stream<hls::vector<float, 16>>"
    exact = silu(tmp_path, ins=[streamtensor.extern_ports(module, inputs, "act")[0].neighbours[0][1]])
    assert exact.port_types[0].data_shape == (32, 32)
    assert itensor.startswith("itensor<")
