# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parameters and buffers by name, and putting other values in their place."""

from collections.abc import Mapping

import torch

from streamtensor.diagnostics import UserError


def state(module: torch.nn.Module, name: str) -> torch.Tensor:
    """The parameter or buffer called `name`. Raises KeyError when there is none."""
    owner, _, last = name.rpartition(".")
    try:
        value = getattr(module.get_submodule(owner), last)
    except AttributeError:
        raise KeyError(name) from None
    if not isinstance(value, torch.Tensor):
        raise KeyError(name)
    return value


def fill_parameters(module: torch.nn.Module, values: Mapping[str, torch.Tensor], prefix: str = "") -> None:
    """Puts `values` in the place of the parameters and buffers of these names; the module is changed, nothing copied.

    A name stands for its tensor wherever the module holds it (tied weights), first with `prefix` before it, then
    without. What has no value in `values` stays as it is, so that a module on the meta device runs as soon as all
    that it reads is given. Names that the module does not have are left out. Raises UserError ST0103 for a value of
    another shape.
    """
    replace: dict[int, torch.Tensor] = {}
    for name, value in values.items():
        old = _find(module, prefix + name, name)
        if old is None:
            continue
        if old.shape != value.shape:
            raise UserError("ST0103", f"parameter {name} has shape {list(value.shape)}, not {list(old.shape)}")
        replace[id(old)] = value.to(old.dtype)
    for owner in module.modules():
        for name, tensor in list(owner.named_parameters(recurse=False, remove_duplicate=False)):
            if id(tensor) in replace:
                setattr(owner, name, torch.nn.Parameter(replace[id(tensor)], requires_grad=False))
        for name, tensor in list(owner.named_buffers(recurse=False, remove_duplicate=False)):
            if id(tensor) in replace:
                setattr(owner, name, replace[id(tensor)])


def _find(module: torch.nn.Module, *names: str) -> torch.Tensor | None:
    for name in names:
        try:
            return state(module, name)
        except KeyError:
            continue
    return None
