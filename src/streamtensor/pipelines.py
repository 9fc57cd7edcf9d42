# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every pipeline on one page: the levels, the passes that lead to each, and why a pass stands where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamtensor.algebra.external import PORT_BITS
from streamtensor.ir.core import CanonicalizePass, CommonSubexpressionElimination, DeadCodeElimination, ModulePass
from streamtensor.targets.device import Device
from streamtensor.targets.memory_blocks import LUTRAM_WORDS
from streamtensor.targets.operations import DEFAULT_FAMILY
from streamtensor.transforms.dataflow.convert_empty_to_instance import ConvertEmptyToInstancePass
from streamtensor.transforms.dataflow.convert_linalg_to_kernel import ConvertLinalgToKernelPass
from streamtensor.transforms.dataflow.convert_tensor_to_kernel import ConvertTensorToKernelPass
from streamtensor.transforms.dataflow.ensure_itensor_single_use import EnsureITensorSingleUsePass
from streamtensor.transforms.dataflow.fold_itensor_views import FoldITensorViewsPass
from streamtensor.transforms.dataflow.fold_itensors import FoldITensorsPass
from streamtensor.transforms.dataflow.materialize_converters import MaterializeConvertersPass
from streamtensor.transforms.dataflow.materialize_kernels import MaterializeKernelsPass
from streamtensor.transforms.dataflow.materialize_routing import MaterializeRoutingPass
from streamtensor.transforms.dataflow.share_parameter_dmas import ShareParameterDmasPass
from streamtensor.transforms.dataflow.simplify_task_structure import SimplifyTaskStructurePass
from streamtensor.transforms.dataflow.vectorize_itensors import VectorizeITensorsPass
from streamtensor.transforms.fusion.fuse_kernels import FuseKernelsPass
from streamtensor.transforms.fusion.lower_pack_unpack import LowerPackUnpackPass
from streamtensor.transforms.fusion.pack_kernel_interface import PackKernelInterfacePass
from streamtensor.transforms.fusion.widen_kernel_interface import WidenKernelInterfacePass
from streamtensor.transforms.linalg import LINALG_PASSES
from streamtensor.transforms.lowering.bound_context_loops import BoundContextLoopsPass
from streamtensor.transforms.lowering.bufferize import BufferizePass
from streamtensor.transforms.lowering.convert_linalg_to_loops import ConvertLinalgToLoopsPass
from streamtensor.transforms.lowering.generate_directives import GenerateDirectivesPass
from streamtensor.transforms.lowering.group_sums import GroupSumsPass
from streamtensor.transforms.lowering.lower_itensor_to_stream import LowerITensorToStreamPass
from streamtensor.transforms.lowering.repeat_layers import RepeatLayersPass
from streamtensor.transforms.lowering.strip_mine import StripMinePass
from streamtensor.transforms.resources.allocate_memories import AllocateMemoriesPass
from streamtensor.transforms.resources.place_tasks import PlaceTasksPass
from streamtensor.transforms.resources.schedule_tasks import ScheduleTasksPass
from streamtensor.transforms.resources.size_bounded_streams import SizeBoundedStreamsPass
from streamtensor.transforms.resources.size_streams import SizeStreamsPass
from streamtensor.transforms.tiling.apply_tiling import ApplyTilingPass
from streamtensor.transforms.tiling.choose_kernels import ChooseKernelsPass
from streamtensor.transforms.tiling.crop_operands import CropOperandsPass
from streamtensor.transforms.tiling.default_tiling import DefaultTilingPass
from streamtensor.transforms.tiling.order_loops import OrderLoopsPass
from streamtensor.transforms.tiling.pad_loops import PadLoopsPass
from streamtensor.transforms.tiling.slice_weights import SliceWeightsPass
from streamtensor.transforms.tiling.unroll_kernels import UnrollKernelsPass

LEVEL_FILES = {
    "tensor": "10-tensor.mlir",
    "dataflow": "20-dataflow.mlir",
    "fused": "30-fused.mlir",
    "materialized": "40-materialized.mlir",
    "stream": "50-stream.mlir",
}
LEVELS = (*LEVEL_FILES, "code")

Launch: TypeAlias = Literal["per-layer", "one"]
"""A launch for each layer of a model, or one for all of them."""

