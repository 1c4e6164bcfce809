"""ResNeXt: torchvision and timm call its layers as those of ResNet."""

from convatlas.foreign._source import Source
from convatlas.foreign.resnet import residual_layers

_NAMES = {name: name for name in ("resnext50_32x4d", "resnext101_64x4d")}
SOURCES = (
    Source(library="torchvision", variants=_NAMES, layers=residual_layers, crop_share=224 / 232),
    Source(library="timm", variants=_NAMES, layers=residual_layers, crop_share=0.95),
    Source(
        library="timm", variants={"resnext101_32x4d": "resnext101_32x4d"}, layers=residual_layers
    ),
)
