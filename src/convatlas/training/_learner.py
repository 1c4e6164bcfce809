"""A net while it learns: one step at a time, and all the tensors that a next step depends on."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_, get_total_norm

from convatlas.errors import UserError
from convatlas.layers import StagedLayer, Survival
from convatlas.training._average import Average
from convatlas.training._memory_error import out_of_memory
from convatlas.training._mixing import Mixed, mixed
from convatlas.training._objective import Objective
from convatlas.training._optimizer import make_optimizer, set_learning_rate
from convatlas.training._recipe import Recipe
from convatlas.training._recompute_stages import recomputed
from convatlas.training._schedule import learning_rate
from convatlas.training._synced_norm import synchronise_norms
from convatlas.training._world import World

_BRANCHES = 2**32  # a stream beside those of the processes, which no rank reaches


class Learner:
    """A net with its optimizer and the average of its weights."""

    def __init__(
        self,
        net: nn.Module,
        recipe: Recipe,
        *,
        world: World | None = None,
        class_weights: Tensor | None = None,
        teacher: nn.Module | None = None,
        compiled: bool = False,
    ) -> None:
        self.world = world or World()
        self.recipe = recipe
        self.micro_batches = recipe.micro_batches  # more once memory did not suffice
        device = self.world.device
        net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # no stub
        self.net = net.train()
        self.average = Average(self.net, recipe)
        self._optimizer = make_optimizer(self.net, recipe)
        self._parameters = [p for p in self.net.parameters() if p.requires_grad]
        self._buffers = list(self.net.buffers())
        self._kept = [torch.empty_like(buffer) for buffer in self._buffers]
        self._staged = [m for m in self.net.modules() if isinstance(m, StagedLayer)]
        self._survivals = [m for m in self.net.modules() if isinstance(m, Survival)]
        if class_weights is not None:
            class_weights = class_weights.to(device)
        if teacher is not None:
            teacher.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # no stub
            teacher.eval().requires_grad_(False)
        self._loss = self._made(Objective(recipe, class_weights, teacher), compiled=compiled)

    def _made(self, objective: Objective, *, compiled: bool) -> nn.Module:
        """The module that gives a batch's loss; gradients are shared by the processes."""
        if self.recipe.norms == "frozen":
            for module in self.net.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        if self.recipe.sync_norms and not self.world.alone:
            if self.recipe.recompute != "none":
                raise UserError(
                    f"sync_norms=true and recompute={self.recipe.recompute!r} exclude each other: "
                    "norms would exchange their sums twice. Set one of them to another value."
                )
            synchronise_norms(self.net)
        loss: nn.Module = _Loss(self.net, objective)
        if compiled:
            loss.compile()
        if self.world.alone:
            return loss
        # A branch that is dropped has no gradient in this step, nor have heads that do not count.
        silent = hasattr(self.net, "forward_with_aux") and not self.recipe.auxiliary_weight
        unused = bool(self._survivals) or silent
        return DistributedDataParallel(loss, find_unused_parameters=unused)

    def learn(self, step: int, images: Tensor, labels: Tensor) -> float:
        """Do step `step` (from 0) on a batch; the loss before it."""
        loss = self.backward(step, images, labels)
        self.move(step, learning_rate(self.recipe, step))
        return loss

    def backward(self, step: int, images: Tensor, labels: Tensor) -> float:
        """Gradients of step `step` (from 0) on this process's part of a batch; the loss there.

        Random layers draw from a stream of their own for every step and process, so a step does
        not depend on what drew before it; which branches are left out is the same for all
        processes. Where memory does not suffice, the step is begun again in twice as many
        micro-batches, and so are those after it: `micro_batches` says how many.

        Raises:
            UserError: when memory does not suffice for a single image, or there are more processes.
        """
        for layer in self._staged:
            layer.advance(step / self.recipe.steps)
        if self._buffers:
            torch._foreach_copy_(self._kept, self._buffers)
        while True:
            try:
                return self._backward(step, images, labels)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self._give_way(len(images), error)
            self.forget()  # outside the handler: the error holds the step's tensors

    def _give_way(self, images: int, error: BaseException) -> None:
        if not self.world.alone or self.micro_batches >= images:
            raise UserError(
                f"Not enough memory for a step of {images} images in {self.micro_batches} "
                "micro-batches. Use a smaller batch, more micro_batches or recompute='stages'."
            ) from error
        self.micro_batches = min(images, 2 * self.micro_batches)

    def _backward(self, step: int, images: Tensor, labels: Tensor) -> float:
        device = self.world.device
        shared = torch.Generator().manual_seed(seed_of(self.recipe.seed, step, rank=_BRANCHES))
        torch.manual_seed(seed_of(self.recipe.seed, step, rank=self.world.rank))
        self._optimizer.zero_grad(set_to_none=True)  # before the forward: both would exist at once
        images = images.to(device, non_blocking=True)
        labels = labels.to(device, non_blocking=True)
        mix = mixed(images, labels, self.recipe, seed=(self.recipe.seed, self.world.rank, step))
        if mix is not None:
            images = mix.images
        parts = _parts(len(images), self.micro_batches)
        losses: list[tuple[Tensor, float]] = []
        for number, part in enumerate(parts):
            share = (part.stop - part.start) / len(images)
            for survival in self._survivals:
                survival.draw = torch.rand((), generator=shared)
            with (
                self._synchronised(number == len(parts) - 1),
                self._precision(),
                self._recomputed(),
            ):
                loss = self._loss(images[part], labels[part], _part(mix, part))
                if number == 0:
                    loss = loss + self._penalty() / share
            torch.autograd.backward(loss if share == 1.0 else loss * share)
            losses.append((loss.detach(), share))
        return sum(loss.item() * share for loss, share in losses)  # waits for the device once

    def _synchronised(self, last: bool) -> AbstractContextManager[None]:
        """Gradients are exchanged once a step, with its last micro-batch."""
        if isinstance(self._loss, DistributedDataParallel) and not last:
            return self._loss.no_sync()
        return nullcontext()

    def _precision(self) -> AbstractContextManager[None]:
        if self.recipe.precision == "float32":
            return nullcontext()
        return torch.autocast(self.world.device.type, torch.bfloat16)

    def _recomputed(self) -> AbstractContextManager[None]:
        return recomputed(self.net, self.recipe.recompute)

    def _penalty(self) -> Tensor | float:
        """What layers that condense add to the loss."""
        if not self._staged or not self.recipe.group_lasso:
            return 0.0
        return self.recipe.group_lasso * torch.stack([x.penalty() for x in self._staged]).sum()

    def forget(self) -> None:
        """Undo what the last `backward` changed: gradients and running statistics."""
        self._optimizer.zero_grad(set_to_none=True)
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._kept)

    def gradients_are_finite(self) -> bool:
        """Whether every gradient of the last `backward` is a finite number."""
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        return bool(get_total_norm(gradients, foreach=True).isfinite())

    def move(self, step: int, rate: float) -> None:
        """Let the gradients of step `step` (from 0) move the weights, and the average follow."""
        if self.recipe.gradient_clip is not None:
            clip_grad_norm_(self._parameters, self.recipe.gradient_clip, foreach=True)
        set_learning_rate(self._optimizer, rate)
        self._optimizer.step()
        self.average.update(step)

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor that the next step depends on, by name; they are not copied."""
        found = {f"net/{name}": tensor for name, tensor in _state(self.net)}
        found |= {f"average/{name}": tensor for name, tensor in _state(self.average.net)}
        for name, parameter in self.net.named_parameters():
            for key, value in self._optimizer.state.get(parameter, {}).items():
                found[f"optimizer/{name}/{key}"] = value
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave.

        Raises:
            UserError: if they belong to another net.
        """
        own = {k: v for k, v in self.tensors().items() if not k.startswith("optimizer/")}
        for name, tensor in own.items():
            if name not in tensors or tensors[name].shape != tensor.shape:
                raise UserError(f"The checkpoint holds another net: its {name!r} does not fit.")
            tensor.copy_(tensors[name])
        named = dict(self.net.named_parameters())
        self._optimizer.state.clear()
        for name, tensor in tensors.items():
            kind, _, rest = name.partition("/")
            if kind == "optimizer":
                parameter_name, _, key = rest.rpartition("/")
                parameter = named[parameter_name]
                self._optimizer.state[parameter][key] = _laid_out_like(parameter, tensor)

    def is_finite(self) -> bool:
        """Whether every number that the next step depends on is finite."""
        floating = [t for t in self.tensors().values() if t.is_floating_point() and t.numel()]
        norms = torch._foreach_norm(floating, float("inf"))
        return bool(torch.stack([n.float() for n in norms]).isfinite().all())