DEFAULT_UNROLL = 16
PAD_BELOW_PERCENT = 50  # of the wanted tile: a loop whose tile would be smaller is padded
FIFO_RESERVE_PERCENT = 15  # of the on-chip memory, kept for FIFOs and DMAs while kernels are fused
PREFETCH_PERCENT = 25.0  # of the on-chip memory that buffers leave, for weights that are loaded ahead
PARAMETER_BYTES = 0  # parameters of fewer share a DMA


@dataclass(frozen=True)
class Choices:
    """What a run of the pipeline chooses: the default tile of a loop, the on-chip memory of the device (0 = no limit),
    the widest FIFO, the unroll within a tile, and the dies, memory blocks, memory ports
    and family of the device. `fifo_sizing` is where FIFO depths come from, `fifo_slowdown_percent`
    how much slower a kernel may be where that saves memory (`timing.kernel_sizing`), `prefetch_percent` the share of
    the on-chip memory that buffers leave for weights that are loaded ahead (`timing.prefetch`).

    `row_tile`, `reduction_tile` (0: like the others), `lane_bits`, `slice_bytes`, `most_slices`, `macs`, `plain_lanes`,
    `product_lanes` and `multipliers` are for wide designs: see default-tiling, slice-weights, strip-mine and
    generate-directives. Banks of at most `lutram_words` words go into LUT memory.

    `loop_order` "search" lets order-loops choose, "result" keeps the order of each result. `fusion` is the strategy of
    fuse-kernels ("search" or "greedy"), `fusion_percent` the share of the on-chip memory that kernels and converters of
    a group may take. `unroll_budget` are parallel operations to spend (unroll-kernels). `kernels` are choices for
    single kernels, such as `unroll.mlp_c_fc=64` (choose-kernels).

    `launch` is "per-layer", each call of a layer is a launch, or "one", a launch of all layers (repeat-layers).
    Parameters of fewer than `parameter_bytes` bytes share a DMA (share-parameter-dmas); 0: each has its own.
    """

    tile: int = 16
    on_chip_bits: int = 0
    fifo_width_bits: int = 512
    unroll: int = DEFAULT_UNROLL
    dies: int = 1
    bram36: int = 2016
    uram: int = 960
    port_bits: int = PORT_BITS
    family: str = DEFAULT_FAMILY
    fifo_sizing: str = "schedule"
    fifo_slowdown_percent: float = 0.0
    prefetch_percent: float = PREFETCH_PERCENT
    row_tile: int = 0
    reduction_tile: int = 0
    lane_bits: int = 0
    slice_bytes: int = 0
    most_slices: int = 8
    macs: int = 0
    plain_lanes: int = 0
    product_lanes: int = 0
    multipliers: int = 64
    pad_below_percent: int = PAD_BELOW_PERCENT
    lutram_words: int = LUTRAM_WORDS
    loop_order: Literal["search", "result"] = "search"
    fusion: Literal["search", "greedy"] = "search"
    fusion_percent: int = 100 - FIFO_RESERVE_PERCENT
    unroll_budget: int = 0
    kernels: tuple[str, ...] = ()
    launch: Launch = "per-layer"
    parameter_bytes: int = PARAMETER_BYTES

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernels", tuple(self.kernels))  # JSON has a list


def choices_for(
    device: Device,
    *,
    tile: int = 16,
    unroll: int = DEFAULT_UNROLL,
    fifo_sizing: str = "schedule",
    fifo_slowdown_percent: float = 0.0,
    prefetch_percent: float = PREFETCH_PERCENT,
    launch: Launch = "per-layer",
    parameter_bytes: int = PARAMETER_BYTES,
) -> Choices:
    """The choices of a run for `device`."""
    return Choices(
        tile=tile,
        unroll=unroll,
        on_chip_bits=device.on_chip_bits,
        dies=device.dies,
        bram36=device.bram36,
        uram=device.uram,
        port_bits=min(PORT_BITS, device.axi_port_bits),
        family=device.family,
        fifo_sizing=fifo_sizing,
        fifo_slowdown_percent=fifo_slowdown_percent,
        prefetch_percent=prefetch_percent,
        launch=launch,
        parameter_bytes=parameter_bytes,
    )


