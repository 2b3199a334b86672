"""Muon: momentum, made orthogonal by a Newton-Schulz iteration (Jordan et al. 2024; scaling after Liu et al. 2025)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; others take twenty times as long as for float32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrices, roughly; ``[n, rows, columns]``."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16() if matrices.is_cuda or fast_bfloat16() else matrices.float()
    tall = x.shape[1] > x.shape[2]
    x = x.transpose(1, 2) if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    return x.transpose(1, 2) if tall else x


def shared_orthogonal(matrices: Tensor) -> Tensor:
    """:func:`orthogonal`, each worker's share of it computed there."""
    if not dist.is_initialized():
        return orthogonal(matrices)
    mine = slice(dist.get_rank(), None, dist.get_world_size())
    made = torch.zeros_like(matrices)
    made[mine] = orthogonal(matrices[mine]).to(made.dtype)
    dist.all_reduce(made)
    return made


class Muon(torch.optim.Optimizer):
    """For matrices only. Matrices of one shape are stacked, so that a step is a few large products.

    Where several workers hold the same gradients, each makes its share of the matrices orthogonal: a quarter of a step
    on a CPU, if all did all.
    """

    def __init__(self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shapes.setdefault(matrix.shape, []).append(matrix)
            for shape, matrices in shapes.items():
                self._update(matrices, group, 0.2 * max(shape) ** 0.5)

    def _update(self, matrices: list[Tensor], group: dict[str, Any], scale: float) -> None:
        directions = []
        for matrix in matrices:
            state = self.state[matrix]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(matrix)
            moved: Tensor = state["momentum"]
            assert matrix.grad is not None
            moved.lerp_(matrix.grad, 1 - group["momentum"])
            directions.append(matrix.grad.lerp(moved, group["momentum"]))
        updates = shared_orthogonal(torch.stack(directions)).to(matrices[0].dtype)
        for matrix, update in zip(matrices, updates, strict=True):
            matrix.mul_(1 - group["lr"] * group["weight_decay"])
            matrix.add_(update, alpha=-group["lr"] * scale)
