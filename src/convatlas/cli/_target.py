"""A net given on the command line: a variant's name, a bundle or an ONNX file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

NET_HELP = "A variant (`convatlas models` lists them), a .bundle or an .onnx file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Options that change a variant's spec; None leaves the paper's value."""

    side: int | None = None
    width: float | None = None
    channels: int | None = None
    classes: int | None = None
    memory_efficient: bool | None = None

    def as_fields(self) -> dict[str, Any]:
        """The spec's fields that were given."""
        given = {
            "input_side": self.side,
            "width_multiplier": self.width,
            "in_channels": self.channels,
            "num_classes": self.classes,
            "memory_efficient": self.memory_efficient,
        }
        return {name: value for name, value in given.items() if value is not None}


def build_net(target: str, changes: Changes) -> tuple[Any, tuple[int, int, int]]:
    """The network (eval mode) and its input shape, from a variant's name or a bundle."""
    from convatlas import analysis, bundle, models

    if Path(target).is_dir():
        loaded = bundle.load(Path(target))
        side, channels = loaded.preprocessing.side, loaded.preprocessing.channels
        return loaded.net, (channels, side, side)
    spec = models.spec_of(target, **changes.as_fields())
    if changes.side is not None:
        analysis.require_fit(target, spec)
    net = models.family_of(target).build(spec).eval()
    return net, (spec.in_channels, spec.input_side, spec.input_side)
