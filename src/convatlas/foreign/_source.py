"""What a library calls the layers of our nets."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

Library = Literal["torchvision", "timm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The nets of a library that compute what ours do, and how their layers are called.

    A layer's tensors (weight, bias, running_mean, ...) are paired by their names. The last pair
    below our `classifier` is the layer that makes the logits: its rows are the classes. Imported
    nets have no auxiliary heads; a spec's field `aux` is set to False for them.

    Mean, std, crop share and side are those that the library's pretrained weights expect: 0.5 for
    torchvision's GoogLeNet and Inception v3, which transform their input once more.
    """

    library: Library
    variants: Mapping[str, str]  # our variant -> the library's name
    # our net -> (path of our layer, path of theirs), every layer that holds tensors
    layers: Callable[[nn.Module], Iterable[tuple[str, str]]]
    ignored: tuple[str, ...] = ()  # prefixes of their tensors that our net leaves out (aux heads)
    # regular expressions for names that older files hold, and what takes their place
    renamed: tuple[tuple[str, str], ...] = ()
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    crop_share: float = 0.875
    input_side: int | None = None  # where theirs differs from the variant's
