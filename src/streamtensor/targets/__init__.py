# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Devices as data files: memories, channels, DSPs, dies, clock, each figure with its source."""

from streamtensor.targets.device import Device, Memory
from streamtensor.targets.load import device_names, load_device

__all__ = ["Device", "Memory", "device_names", "load_device"]
