"""What is learnt: the next token of the prefix, and every token of a noised hole.

`head_loss` fuses output head, soft cap, softmax and cross-entropy over chunks of rows and computes the gradient on the
way: on a CPU the vocabulary's elementwise work would otherwise cost as much as the whole network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

# Rows of logits that stand at once: few where a cache is to hold them, many where a launch costs more than the work.
_CPU_CHUNK_ROWS, _GPU_CHUNK_ROWS = 512, 8192

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]


def chunk_gradient(
    hidden: Tensor, embedding: Tensor, targets: Tensor, shares: Tensor, cap: float
) -> tuple[Tensor, Tensor]:
    """Return the loss of a chunk of rows, a float32 scalar, and its gradient for the logits before the cap, [R, V].

    Shapes: hidden [R, H], embedding [V, H], targets [R] int64, shares [R] float32, which sum to 1 over all chunks.
    """
    capped = torch.tanh_(F.linear(hidden, embedding).float().div_(cap))
    slope = capped.square().neg_().add_(1)  # The derivative of the soft cap.
    log_normaliser = torch.logsumexp(capped.mul_(cap), -1, keepdim=True)
    picked = capped.gather(-1, targets[:, None])
    loss = ((log_normaliser - picked) * shares[:, None]).sum()
    gradient = capped.sub_(log_normaliser).exp_()
    gradient.scatter_add_(-1, targets[:, None], torch.full_like(picked, -1.0))
    return loss, gradient.mul_(slope).mul_(shares[:, None]).to(hidden.dtype)


class _HeadLoss(torch.autograd.Function):
    """Weighted cross-entropy of soft-capped logits, chunk by chunk, with the gradient computed in the forward pass."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        hidden: Tensor,
        embedding: Tensor,
        targets: Tensor,
        weights: Tensor,
        cap: float,
        kernel: Kernel,
    ) -> Tensor:
        shares = weights / weights.sum().clamp(min=1e-6)
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradient = torch.empty_like(hidden)
        embedding_gradient = torch.zeros(embedding.shape, dtype=torch.float32, device=hidden.device)
        size = _GPU_CHUNK_ROWS if hidden.is_cuda else _CPU_CHUNK_ROWS
        for start in range(0, len(hidden), size):
            rows = slice(start, start + size)
            chunk_loss, gradient = kernel(hidden[rows], embedding, targets[rows], shares[rows], cap)
            loss += chunk_loss
            hidden_gradient[rows] = gradient @ embedding
            embedding_gradient += gradient.T @ hidden[rows]
        ctx.save_for_backward(hidden_gradient, embedding_gradient.to(embedding.dtype))
        return loss

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden_gradient, embedding_gradient = ctx.saved_tensors  # type: ignore[attr-defined]
        scale = gradients[0].to(hidden_gradient.dtype)
        return hidden_gradient * scale, embedding_gradient * scale, None, None, None, None


def head_loss(
    hidden: Tensor,
    embedding: Tensor,
    targets: Tensor,
    weights: Tensor,
    cap: float = 30.0,
    kernel: Kernel = chunk_gradient,
) -> Tensor:
    """Return the weighted mean cross-entropy in nats; `kernel` is `chunk_gradient` or a compiled form of it.

    Shapes: hidden [R, H], embedding [V, H], targets [R] int64, weights [R] float32 -> scalar float32.
    """
    loss: Tensor = _HeadLoss.apply(hidden, embedding, targets, weights, cap, kernel)  # type: ignore[no-untyped-call]
    return loss
