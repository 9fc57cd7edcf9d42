# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The interpreter: what a module computes, at every level from tensors to streams.

>>> from streamtensor.dialects import context
>>> from streamtensor.ir.text import parse_module
>>> module = parse_module(context(), '''
... func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
...   %y = arith.addf %x, %x : tensor<2xf32>
...   func.return %y : tensor<2xf32>
... }''')
>>> import numpy as np
>>> run(module, [np.array([1, 2], dtype=np.float32)])
[array([2., 4.], dtype=float32)]
"""

from streamtensor.simulate.interpreter.arguments import random_inputs
from streamtensor.simulate.interpreter.comparison import compare
from streamtensor.simulate.interpreter.run import run

__all__ = ["compare", "random_inputs", "run"]
