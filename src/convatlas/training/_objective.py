"""What a step minimises: the loss of its images by a recipe."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.training._mixing import Mixed
from convatlas.training._recipe import Recipe


@dataclass(frozen=True, slots=True)
class Objective:
    """Cross-entropy by the recipe's weights, beside a teacher's answers where there is one.

    The loss is the mean over the images, each times its class's weight, whatever the weights of
    the batch add up to: so the mean over the parts of a batch is that of the batch.
    """

    recipe: Recipe
    class_weights: Float[Tensor, " k"] | None = None
    teacher: nn.Module | None = None

    def __call__(
        self,
        net: nn.Module,
        images: Float[Tensor, "n c h w"],
        labels: Int[Tensor, " n"],
        mix: Mixed | None,
    ) -> Float[Tensor, ""]:
        """The loss of a batch, with that of auxiliary heads; no penalty of layers."""
        forward_with_aux = getattr(net, "forward_with_aux", None)
        if forward_with_aux is None or not self.recipe.auxiliary_weight:
            return self._with_teacher(net(images), images, labels, mix)
        logits, heads = forward_with_aux(images)
        loss = self._with_teacher(logits, images, labels, mix)
        for head in heads:
            loss = loss + self.recipe.auxiliary_weight * self._labelled(head, labels, mix)
        return loss

    def _with_teacher(
        self, logits: Tensor, images: Tensor, labels: Tensor, mix: Mixed | None
    ) -> Tensor:
        loss = self._labelled(logits, labels, mix)
        if self.teacher is None or not self.recipe.distillation:
            return loss
        with torch.no_grad():
            answers = self.teacher(images)
        part = distillation_loss(logits, answers, self.recipe.temperature)
        return (1 - self.recipe.distillation) * loss + self.recipe.distillation * part

    def _labelled(self, logits: Tensor, labels: Tensor, mix: Mixed | None) -> Tensor:
        if mix is None:
            return self._cross_entropy(logits, labels)
        own = self._cross_entropy(logits, mix.labels)
        return mix.share * own + (1 - mix.share) * self._cross_entropy(logits, mix.others)

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.recipe.label_smoothing
        if self.class_weights is None:
            return F.cross_entropy(logits, labels, label_smoothing=smoothing)
        each = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
        return (each * self.class_weights[labels]).mean()


def distillation_loss(
    logits: Float[Tensor, "n k"], answers: Float[Tensor, "n k"], temperature: float
) -> Float[Tensor, ""]:
    """T^2 times the divergence of the softened probabilities from the teacher's, mean over images.

    In float32 whatever the logits are: on a CPU torch.autocast would leave the logarithms of
    softmax in bfloat16, and with them the difference of two nearly equal ones.

    Source: Hinton et al., arXiv:1503.02531, section 2.
    """
    ours = F.log_softmax(logits.float() / temperature, dim=1)
    theirs = F.log_softmax(answers.float() / temperature, dim=1)
    divergence = F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    return divergence * temperature**2
