# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels and tasks on itensors: tokens flow in stream order, and every miscount is an error that says where."""

import numpy as np
import pytest

from numerics.compare import Array, fill, run_text
from streamtensor.algebra.layout import StreamLayout
from streamtensor.diagnostics import InternalError
from streamtensor.simulate.interpreter.queues import Queue, stream_of, tensor_of

GENERATOR = np.random.default_rng(11)

CONSTANTS = """
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %c8 = arith.constant 8 : index
    %c16 = arith.constant 16 : index
    %c32 = arith.constant 32 : index
    %c64 = arith.constant 64 : index
    %zero = arith.constant 0.0 : f32
"""


def _random(*shape: int) -> Array:
    return GENERATOR.uniform(-1, 1, shape).astype(np.float32)


def _itensor(layout: str, scalar: str = "f32") -> str:
    element, rest = layout.split(", ", 1)
    space, iter_map = rest.split("], (")
    return f"!dataflow.itensor<{element}x{scalar}, iter_space: {space}], iter_map: ({iter_map}>"


LAYOUTS = (
    "2x2, [4, 4] * [2, 2], (d0, d1) -> (d0, d1)",
    "4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)",
    "4x2, [4, 2, 2] * [2, 1, 4], (d0, d1, d2) -> (d2, d0)",
    "1x4, [2, 2, 2, 2] * [4, 4, 1, 2], (d0, d1, d2, d3) -> (d0 + d2 + d3, d1)",
    "4x4, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)",
    "2x1, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)",
    "2x2, [4, 4] * [2, 2], (d0, d1) -> (6 - d0, d1)",
)


@pytest.mark.parametrize("text", LAYOUTS)
def test_a_tensor_streams_in_the_order_of_its_type_and_back(text: str) -> None:
    layout = StreamLayout.parse(text)
    data = _random(*layout.data_shape)
    queue = stream_of("x", data, layout)
    slices = [
        tuple(slice(o, o + n) for o, n in zip(offset, layout.element, strict=True)) for offset in layout.offsets()
    ]
    assert len(queue.tokens) == len(slices)
    for token, part in zip(queue.tokens, slices, strict=True):
        np.testing.assert_array_equal(token, data[part])
    again = tensor_of(queue, layout, data.dtype)
    covered = np.zeros(data.shape, dtype=bool)
    for part in slices:
        covered[part] = True
    np.testing.assert_array_equal(again[covered], data[covered])
    assert np.isnan(again[~covered]).all()


