# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decompositions that give linalg code a dataflow machine likes: float32 only, no integer powers, no arg-max twins.

Torch-MLIR's own lowering of the same operations computes layer norms in float64, powers by `math.fpowi` and multiplies
by an `alpha` of one; each function here is the plain formula instead. `NotImplemented` leaves a call to PyTorch.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Decomposition = Callable[..., Any]
aten: Any = torch.ops.aten


def layer_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """(x - mean) * rsqrt(mean((x - mean)^2) + eps) * weight + bias over the last dimensions."""
    return native_layer_norm(x, normalized_shape, weight, bias, eps)[0]


def native_layer_norm(
    x: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Layer norm with its two statistics, as the core operation returns them."""
    dims = list(range(x.dim() - len(normalized_shape), x.dim()))
    mean = aten.mean.dim(x, dims, True)
    centred = x - mean
    variance = aten.mean.dim(centred * centred, dims, True)
    scale = aten.rsqrt(variance + eps)
    y = centred * scale
    if weight is not None:
        y = y * weight
    if bias is not None:
        y = y + bias
    return y, mean, scale


def rms_norm(
    x: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """RMS norm: x * rsqrt(mean(x^2) + eps) * weight over the last dimensions; eps None is the type's epsilon."""
    dims = list(range(x.dim() - len(normalized_shape), x.dim()))
    small = torch.finfo(x.dtype).eps if eps is None else eps
    y = x * aten.rsqrt(aten.mean.dim(x * x, dims, True) + small)
    return y if weight is None else y * weight


def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """(x - mean) * (rsqrt(var + eps) * weight) + bias with the running statistics of each channel (dimension 1)."""
    if training or running_mean is None or running_var is None:
        return NotImplemented
    shape = [1, -1] + [1] * (x.dim() - 2)
    scale = aten.rsqrt(running_var + eps)
    if weight is not None:
        scale = scale * weight
    y = (x - running_mean.view(shape)) * scale.view(shape)
    return y if bias is None else y + bias.view(shape)


def instance_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """(x - mean) * rsqrt(var + eps) * weight + bias with the statistics of each channel of each item."""
    if not use_input_stats:
        return batch_norm(x, weight, bias, running_mean, running_var, False, momentum, eps, cudnn_enabled)
    dims = list(range(2, x.dim()))
    centred = x - aten.mean.dim(x, dims, True)
    y = centred * aten.rsqrt(aten.mean.dim(centred * centred, dims, True) + eps)
    shape = [1, -1] + [1] * len(dims)
    if weight is not None:
        y = y * weight.view(shape)
    return y if bias is None else y + bias.view(shape)


def cosine_similarity(a: Tensor, b: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """a . b / (max(|a|, eps) max(|b|, eps)) along one dimension."""
    norms = [aten.clamp_min(aten.sqrt(aten.sum.dim_IntList(x * x, [dim], True)), eps) for x in (a, b)]
    return aten.sum.dim_IntList((a / norms[0]) * (b / norms[1]), [dim])


def group_norm(
    x: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Layer norm over each group of channels, then scale and bias by channel (dimension 1)."""
    rows = x.reshape(x.shape[0], groups, -1)
    y = native_layer_norm(rows, rows.shape[-1:], None, None, eps)[0].reshape(x.shape)
    shape = [1, -1] + [1] * (x.dim() - 2)
    if weight is not None:
        y = y * weight.view(shape)
    return y if bias is None else y + bias.view(shape)


def variance(
    x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    """Sum of squared deviations over (n - correction); the correction is 1 when None."""
    dims = list(dim) if dim else list(range(x.dim()))
    count = math.prod(x.shape[d] for d in dims)
    centred = x - aten.mean.dim(x, dims, True)
    total = aten.sum.dim_IntList(centred * centred, dims, keepdim)
    return total / max(count - (1 if correction is None else correction), 0)


def deviation(
    x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    """Square root of `variance`."""
    return aten.sqrt(variance(x, dim, correction=correction, keepdim=keepdim))


def vector_norm(
    x: Tensor,
    ord: float = 2,  # the operation's own name for it
    dim: Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Square root of the sum of squares; other orders stay with PyTorch."""
    if ord != 2 or (dtype is not None and dtype != x.dtype):
        return NotImplemented
    dims = list(dim) if dim else list(range(x.dim()))
    return aten.sqrt(aten.sum.dim_IntList(x * x, dims, keepdim))


def softmax(x: Tensor, dim: int, dtype: torch.dtype | None = None) -> Tensor:
    """exp(x - max) / sum: a division, because a reciprocal comes with a run-time assertion."""
    if dtype is not None and dtype != x.dtype:
        x = x.to(dtype)
    shifted = x - aten.amax(x, [dim], True)
    powers = aten.exp(shifted)
    return powers / aten.sum.dim_IntList(powers, [dim], True)


def core_softmax(x: Tensor, dim: int, half_to_float: bool) -> Tensor:
    """Softmax in the form of the core operation."""
    return softmax(x, dim, torch.float32 if half_to_float else None)


def power(x: Tensor, exponent: float) -> Tensor:
    """Small whole powers as products, a square root as such; other exponents stay a power."""
    if exponent == 0.5:
        return aten.sqrt(x)
    if exponent != int(exponent) or not 1 <= abs(exponent) <= 16 or not x.is_floating_point():
        return NotImplemented
    if exponent < 0:
        return aten.reciprocal(power(x, -exponent))
    rest, square, result = int(exponent), x, None
    while rest:
        if rest & 1:
            result = square if result is None else result * square
        rest >>= 1
        if rest:
            square = square * square
    assert result is not None
    return result


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """0.5 x (1 + erf(x / sqrt 2)), or its tanh approximation (Hendrycks and Gimpel, arXiv 1606.08415, section 2)."""
    if approximate == "tanh":
        inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * (x * x * x))
        return 0.5 * x * (1.0 + aten.tanh(inner))
    return 0.5 * x * (1.0 + aten.erf(x * math.sqrt(0.5)))


def silu(x: Tensor) -> Tensor:
    """The product x * sigmoid(x)."""
    return x * aten.sigmoid(x)


def softplus(x: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """log(1 + exp(beta x)) / beta, and x itself where that is the same in float32."""
    scaled = x if beta == 1 else x * beta
    soft = aten.log1p(aten.exp(scaled))
    return torch.where(scaled > threshold, x, soft if beta == 1 else soft / beta)


def comparison(of_tensors: Any) -> Decomposition:
    """A comparison with a number, which Torch-MLIR would do in float64, as one with a tensor of the same type."""

    def compare(x: Tensor, number: float) -> Tensor:
        if not x.is_floating_point() or isinstance(number, bool | int):
            return NotImplemented
        return of_tensors(x, torch.full((), number, dtype=x.dtype))

    return compare


def addmm(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """The product a @ b + bias without multiplications by one."""
    product = aten.mm(a, b)
    if alpha != 1:
        product = product * alpha
    return product + (bias if beta == 1 else bias * beta)


def baddbmm(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """The batched form of `addmm`."""
    product = aten.bmm(a, b)
    if alpha != 1:
        product = product * alpha
    return product + (bias if beta == 1 else bias * beta)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(Q K^T scale + mask) V with Q, K, V of shape [..., rows, head_dim]; masks by boolean or by addition."""
    if dropout_p:
        return NotImplemented
    if enable_gqa and key.shape[-3] != query.shape[-3]:
        key, value = (_repeat_heads(t, query.shape[-3] // t.shape[-3]) for t in (key, value))
    factor = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = torch.matmul(query, key.transpose(-2, -1)) * factor
    if is_causal:
        rows, columns = query.shape[-2], key.shape[-2]
        attn_mask = torch.arange(columns) <= torch.arange(rows)[:, None]
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = torch.where(attn_mask, scores, torch.finfo(scores.dtype).min)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(softmax(scores, -1), value)


def _repeat_heads(x: Tensor, times: int) -> Tensor:
    *outer, heads, rows, width = x.shape
    return x.unsqueeze(-3).expand(*outer, heads, times, rows, width).reshape(*outer, heads * times, rows, width)


OWN: dict[Any, Decomposition] = {
    aten.layer_norm.default: layer_norm,
    aten.native_layer_norm.default: native_layer_norm,
    aten.rms_norm.default: rms_norm,
    aten.softmax.int: softmax,
    aten._softmax.default: core_softmax,
    aten.pow.Tensor_Scalar: power,
    aten.batch_norm.default: batch_norm,
    aten.group_norm.default: group_norm,
    aten.instance_norm.default: instance_norm,
    aten.cosine_similarity.default: cosine_similarity,
    aten.var.correction: variance,
    aten.std.correction: deviation,
    aten.linalg_vector_norm.default: vector_norm,
    aten.gelu.default: gelu,
    aten.silu.default: silu,
    aten.softplus.default: softplus,
    **{op.Scalar: comparison(op.Tensor) for op in (aten.eq, aten.ne, aten.lt, aten.le, aten.gt, aten.ge)},
    aten.addmm.default: addmm,
    aten.baddbmm.default: baddbmm,
    aten.scaled_dot_product_attention.default: attention,
}
"""Operation -> formula, for operations of an exported graph and for what PyTorch makes of them."""
