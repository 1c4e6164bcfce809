"""Layers that change their structure while the net trains."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class StagedLayer(nn.Module, ABC):
    """A layer that passes through stages as training goes on.

    The training loop calls `advance` before every step, and adds `penalty` to the loss. What the
    layer has become lies in its buffers, so a run that is taken up again goes on from there.
    """

    @abstractmethod
    def advance(self, progress: float) -> None:
        """Reach the stage that belongs to `progress`, the share of all steps done (0 to 1)."""

    @abstractmethod
    def penalty(self) -> Tensor:
        """A scalar that drives the weights towards the next stage."""