def passes_to(level: str, choices: Choices) -> tuple[ModulePass, ...]:
    """The passes that lead from the level before to `level`."""
    limit = choices.on_chip_bits * choices.fusion_percent // 100
    port, fifo = choices.port_bits, choices.fifo_width_bits
    match level:
        case "tensor":
            return LINALG_PASSES  # each with its reason in transforms/linalg/__init__.py
        case "dataflow":
            return (
                ChooseKernelsPass(choices.kernels),  # first: what is chosen goes with what becomes of the operation
                CropOperandsPass(),  # before tiles are chosen, which have to divide what is streamed
                PadLoopsPass(choices.pad_below_percent, *_tiles(choices), **_slices(choices)),  # before loops are cut
                SliceWeightsPass(**_slices(choices)),  # before tiles: each part has its own loops
                DefaultTilingPass(*_tiles(choices)),  # the point of the tiling space, written on the operations
                UnrollKernelsPass(choices.unroll_budget, port),  # a kernel has no more lanes than its tile
                OrderLoopsPass(choices.loop_order),  # needs the tiles; before loops exist an order is one attribute
                ApplyTilingPass(),  # the point as loops and slices, still plain tensors
                ConvertTensorToKernelPass(),  # before the pass that looks for what has become no kernel
                ConvertLinalgToKernelPass(),  # the loops become itensor types
            )
        case "fused":
            return (
                FuseKernelsPass(limit, choices.fusion),  # while a converter is one operation: cheap to share
                PackKernelInterfacePass(port_bits=port),  # after fusion: what is left between kernels lies outside
                WidenKernelInterfacePass(port_bits=port, fifo_bits=fifo),  # the tile of a packed tensor has words
                LowerPackUnpackPass(),  # last: tiles and words leave the device together
            )
        case "materialized":
            return (
                FoldITensorViewsPass(),  # before anything is a task: what is folded costs nothing
                MaterializeRoutingPass(),  # after fusion, which connects what is cut and put together
                MaterializeConvertersPass(),  # after fusion, which merges converters
                MaterializeKernelsPass(),  # after fusion, which merges boundaries
                SimplifyTaskStructurePass(),  # all tasks exist; before tokens are taken apart
                FoldITensorsPass(products_apart=choices.macs > 0),  # tasks are complete, tokens still tiles
                VectorizeITensorsPass(width_bits=choices.fifo_width_bits),  # sees DMA tasks too: both ends agree
                EnsureITensorSingleUsePass(),  # after all readers exist, converters and stores included
                ConvertEmptyToInstancePass(),  # after single use: one producer, one consumer
                ShareParameterDmasPass(choices.parameter_bytes),  # FIFOs are named after what each holds; before depths
                SizeStreamsPass(),  # after single use: one FIFO for each reader
            )
        case "stream":
            return (
                LowerITensorToStreamPass(),  # first: what stays carried by loops are tensors
                BufferizePass(),
                ConvertLinalgToLoopsPass(),  # on buffers, where an accumulator is changed in place
                StripMinePass(*_lanes(choices)),  # before the directives, which unroll the inner loops
                GroupSumsPass(*_lanes(choices)[1:]),  # likewise
                GenerateDirectivesPass(unroll=choices.unroll, macs=choices.macs),  # on the final loops
                AllocateMemoriesPass(choices.lutram_words, choices.bram36, choices.uram),  # needs partitions
                ScheduleTasksPass(choices.family),  # needs loops, directives and memories as they will be
                PlaceTasksPass(dies=choices.dies),  # by the memories and FIFOs that there are
                BoundContextLoopsPass(),  # behind all to which loops are static, of the longest context
                RepeatLayersPass(choices.launch, choices.family),  # behind all that looks at one layer
                SizeBoundedStreamsPass(),  # last: what was sized for the longest context does for shorter ones
            )
        case _:
            return ()


def _tiles(choices: Choices) -> tuple[int, int, int, int]:
    return choices.tile, choices.row_tile, choices.reduction_tile, choices.lane_bits


def _slices(choices: Choices) -> dict[str, int]:
    lanes = choices.tile if choices.lane_bits else 0
    return {"slice_bytes": choices.slice_bytes, "most": choices.most_slices, "lanes": lanes}


def _lanes(choices: Choices) -> tuple[int, int, int, int]:
    return choices.unroll, choices.plain_lanes, choices.product_lanes, choices.multipliers


def all_passes() -> dict[str, type[ModulePass]]:
    """Every pass by its name, for `streamtensor-opt`."""
    upstream: tuple[type[ModulePass], ...] = (
        CanonicalizePass,
        CommonSubexpressionElimination,
        DeadCodeElimination,
    )
    own = {type(one) for level in LEVELS for one in passes_to(level, Choices())}
    return {one.name: one for one in sorted({*upstream, *own}, key=lambda one: one.name)}
