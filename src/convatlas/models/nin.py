"""Network in Network: after each convolution a small perceptron looks at every position.

A perceptron that slides over the maps is two 1x1 convolutions. The last one has a map per class,
whose average is the logit: no fully connected layer is left.

Paper: Lin, Chen, Yan, ICLR 2014 (arXiv:1312.4400): mlpconv layers Section 3.1 and Fig. 2, global
average pooling Section 3.2. The paper prints no channels; they are those of the authors' files: of
cuda-convnet for CIFAR-10, CIFAR-100, SVHN and MNIST, of caffe for ImageNet. The maps of the logits
are rectified before their average, and pools round their sides up, as in both frameworks.
Departs from the paper: nothing. `nin_cifar10_caffe` is the authors' later caffe file for CIFAR-10,
whose second pool averages.
Common elsewhere: pytorchcv's `nin_cifar10` has the same parameters (966,986) and averages too, but
both of its pools pad by 1. Its `nin_svhn` is the net for CIFAR-10, not the authors' for SVHN.
"""

from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.layers import normal, scale_channels
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class NINSpec(Spec):
    """An authors' definition file. Layers are called as there, cccp being the 1x1 convolutions."""

    input_side: int = 32
    num_classes: int = 10
    # channels of each block: convolution and two cccp; the last block's second cccp has the classes
    blocks: tuple[tuple[int, ...], ...] = ((192, 160, 96), (192, 192, 192), (192, 192))
    kernel_sizes: tuple[int, ...] = (5, 5, 3)
    stem_stride: int = 1
    stem_padding: int = 2
    averaged: tuple[int, ...] = ()  # blocks whose pool averages
    dropout_after: tuple[int, ...] = (1, 2)  # blocks
    stds: tuple[tuple[str, float], ...] = ()  # of initial weights, where they are not 0.05


class NIN(nn.Module):
    """Blocks of a convolution and a perceptron, max pools between them, a map per class."""

    def __init__(self, spec: NINSpec) -> None:
        super().__init__()
        _check(spec)
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        channels = spec.in_channels
        for number, widths in enumerate(spec.blocks, start=1):
            scaled = [scale_channels(c, spec.width_multiplier) for c in widths]
            blocks[f"block{number}"] = _block(spec, number, channels, scaled)
            channels = scaled[-1]
        self.stem = blocks.pop("block1")
        self.stages = nn.Sequential(blocks)
        last_cccp = nn.Conv2d(channels, spec.num_classes, 1)
        self.classifier = nn.Sequential(OrderedDict(cccp=last_cccp, relu=nn.ReLU(inplace=True)))
        self.pool = nn.AdaptiveAvgPool2d(1)
        thinner = spec.width_multiplier**-0.5  # so that the sums of fewer inputs keep their scale
        self.apply(normal(0.05 * thinner))
        for name, std in spec.stds:
            self.get_submodule(name).apply(normal(std * thinner))

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.pool(self.classifier(self.stages(self.stem(images)))).flatten(1)


def _check(spec: NINSpec) -> None:
    if len(spec.blocks) < 2 or len(spec.kernel_sizes) != len(spec.blocks):
        raise UserError(
            f"{len(spec.blocks)} blocks and {len(spec.kernel_sizes)} kernel_sizes do not make a "
            f"net: use two blocks or more, and a kernel size for each."
        )
    first_map = 2 ** (len(spec.blocks) - 1)  # every pool halves it and needs two pixels
    least = (first_map - 1) * spec.stem_stride + spec.kernel_sizes[0] - 2 * spec.stem_padding
    if spec.input_side < least:
        raise UserError(f"input_side={spec.input_side} is too small: use {least} or more.")


def _block(spec: NINSpec, number: int, in_channels: int, widths: list[int]) -> nn.Sequential:
    """conv, cccp1, cccp2, each rectified; all blocks but the last are pooled."""
    kernel_size = spec.kernel_sizes[number - 1]
    padding = spec.stem_padding if number == 1 else kernel_size // 2
    stride = spec.stem_stride if number == 1 else 1
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(in_channels, widths[0], kernel_size, stride, padding),
        relu=nn.ReLU(inplace=True),
    )
    for place, (before, width) in enumerate(pairwise(widths), start=1):
        layers[f"cccp{place}"] = nn.Conv2d(before, width, 1)
        layers[f"relu{place}"] = nn.ReLU(inplace=True)
    if number < len(spec.blocks):
        kind = nn.AvgPool2d if number in spec.averaged else nn.MaxPool2d
        layers["pool"] = kind(3, stride=2, ceil_mode=True)
    if number in spec.dropout_after:
        layers["dropout"] = nn.Dropout(0.5)
    return nn.Sequential(layers)


LIN2014 = Paper("Lin2014", "Network in network", "ICLR 2014", "arXiv:1312.4400")
LIN_IMAGENET = Paper(
    "LinImageNet",
    "Network in network ImageNet model, released files",
    "BVLC model zoo, 2014",
    "gist.github.com/mavenlin/d802a5849de39225bcc6",
)
FAMILY = Family(
    name="nin",
    title="Network in Network",
    paper=LIN2014,
    build=NIN,
    variants={
        "nin_cifar10": NINSpec(),
        "nin_cifar10_caffe": NINSpec(averaged=(2,)),
        "nin_cifar100": NINSpec(
            num_classes=100,
            stds=(("stem.conv", 0.001), ("stem.cccp1", 0.01), ("stem.cccp2", 0.01)),
        ),
        "nin_svhn": NINSpec(
            blocks=((128, 96, 64), (320, 256, 128), (384, 256)), kernel_sizes=(5, 5, 5)
        ),
        "nin_mnist": NINSpec(
            input_side=28,
            in_channels=1,
            blocks=((96, 64, 48), (128, 96, 48), (128, 96)),
            kernel_sizes=(5, 5, 5),
        ),
        "nin_imagenet": NINSpec(
            input_side=224,
            num_classes=1000,
            blocks=((96, 96, 96), (256, 256, 256), (384, 384, 384), (1024, 1024)),
            kernel_sizes=(11, 5, 3, 3),
            stem_stride=4,
            stem_padding=0,
            dropout_after=(3,),
            stds=(("stem.conv", 0.01), ("stages.block3.conv", 0.01), ("classifier.cccp", 0.01)),
        ),
    },
    facts=(
        Fact(
            "nin_imagenet",
            "size_bytes",
            "29e6",
            LIN_IMAGENET,
            "readme",
            because="printed in units of 2^20 bytes: 30,380,704 bytes are 28.97 MiB",
        ),
    ),
    widths=(0.25, 0.5, 1.0),
)
