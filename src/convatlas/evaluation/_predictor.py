"""A classifier as a function of arrays, whatever computes it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Predictor = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]  # [n,c,s,s] -> [n,k]


def predictor_of(net: nn.Module, threads: int | None = None) -> Predictor:
    """`net` as a function of arrays, in evaluation mode, without gradients, channels last.

    The net's weights change to the channels-last layout; a net in training mode is back in it
    after each call.

    Args:
        threads: of each call; None leaves the process's number.
    """
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def predict(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        whole = np.require(images, np.float32, ["W"])
        with _evaluating(net), _threads(threads), torch.inference_mode():
            batch = torch.from_numpy(whole).to(memory_format=torch.channels_last)
            logits: torch.Tensor = net(batch.to(_device(net)))
            return logits.cpu().numpy()

    return predict


def _device(net: nn.Module) -> torch.device:
    first = next(net.parameters(), None)
    return torch.device("cpu") if first is None else first.device


@contextmanager
def _evaluating(net: nn.Module) -> Iterator[None]:
    if not net.training:
        yield
        return
    learning = [module for module in net.modules() if module.training]
    net.eval()
    try:
        yield
    finally:
        for module in learning:
            module.training = True


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if threads is None or threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
