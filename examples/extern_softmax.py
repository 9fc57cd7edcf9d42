# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A transformer block with a hand-written softmax: `python examples/extern_softmax.py`.

Prints the ports that the softmax has among its neighbours, puts extern_softmax.cpp in its place, and runs the design
beside the module.
"""

from pathlib import Path

from gpt2_block import small_block

import streamtensor

FOLDER = Path(__file__).resolve().parent
PART = "block.attn:aten.softmax"
HEADS = "itensor<1x16x16xf32, iter_space: [4] * [1], iter_map: (d0) -> (d0, 0, 0)>"

SOFTMAX = streamtensor.ExternKernel(
    name="softmax",
    source=FOLDER / "extern_softmax.cpp",
    function="softmax_rows",
    ins=[HEADS],  # a token is the scores of one head; the C++ gets it row by row
    outs=[HEADS],
    replaces=PART,
    ii=1,
    delay=60,
    reads_before_writes=[1],  # a head is read before its weights are written; not more
    resources={"dsp": 110, "lut": 14000, "ff": 16000},
)


def main() -> None:
    """Compiles the block with the kernel and compares what it computes with PyTorch."""
    block, inputs = small_block()
    for port in streamtensor.extern_ports(block, inputs, PART):
        print(f"{port.side} {port.number}: {port.data}, neighbours {dict(port.neighbours)}, {port.cpp}")
    accelerator = streamtensor.compile(block, inputs, extern_kernels=[SOFTMAX])
    difference = (accelerator.predict(*inputs) - block(*inputs)).abs().max()
    print(f"the accelerator differs from the module by {float(difference.detach()):.1e}")
    print(accelerator.summary["extern_kernels"])


if __name__ == "__main__":
    main()
