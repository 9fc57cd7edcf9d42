# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Python's cyclic garbage collector while IR is built and rewritten."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def loaded_objects_set_aside() -> Generator[None]:
    """Inside, the collector looks only at objects that are made inside.

    IR is made of many small objects with cycles, so that full collections are frequent; PyTorch and its companions have
    brought a million objects by then, which would be visited each time. Contexts of this kind must not be nested.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