def test_a_transposed_tensor_streams_the_same() -> None:
    layout = StreamLayout.parse(LAYOUTS[1])
    data = _random(8, 8)
    for a, b in zip(stream_of("x", data.T, layout).tokens, stream_of("x", data.T.copy(), layout).tokens, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_later_of_repeated_tokens_wins() -> None:
    layout = StreamLayout.parse("1, [2, 2] * [1, 1], (d0, d1) -> (d1)")
    tokens = [np.array([value], dtype=np.float32) for value in (1, 2, 3, 4)]
    np.testing.assert_array_equal(tensor_of(Queue("x", tokens), layout, np.dtype(np.float32)), [3, 4])


MATMUL_TYPES = {
    "!X": _itensor("16x16, [2, 4, 4] * [16, 16, 16], (d0, d1, d2) -> (d0, d2)"),
    "!W": _itensor("16x16, [2, 4, 4] * [16, 16, 16], (d0, d1, d2) -> (d2, d1)"),
    "!Y": _itensor("16x16, [2, 4] * [16, 16], (d0, d1) -> (d0, d1)"),
    "!R": _itensor("1x64, [32] * [1], (d0) -> (d0, 0)"),
}
MATMUL_TASK = """
    %t = dataflow.task "matmul" inits(%yi : !Y) {
    ^bb0(%o: !Y):
      %r = scf.for %i = %c0 to %c32 step %c16 iter_args(%oi = %o) -> (!Y) {
        %rj = scf.for %j = %c0 to %c64 step %c16 iter_args(%oj = %oi) -> (!Y) {
          %acc0 = tensor.empty() : tensor<16x16xf32>
          %acc = scf.for %k = %c0 to %c64 step %c16 iter_args(%a = %acc0) -> (tensor<16x16xf32>) {
            %tx = dataflow.itensor_read %xi : !X -> tensor<16x16xf32>
            %tw = dataflow.itensor_read %wi : !W -> tensor<16x16xf32>
            %n = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>,
                affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
                ins(%tx, %tw : tensor<16x16xf32>, tensor<16x16xf32>) outs(%a : tensor<16x16xf32>) {
            ^bb0(%p: f32, %q: f32, %s: f32):
              %kk = linalg.index 2 : index
              %ka = arith.addi %kk, %k : index
              %first = arith.cmpi eq, %ka, %c0 : index
              %s0 = arith.select %first, %zero, %s : f32
              %m = arith.mulf %p, %q : f32
              %u = arith.addf %s0, %m : f32
              linalg.yield %u : f32
            } -> tensor<16x16xf32>
            scf.yield %n : tensor<16x16xf32>
          }
          %o1 = dataflow.itensor_write %acc into %oj : tensor<16x16xf32> -> !Y
          scf.yield %o1 : !Y
        }
        scf.yield %rj : !Y
      }
      dataflow.yield %r : !Y
    } -> !Y
"""
MATMUL = fill(
    f"""
    func.func @main(%x: tensor<32x64xf32>, %w: tensor<64x64xf32>) -> tensor<32x64xf32> {{
      %e = tensor.empty() : tensor<32x64xf32>
      %y = dataflow.kernel "matmul" ins(%x, %w : tensor<32x64xf32>, tensor<64x64xf32>) outs(%e : tensor<32x64xf32>) {{
      ^bb0(%xi: !X, %wi: !W, %yi: !Y):
        {CONSTANTS}
        {MATMUL_TASK}
        dataflow.yield %t : !Y
      }} -> tensor<32x64xf32>
      func.return %y : tensor<32x64xf32>
    }}""",
    MATMUL_TYPES,
)


def _product(x: Array, w: Array) -> Array:
    """x @ w, added in f32 in the order of k."""
    y = np.zeros((x.shape[0], w.shape[1]), dtype=np.float32)
    for k in range(x.shape[1]):
        y += x[:, k : k + 1] * w[k : k + 1, :]
    return y


def test_a_tiled_matmul() -> None:
    x, w = _random(32, 64), _random(64, 64)
    np.testing.assert_array_equal(run_text(MATMUL, x, w)[0], _product(x, w))


def test_a_matmul_that_streams_through_a_converter_into_a_softmax_of_rows() -> None:
    """One fused kernel: tiles in, rows out; the softmax task reads its rows through a converter."""
    text = fill(
        f"""
    func.func @main(%x: tensor<32x64xf32>, %w: tensor<64x64xf32>) -> tensor<32x64xf32> {{
      %e = tensor.empty() : tensor<32x64xf32>
      %y = dataflow.kernel "fused" ins(%x, %w : tensor<32x64xf32>, tensor<64x64xf32>) outs(%e : tensor<32x64xf32>) {{
      ^bb0(%xi: !X, %wi: !W, %si: !R):
        {CONSTANTS}
        %yi = dataflow.itensor_empty : !Y
        {MATMUL_TASK}
        %rows = dataflow.itensor_converter %t buffer [16, 64] shared 1 : !Y -> !R
        %z = dataflow.task "softmax" inits(%si : !R) {{
        ^bb0(%o: !R):
          %low = arith.constant 0xFF800000 : f32
          %r = scf.for %i = %c0 to %c32 step %c1 iter_args(%oi = %o) -> (!R) {{
            %row = dataflow.itensor_read %rows : !R -> tensor<1x64xf32>
            %m0 = tensor.splat %low : tensor<1xf32>
            %m = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                iterator_types = ["parallel", "reduction"]}} ins(%row : tensor<1x64xf32>) outs(%m0 : tensor<1xf32>) {{
            ^bb0(%a: f32, %b: f32):
              %n = arith.maximumf %a, %b : f32
              linalg.yield %n : f32
            }} -> tensor<1xf32>
            %e0 = tensor.empty() : tensor<1x64xf32>
            %s0 = tensor.splat %zero : tensor<1xf32>
            %exps, %sum = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>,
                affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}}
                ins(%row, %m : tensor<1x64xf32>, tensor<1xf32>) outs(%e0, %s0 : tensor<1x64xf32>, tensor<1xf32>) {{
            ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
              %v = arith.subf %a, %b : f32
              %g = math.exp %v : f32
              %h = arith.addf %d, %g : f32
              linalg.yield %g, %h : f32, f32
            }} -> (tensor<1x64xf32>, tensor<1xf32>)
            %q0 = tensor.empty() : tensor<1x64xf32>
            %q = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>,
                affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}}
                ins(%exps, %sum : tensor<1x64xf32>, tensor<1xf32>) outs(%q0 : tensor<1x64xf32>) {{
            ^bb0(%a: f32, %b: f32, %c: f32):
              %v = arith.divf %a, %b : f32
              linalg.yield %v : f32
            }} -> tensor<1x64xf32>
            %o1 = dataflow.itensor_write %q into %oi : tensor<1x64xf32> -> !R
            scf.yield %o1 : !R
          }}
          dataflow.yield %r : !R
        }} -> !R
        dataflow.yield %z : !R
      }} -> tensor<32x64xf32>
      func.return %y : tensor<32x64xf32>
    }}""",
        MATMUL_TYPES,
    )
    x, w = _random(32, 64), _random(64, 64)
    scores = _product(x, w).astype(np.float64)
    expected = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(run_text(text, x, w)[0], expected, rtol=2e-5)


SMALL = {
    "!A": _itensor("2x4, [4, 2] * [2, 4], (d0, d1) -> (d0, d1)"),
    "!B": _itensor("4x2, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)"),
    "!P": _itensor("2x4, [4, 2, 3] * [2, 4, 1], (d0, d1, d2) -> (d0, d1)"),
}


def _negate(name: str, source: str, init: str, kind: str, tile: str, bounds: str = "%c8 step %c2, %c8 step %c4") -> str:
    """A task that negates every token of `source`."""
    outer, inner = bounds.split(", ")
    return f"""
    %{name} = dataflow.task "{name}" inits({init} : {kind}) {{
    ^bb0(%o: {kind}):
      %r = scf.for %i = %c0 to {outer} iter_args(%oi = %o) -> ({kind}) {{
        %rj = scf.for %j = %c0 to {inner} iter_args(%oj = %oi) -> ({kind}) {{
          %t = dataflow.itensor_read {source} : {kind} -> {tile}
          %n = arith.negf %t : {tile}
          %o1 = dataflow.itensor_write %n into %oj : {tile} -> {kind}
          scf.yield %o1 : {kind}
        }}
        scf.yield %rj : {kind}
      }}
      dataflow.yield %r : {kind}
    }} -> {kind}
    """


def _kernel(body: str, result: str = "%b") -> str:
    return fill(
        f"""
    func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {{
      %e = tensor.empty() : tensor<8x8xf32>
      %y = dataflow.kernel "k" ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {{
      ^bb0(%xi: !A, %yi: !A):
        {CONSTANTS}
        {body}
        dataflow.yield {result} : !A
      }} -> tensor<8x8xf32>
      func.return %y : tensor<8x8xf32>
    }}""",
        SMALL,
    )


def test_two_consumers_each_read_all_tokens() -> None:
    """%a is read by %b and by the sum, at their own positions."""
    text = _kernel(
        "%ea = dataflow.itensor_empty : !A\n"
        + "%eb = dataflow.itensor_empty : !A\n"
        + _negate("a", "%xi", "%ea", "!A", "tensor<2x4xf32>")
        + _negate("b", "%a", "%eb", "!A", "tensor<2x4xf32>")
        + """
        %s = dataflow.task "sum" inits(%yi : !A) {
        ^bb0(%o: !A):
          %r = scf.for %i = %c0 to %c8 step %c2 iter_args(%oi = %o) -> (!A) {
            %rj = scf.for %j = %c0 to %c8 step %c4 iter_args(%oj = %oi) -> (!A) {
              %t = dataflow.itensor_read %a : !A -> tensor<2x4xf32>
              %u = dataflow.itensor_read %b : !A -> tensor<2x4xf32>
              %v = dataflow.itensor_read %xi : !A -> tensor<2x4xf32>
              %w = arith.addf %t, %u : tensor<2x4xf32>
              %n = arith.mulf %w, %v : tensor<2x4xf32>
              %m = arith.addf %n, %t : tensor<2x4xf32>
              %o1 = dataflow.itensor_write %m into %oj : tensor<2x4xf32> -> !A
              scf.yield %o1 : !A
            }
            scf.yield %rj : !A
          }
          dataflow.yield %r : !A
        } -> !A""",
        "%s",
    )
    x = _random(8, 8)
    np.testing.assert_array_equal(run_text(text, x)[0], -x)


def test_converters_reorder_through_another_order_and_back() -> None:
    text = _kernel(
        "%ea = dataflow.itensor_empty : !B\n"
        + "%xb = dataflow.itensor_converter %xi buffer [8, 8] shared 0 : !A -> !B\n"
        + _negate("a", "%xb", "%ea", "!B", "tensor<4x2xf32>", "%c8 step %c2, %c8 step %c4")
        + "%b = dataflow.itensor_converter %a buffer [8, 8] shared 0 : !B -> !A\n"
    )
    x = _random(8, 8)
    np.testing.assert_array_equal(run_text(text, x)[0], -x)


def test_equal_empty_itensors_may_be_one_value() -> None:
    """Common subexpressions merge two placeholders; each task still starts a chain of its own."""
    text = _kernel(
        "%ea = dataflow.itensor_empty : !A\n"
        + _negate("a", "%xi", "%ea", "!A", "tensor<2x4xf32>")
        + _negate("b", "%a", "%ea", "!A", "tensor<2x4xf32>")
    )
    x = _random(8, 8)
    np.testing.assert_array_equal(run_text(text, x)[0], x)


def test_a_materialized_kernel_loads_and_stores_tensors() -> None:
    """The DMA tasks slice the tensor arguments themselves; tokens are vectors."""
    order = "iter_space: [4, 2, 2] * [2, 4, 1], iter_map: (d0, d1, d2) -> (d0 + d2, d1)"
    types = {"!V": f"!dataflow.itensor<vector<1x4xf32>, {order}>"}
    text = fill(
        f"""
    func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {{
      %e = tensor.empty() : tensor<8x8xf32>
      %y = dataflow.kernel "k" ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {{
      ^bb0(%xt: tensor<8x8xf32>, %yt: tensor<8x8xf32>):
        {CONSTANTS}
        %e0 = dataflow.itensor_empty : !V
        %q = dataflow.task "load" inits(%e0 : !V) {{
        ^bb0(%o: !V):
          %r = scf.for %i = %c0 to %c8 step %c2 iter_args(%oi = %o) -> (!V) {{
            %rj = scf.for %j = %c0 to %c8 step %c4 iter_args(%oj = %oi) -> (!V) {{
              %tile = tensor.extract_slice %xt[%i, %j] [2, 4] [1, 1] : tensor<8x8xf32> to tensor<2x4xf32>
              %ra = scf.for %a = %c0 to %c2 step %c1 iter_args(%oa = %oj) -> (!V) {{
                %v = vector.transfer_read %tile[%a, %c0], %zero {{in_bounds = [true, true]}}
                    : tensor<2x4xf32>, vector<1x4xf32>
                %o1 = dataflow.itensor_write %v into %oa : vector<1x4xf32> -> !V
                scf.yield %o1 : !V
              }}
              scf.yield %ra : !V
            }}
            scf.yield %rj : !V
          }}
          dataflow.yield %r : !V
        }} -> !V
        %s = dataflow.task "store" inits(%yt : tensor<8x8xf32>) {{
        ^bb0(%o: tensor<8x8xf32>):
          %r = scf.for %i = %c0 to %c8 step %c2 iter_args(%oi = %o) -> (tensor<8x8xf32>) {{
            %rj = scf.for %j = %c0 to %c8 step %c4 iter_args(%oj = %oi) -> (tensor<8x8xf32>) {{
              %t0 = tensor.empty() : tensor<2x4xf32>
              %tile = scf.for %a = %c0 to %c2 step %c1 iter_args(%t = %t0) -> (tensor<2x4xf32>) {{
                %v = dataflow.itensor_read %q : !V -> vector<1x4xf32>
                %n = arith.addf %v, %v : vector<1x4xf32>
                %t1 = vector.transfer_write %n, %t[%a, %c0] {{in_bounds = [true, true]}}
                    : vector<1x4xf32>, tensor<2x4xf32>
                scf.yield %t1 : tensor<2x4xf32>
              }}
              %o1 = tensor.insert_slice %tile into %oj[%i, %j] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<8x8xf32>
              scf.yield %o1 : tensor<8x8xf32>
            }}
            scf.yield %rj : tensor<8x8xf32>
          }}
          dataflow.yield %r : tensor<8x8xf32>
        }} -> tensor<8x8xf32>
        dataflow.yield %s : tensor<8x8xf32>
      }} -> tensor<8x8xf32>
      func.return %y : tensor<8x8xf32>
    }}""",
        types,
    )
    x = _random(8, 8)
    np.testing.assert_array_equal(run_text(text, x)[0], x + x)


ONE_MORE = """
    %extra = dataflow.task "greedy" inits(%yi : !A) {
    ^bb0(%o: !A):
      %r = scf.for %i = %c0 to %c8 step %c2 iter_args(%oi = %o) -> (!A) {
        %rj = scf.for %j = %c0 to %c8 step %c4 iter_args(%oj = %oi) -> (!A) {
          %t = dataflow.itensor_read %a : !A -> tensor<2x4xf32>
          %o1 = dataflow.itensor_write %t into %oj : tensor<2x4xf32> -> !A
          scf.yield %o1 : !A
        }
        scf.yield %rj : !A
      }
      %more = dataflow.itensor_read %a : !A -> tensor<2x4xf32>
      dataflow.yield %r : !A
    } -> !A
"""


def _unverified(text: str, x: Array) -> Array:
    """Runs a module whose loops do not fit its types, which the verifier would refuse."""
    from streamtensor.dialects import context
    from streamtensor.ir.text import parse_module
    from streamtensor.simulate import interpreter

    return interpreter.run(parse_module(context(), text), [x])[0]


def test_reading_past_the_end_names_task_and_itensor() -> None:
    text = _kernel(
        "%ea = dataflow.itensor_empty : !A\n" + _negate("a", "%xi", "%ea", "!A", "tensor<2x4xf32>") + ONE_MORE, "%extra"
    )
    message = r"task k\.greedy reads token 9 of the itensor of result 0 of task k\.a, which holds 8"
    with pytest.raises(InternalError, match=message):
        _unverified(text, _random(8, 8))


def test_tokens_that_a_task_leaves_are_an_error() -> None:
    text = _kernel(_negate("b", "%xi", "%yi", "!A", "tensor<2x4xf32>", "%c4 step %c2, %c8 step %c4"))
    message = r"task k\.b leaves 4 tokens of the itensor of ins 0 of kernel k: it read 4 of 8"
    with pytest.raises(InternalError, match=message):
        _unverified(text, _random(8, 8))


def test_writing_more_or_fewer_tokens_than_the_type_holds_is_an_error() -> None:
    write = "%o1 = dataflow.itensor_write %n into %oj : tensor<2x4xf32> -> !A"
    twice = write + "\n%o2 = dataflow.itensor_write %n into %o1 : tensor<2x4xf32> -> !A"
    body = _kernel(_negate("b", "%xi", "%yi", "!A", "tensor<2x4xf32>"))
    more = body.replace(fill(write, SMALL), fill(twice, SMALL)).replace("scf.yield %o1", "scf.yield %o2")
    with pytest.raises(
        InternalError, match=r"task k\.b leaves 16 tokens in the itensor of result 0 .* its type holds 8"
    ):
        _unverified(more, _random(8, 8))
    fewer = body.replace(fill(write, SMALL), "").replace("scf.yield %o1", "scf.yield %oj")
    with pytest.raises(
        InternalError, match=r"task k\.b leaves 0 tokens in the itensor of result 0 .* its type holds 8"
    ):
        _unverified(fewer, _random(8, 8))


def test_an_itensor_that_two_chains_continue_is_an_error() -> None:
    write = "%o1 = dataflow.itensor_write %n into %oj : tensor<2x4xf32> -> !A"
    forked = write + "\n%o2 = dataflow.itensor_write %n into %oj : tensor<2x4xf32> -> !A"
    text = _kernel(_negate("b", "%xi", "%yi", "!A", "tensor<2x4xf32>")).replace(fill(write, SMALL), fill(forked, SMALL))
    with pytest.raises(InternalError, match="used elsewhere as well"):
        _unverified(text, _random(8, 8))


def test_what_no_token_covers_is_nan() -> None:
    """A kernel whose outs has gaps gives NaN there instead of the right numbers by chance."""
    types = {"!G": _itensor("2x1, [4, 2] * [2, 4], (d0, d1) -> (d1, d0)")}
    body = _negate("b", "%xi", "%yi", "!G", "tensor<2x1xf32>", "%c8 step %c2, %c8 step %c4")
    text = fill(_kernel(body).replace(SMALL["!A"], "!G").replace("8x8", "6x7"), types)
    x = _random(6, 7)
    y = run_text(text, x)[0]
    covered = np.zeros((6, 7), dtype=bool)
    covered[[0, 1, 4, 5]] = np.arange(7) % 2 == 0
    np.testing.assert_array_equal(y[covered], -x[covered])
    assert np.isnan(y[~covered]).all()


def test_a_task_inside_a_task_goes_on_reading_where_it_stopped() -> None:
    """The inner task runs once per row of tiles; its position in %xi belongs to the task around it."""
    text = fill(
        f"""
    func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {{
      %e = tensor.empty() : tensor<8x8xf32>
      %y = dataflow.kernel "k" ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {{
      ^bb0(%xi: !A, %yi: !A):
        {CONSTANTS}
        %b = dataflow.task "outer" inits(%yi : !A) {{
        ^bb0(%o: !A):
          %r = scf.for %i = %c0 to %c8 step %c2 iter_args(%oi = %o) -> (!A) {{
            %row0 = tensor.empty() : tensor<2x8xf32>
            %row = dataflow.task "inner" inits(%row0 : tensor<2x8xf32>) {{
            ^bb0(%s: tensor<2x8xf32>):
              %u = scf.for %j = %c0 to %c8 step %c4 iter_args(%sj = %s) -> (tensor<2x8xf32>) {{
                %t = dataflow.itensor_read %xi : !A -> tensor<2x4xf32>
                %s1 = tensor.insert_slice %t into %sj[0, %j] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<2x8xf32>
                scf.yield %s1 : tensor<2x8xf32>
              }}
              dataflow.yield %u : tensor<2x8xf32>
            }} -> tensor<2x8xf32>
            %rj = scf.for %j = %c0 to %c8 step %c4 iter_args(%oj = %oi) -> (!A) {{
              %t = tensor.extract_slice %row[0, %j] [2, 4] [1, 1] : tensor<2x8xf32> to tensor<2x4xf32>
              %o1 = dataflow.itensor_write %t into %oj : tensor<2x4xf32> -> !A
              scf.yield %o1 : !A
            }}
            scf.yield %rj : !A
          }}
          dataflow.yield %r : !A
        }} -> !A
        dataflow.yield %b : !A
      }} -> tensor<8x8xf32>
      func.return %y : tensor<8x8xf32>
    }}""",
        SMALL,
    )
    x = _random(8, 8)
    np.testing.assert_array_equal(_unverified(text, x), x)
