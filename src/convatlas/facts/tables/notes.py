"""What the notes say of nets and is right, where no paper's figure has the same digits.

The notes are the project's seed: one long text and three short ones. Sections without a name are of
the long one. What they get wrong is in `facts/slips`.
"""

from collections.abc import Iterator

from convatlas.facts import Fact, Quantity
from convatlas.facts.papers import NOTES

# Sec. 1: what a layer of LeNet-5 puts out
_LENET = (
    ("stem", "6", "28"),
    ("stages.s2", "6", "14"),
    ("stages.c3", "16", "10"),
    ("stages.s4", "16", "5"),
    ("stages.c5", "120", "1"),
    ("classifier.f6", "84", ""),
    ("classifier.output", "10", ""),
)
# Sec. 2.1, a table without groups: layer, weights, params, channels and side of what it puts out
_ALEXNET = (
    ("stem.conv", "34848", "34944", "96", "55"),
    ("stem.pool", "", "", "96", "27"),
    ("stages.conv2.conv", "6.14400e5", "614656", "256", "27"),
    ("stages.conv2.pool", "", "", "256", "13"),
    ("stages.conv3", "884736", "8.85120e5", "384", "13"),
    ("stages.conv4", "1327104", "1327488", "384", "13"),
    ("stages.conv5.conv", "884736", "884992", "256", "13"),
    ("stages.conv5.pool", "", "", "256", "6"),
    ("classifier.fc6", "37748736", "37752832", "4096", ""),
    ("classifier.fc7", "16777216", "16781312", "4096", ""),
    ("classifier.fc8", "4.096000e6", "4.097000e6", "1000", ""),
)
# Sec. 4.2, a table of weights without biases and batch norm
_BN_INCEPTION = (
    ("stem.conv1", "9408"),
    ("stem.conv2", "114688"),
    ("stages.inception_3b", "259072"),
    ("stages.inception_3c", "3.84000e5"),
    ("stages.inception_4b", "663552"),
    ("stages.inception_4c", "912384"),
    ("stages.inception_4d", "1140736"),
    ("stages.inception_4e", "1447936"),
    ("stages.inception_5a", "2205696"),
    ("stages.inception_5b", "2276352"),
    ("classifier", "1.024000e6"),
    ("", "1126e4"),
)
_ROWS: tuple[tuple[str, Quantity, str, str, str], ...] = (
    # variant, quantity, printed, place, part
    ("alexnet_ungrouped", "params", "62378344", "Sec. 2.1", ""),
    ("alexnet_ungrouped", "params", "6237e4", "Sec. 2.1", ""),
    ("alexnet_ungrouped", "weights", "3.77e7", "Sec. 2.1", "classifier.fc6"),
    ("vgg_d", "weights", "1.02e8", "Sec. 3.1", "classifier.fc6"),
    ("googlenet", "weights", "1e6", "Sec. 4.1.1", "classifier"),
    ("resnet50", "params", "25e6", "Sec. 7.1.3", ""),
    ("densenet232_k48", "params", "55e6", "Sec. 8.4.3", ""),
    ("densenet264", "params", "33e6", "Sec. 8.4.3", ""),
    ("densenet264_k48", "params", "73e6", "Sec. 8.4.3", ""),
    ("alexnet", "params", "60.9e6", "Sec. 9.1.2.2", ""),
    ("squeezenet_1_0", "params", "1.2e6", "Sec. 9.1.2.2", ""),
    ("shufflenet_v1_g3_x0_5", "mult_adds", "40000000", "Lightweight nets, Sec. 3", ""),
    ("googlenet", "side", "28", "CNN architectures, GoogLeNet", "stem"),
)


def _facts() -> Iterator[Fact]:
    for part, channels, side in _LENET:
        yield from _output("lenet5", part, channels, side, "Sec. 1")
    for part, weights, params, channels, side in _ALEXNET:
        if params:
            yield Fact("alexnet_ungrouped", "weights", weights, NOTES, "Sec. 2.1", part=part)
            yield Fact("alexnet_ungrouped", "params", params, NOTES, "Sec. 2.1", part=part)
        yield from _output("alexnet_ungrouped", part, channels, side, "Sec. 2.1")
    for part, weights in _BN_INCEPTION:
        yield Fact("bn_inception_caffe", "weights", weights, NOTES, "Sec. 4.2", part=part)
    for variant, quantity, printed, where, part in _ROWS:
        yield Fact(variant, quantity, printed, NOTES, where, part=part)
    where = "CNN architectures, memory of a model"
    yield Fact("vgg_d", "size_bytes", "528", NOTES, where, unit=2**20)
    yield Fact("vgg_d", "activation_bytes", "58.12", NOTES, where, unit=2**20)


def _output(variant: str, part: str, channels: str, side: str, where: str) -> Iterator[Fact]:
    yield Fact(variant, "channels", channels, NOTES, where, part=part)
    if side:
        yield Fact(variant, "side", side, NOTES, where, part=part)


FACTS = tuple(_facts())