class _Loss(nn.Module):
    """The objective as a module, which is what processes share gradients of."""

    def __init__(self, net: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.net = net
        self._objective = [objective]  # in a list: a teacher's weights are not this module's

    def forward(self, images: Tensor, labels: Tensor, mix: Mixed | None) -> Tensor:
        """The loss of a batch."""
        return self._objective[0](self.net, images, labels, mix)


def _parts(n: int, count: int) -> list[slice]:
    """`count` slices of n images, nearly equal; none is empty."""
    count = min(n, count)
    return [slice(n * i // count, n * (i + 1) // count) for i in range(count)]


def _part(mix: Mixed | None, part: slice) -> Mixed | None:
    if mix is None:
        return None
    return Mixed(mix.images[part], mix.labels[part], mix.others[part], mix.share)


def seed_of(seed: int, step: int, *, rank: int = 0) -> int:
    """A seed for one step's random layers, unlike that of any other step, seed or process."""
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0])


def has_norm(net: nn.Module) -> bool:
    """Whether any layer normalises its input by its own statistics, as batch norm does."""
    kinds = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
    return any(isinstance(module, kinds) for module in net.modules())


def _state(net: nn.Module) -> list[tuple[str, Tensor]]:
    named = chain(net.named_parameters(), net.named_buffers())
    return [(name, tensor.detach()) for name, tensor in named]


def _laid_out_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """A buffer lies where its parameter does and as it does: fused kernels walk both in order."""
    if tensor.shape != parameter.shape:
        return tensor.to(parameter.device, copy=True)
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)
