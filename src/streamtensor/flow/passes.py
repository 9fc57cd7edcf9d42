# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running the passes of a level, with what is checked after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from streamtensor.diagnostics import InternalError, UserError
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Context, ModulePass
from streamtensor.ir.spec import LEVELS
from streamtensor.ir.text import verify_module

FLOAT_TOLERANCE = 1e-4  # largest relative difference that another order of float32 sums may make
NUMERICS_SEED = 0


@dataclass
class PassRunner:
    """Runs passes; verifies after each with `verify_each`, else after each level.

    With `verify_numerics` the interpreter runs the program on the same random inputs before the first pass and after
    each, and the results must agree. `timings` are seconds by pass.
    """

    context: Context
    verify_each: bool = False
    verify_numerics: bool = False
    timings: dict[str, float] = field(default_factory=dict[str, float])
    _inputs: Sequence[np.ndarray] | None = None
    _wanted: Sequence[np.ndarray] | None = None

    def run(self, module: ModuleOp, level: str, passes: Sequence[ModulePass]) -> None:
        """Leads `module` to `level`.

        Raises UserError ST0303 when an operation is left that the level does not allow, and InternalError when a pass
        breaks the IR or changes the numbers.
        """
        if self.verify_numerics and self._wanted is None:
            self._remember(module)
        for one in passes:
            start = perf_counter()
            one.apply(self.context, module)
            self.timings[one.name] = self.timings.get(one.name, 0.0) + perf_counter() - start
            if self.verify_each:
                _verify(module, one.name)
            if self.verify_numerics:
                self._compare(module, one.name)
        start = perf_counter()
        last = passes[-1].name if passes else "reading"
        if not self.verify_each:
            _verify(module, last)
        LEVELS[level].check(module, last)
        self.timings["verify"] = self.timings.get("verify", 0.0) + perf_counter() - start

    def _remember(self, module: ModuleOp) -> None:
        from streamtensor.simulate import interpreter

        self._inputs = interpreter.random_inputs(module, "main", NUMERICS_SEED)
        self._wanted = interpreter.run(module, self._inputs)

    def _compare(self, module: ModuleOp, name: str) -> None:
        from streamtensor.simulate import interpreter

        assert self._inputs is not None
        assert self._wanted is not None
        found = interpreter.run(module, self._inputs)
        for number, (got, wanted) in enumerate(zip(found, self._wanted, strict=True)):
            difference = interpreter.compare(got, wanted)
            limit = FLOAT_TOLERANCE if np.issubdtype(wanted.dtype, np.floating) else 0.0
            if difference > limit:
                raise InternalError(
                    f"the pass {name} changed output {number}: largest relative difference {difference:.2e}, "
                    f"at most {limit:.0e} is allowed"
                )


def _verify(module: ModuleOp, name: str) -> None:
    try:
        verify_module(module)
    except UserError as error:
        raise InternalError(f"the IR does not verify after the pass {name}: {error}") from error
