"""A net while it learns: one step at a time, and all the tensors that a next step depends on."""

from collections.abc import Mapping
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

from convatlas.errors import UserError
from convatlas.layers import StagedLayer
from convatlas.training._average import Average
from convatlas.training._optimizer import learning_rate, make_optimizer, set_learning_rate
from convatlas.training._recipe import Recipe

_AUXILIARY_WEIGHT = 0.3  # Szegedy et al., CVPR 2015 (arXiv:1409.4842), section 5


class Learner:
    """A net with its optimizer and the average of its weights."""

    def __init__(self, net: nn.Module, recipe: Recipe) -> None:
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.net = net.train()
        self.recipe = recipe
        self.average = Average(self.net, recipe.ema_decay)
        self._optimizer = make_optimizer(self.net, recipe)
        self._parameters = list(self.net.parameters())
        self._staged = [m for m in self.net.modules() if isinstance(m, StagedLayer)]

    def learn(self, step: int, images: Tensor, labels: Tensor) -> float:
        """Do step `step` (from 0) on a batch; the loss before it.

        Random layers draw from a stream of their own for every step, so a step does not depend on
        what drew before it.
        """
        torch.default_generator.manual_seed(seed_of(self.recipe.seed, step))
        for layer in self._staged:
            layer.advance(step / self.recipe.steps)
        self._optimizer.zero_grad(set_to_none=True)  # before the forward: both would exist at once
        loss = self._loss(images, labels) + self._penalty()
        torch.autograd.backward(loss)
        if self.recipe.gradient_clip is not None:
            clip_grad_norm_(self._parameters, self.recipe.gradient_clip, foreach=True)
        set_learning_rate(self._optimizer, learning_rate(self.recipe, step))
        self._optimizer.step()
        self.average.update(step)
        return loss.item()

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.recipe.label_smoothing
        with_aux = getattr(self.net, "forward_with_aux", None)
        if with_aux is None:
            return F.cross_entropy(self.net(images), labels, label_smoothing=smoothing)
        logits, heads = with_aux(images)
        loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        for head in heads:
            part = F.cross_entropy(head, labels, label_smoothing=smoothing)
            loss = loss + _AUXILIARY_WEIGHT * part
        return loss

    def _penalty(self) -> Tensor | float:
        """What layers that condense add to the loss."""
        if not self._staged or not self.recipe.group_lasso:
            return 0.0
        return self.recipe.group_lasso * torch.stack([x.penalty() for x in self._staged]).sum()

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


def seed_of(seed: int, step: int) -> int:
    """A seed for one step's random layers, unlike that of any other step or seed."""
    return int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0])


def has_norm(net: nn.Module) -> bool:
    """Whether any layer normalises its input by its own statistics, as batch norm does."""
    kinds = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
    return any(isinstance(module, kinds) for module in net.modules())


def _state(net: nn.Module) -> list[tuple[str, Tensor]]:
    named = chain(net.named_parameters(), net.named_buffers())
    return [(name, tensor.detach()) for name, tensor in named]


def _laid_out_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """The fused kernels walk memory in order: a buffer must lie as its parameter does."""
    if tensor.shape != parameter.shape:
        return tensor.clone()
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)
