"""From an image file to the input of a net: the few numbers that must travel with the weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

from convatlas.errors import UserError

MAX_SIDE = 8192  # of stored images; a larger one is a mistake or an attack
Interpolation = Literal["bilinear", "bicubic"]  # Pillow's, antialiased
ChannelOrder = Literal["rgb", "bgr"]
_OPTIONAL = {"crop_share": 1.0, "interpolation": "bilinear", "channel_order": "rgb"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Short side resized to `stored_side`, the centre of `side` cut, mean and std taken out.

    Raises:
        UserError: if a value is out of range; bundles read from disk pass through here.
    """

    side: int  # input side of the net
    channels: Literal[1, 3]
    mean: tuple[float, ...]  # per channel as the net sees them, on the 0..1 scale
    std: tuple[float, ...]  # 1 / 255 leaves the 0..255 scale
    crop_share: float = 1.0  # side / resized short side; 0.875 for photos, 1.0 for small images
    interpolation: Interpolation = "bilinear"
    channel_order: ChannelOrder = "rgb"  # "bgr": blue first, as Caffe's nets take colours

    def __post_init__(self) -> None:
        _check(self.channels in (1, 3), "channels", self.channels, "1 or 3")
        _check(_is_number(self.crop_share) and 0 < self.crop_share <= 1,
               "crop_share", self.crop_share, "above 0, at most 1")  # fmt: skip
        side_fits = type(self.side) is int and 1 <= self.side <= self.crop_share * MAX_SIDE
        _check(side_fits, "side", self.side, f"a whole number, side / crop_share <= {MAX_SIDE}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            fits = len(values) == self.channels and all(_is_number(v) for v in values)
            _check(fits, name, values, f"{self.channels} finite numbers, one per channel")
        _check(all(s > 0 for s in self.std), "std", self.std, "above 0")
        _check(self.interpolation in ("bilinear", "bicubic"),
               "interpolation", self.interpolation, "'bilinear' or 'bicubic'")  # fmt: skip
        orders = ("rgb", "bgr") if self.channels == 3 else ("rgb",)
        _check(self.channel_order in orders,
               "channel_order", self.channel_order, "'rgb', or 'bgr' with 3 channels")  # fmt: skip

    @property
    def stored_side(self) -> int:
        """Side of the square that an image is resized to before the centre or a crop is cut."""
        return round(self.side / self.crop_share)

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values, `interpolation` and `channel_order` only if unusual."""
        values = {**asdict(self), "mean": list(self.mean), "std": list(self.std)}
        for name in ("interpolation", "channel_order"):
            if values[name] == _OPTIONAL[name]:
                del values[name]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of `as_dict`; unknown or missing fields are refused by name."""
        known = set(cls.__slots__)
        required = known - set(_OPTIONAL)
        if not required <= set(values) <= known:
            raise UserError(
                f"Preprocessing has the fields {sorted(values)}; it needs {sorted(required)} "
                f"and may have {sorted(_OPTIONAL)}. The bundle is damaged or from another version."
            )
        lists = {name: values[name] for name in ("mean", "std")}
        for name, value in lists.items():
            _check(isinstance(value, list | tuple), name, value, "a list of numbers")
        return cls(**{**values, **{name: tuple(value) for name, value in lists.items()}})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _check(fits: bool, name: str, got: object, allowed: str) -> None:
    if not fits:
        raise UserError(f"Preprocessing: {name}={got!r}; it must be {allowed}.")
