"""Which words of a net go to and come from the DRAM."""

from collections.abc import Sequence

from convatlas.analysis.accelerator._layers import Layer
from convatlas.analysis.accelerator._machine import Accelerator


def dram_words(layers: Sequence[Layer], machine: Accelerator) -> tuple[int, ...]:
    """Words between the chip and the DRAM, per layer.

    A tensor of at most `kept_words` stays in the buffer for the next layer; a later layer (at the
    end of a shortcut) reads it from the DRAM, where it is written once. A larger tensor is written
    and read there by everyone; so are the images read and the last result written.

    Weights and what is read from the DRAM take turns: with I words of features, W of weights and a
    room of R words (`kept_words`), the cheaper of two orders
        I + W ceil(I / R)    (a part of the features stays, all weights pass by)
        W + I ceil(W / R)    (a part of the weights stays, all features pass by)
    """
    readers: dict[str, list[int]] = {}
    for index, layer in enumerate(layers):
        for name in dict.fromkeys(source for source, _ in layer.reads):
            readers.setdefault(name, []).append(index)
    written = {layer.name: (index, layer.words) for index, layer in enumerate(layers)}
    return tuple(
        _traffic(index, layer, readers.get(layer.name, []), written, machine)
        for index, layer in enumerate(layers)
    )


def _traffic(
    index: int,
    layer: Layer,
    readers: Sequence[int],
    written: dict[str, tuple[int, int]],
    machine: Accelerator,
) -> int:
    room = machine.kept_words
    features = 0
    for name, words in layer.reads:
        by, whole = written.get(name, (-2, words))
        features += 0 if whole <= room and by == index - 1 else words
    stays = layer.words <= room and readers == [index + 1]
    weights = 0 if layer.convolution is None else layer.convolution.weights
    by_features = features + weights * max(1, -(-features // room))
    by_weights = weights + features * max(1, -(-weights // room))
    return min(by_features, by_weights) + (0 if stays else layer.words)
