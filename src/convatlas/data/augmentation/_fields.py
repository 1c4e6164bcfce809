"""What may be done to a training image, as data: JSON holds it, bundles and run folders keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from convatlas.data._preprocessing import Interpolation
from convatlas.errors import UnknownName, UserError

FlipRule = Literal["alternating", "random"]
Basis = tuple[tuple[float, float, float], ...]
NUM_OPERATIONS = 14  # that RandAugment chooses from
MAX_MAGNITUDE = 30

_VALUES = (0.2175, 0.0188, 0.0045)
_VECTORS = (  # a row per component
    (-0.5675, -0.5808, -0.5836),
    (0.7192, -0.0045, -0.6948),
    (0.4009, -0.8140, 0.4203),
)
# Principal components of ImageNet's pixels on the 0..1 scale, each times its eigenvalue. The
# AlexNet paper prints none; these are the ones published with fb.resnet.torch.
IMAGENET_COLOURS: Basis = tuple(
    (value * r, value * g, value * b) for value, (r, g, b) in zip(_VALUES, _VECTORS, strict=True)
)

_MOST = {  # field: largest value; the smallest is 0
    "shift": 0.5,
    "rotate": 180.0,
    "scale": 0.9,
    "erase": 1.0,
    "pca_colour": 10.0,
    "brightness": 10.0,
    "contrast": 10.0,
    "saturation": 10.0,
    "hue": 0.5,
    "cutout": 1.0,
}
_SWITCHES = ("flip", "trivial_augment", "scaled_decoding")
_RANGES = {  # field: smallest and largest value of either end
    "crop_area": (0.001, 1.0),
    "crop_aspect": (0.1, 10.0),
    "short_side": (1.0, 8.0),
}
_CHOICES = {"flip_rule": get_args(FlipRule), "interpolation": get_args(Interpolation)}
_ALWAYS_WRITTEN = ("flip", "shift", "rotate", "scale", "erase")  # the others if they are set


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How far images are changed; every default changes nothing.

    Applied in this order: crop, flip with shift, rotation and zoom, RandAugment or TrivialAugment,
    colour jitter, PCA colour, erasing, cutout.

    Raises:
        UserError: for a value of the wrong kind or out of its range.
    """

    flip: bool = False  # left to right
    shift: float = 0.0  # at most, in each direction, as a share of the side
    rotate: float = 0.0  # at most, degrees to either side
    scale: float = 0.0  # zoom within [1 - scale, 1 + scale]
    erase: float = 0.0  # probability that a rectangle is overwritten
    flip_rule: FlipRule = "alternating"  # in every other epoch, or "random": half of the time
    crop_area: tuple[float, float] | None = None  # share of the image that a crop may have
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)  # width / height of such a crop
    short_side: tuple[float, float] | None = None  # the image's, drawn, over the net's side
    interpolation: Interpolation = "bilinear"  # of a crop resized to the net's side
    pca_colour: float = 0.0  # standard deviation of the share of each principal component
    pca_basis: Basis = IMAGENET_COLOURS  # components times eigenvalues, 0..1 scale, first largest
    brightness: float = 0.0  # factor within [max(0, 1 - brightness), 1 + brightness]
    contrast: float = 0.0  # likewise
    saturation: float = 0.0  # likewise
    hue: float = 0.0  # turned by at most this share of the circle, to either side
    cutout: float = 0.0  # side of a filled square / side of the image
    fill: tuple[int, ...] = (128,)  # what cutout and RandAugment put: one level, or one per channel
    rand_augment: tuple[int, float] | None = None  # (n operations, magnitude m of 30)
    trivial_augment: bool = False  # one operation of random strength
    scaled_decoding: bool = False  # JPEGs at 1/2, 1/4 or 1/8: faster, but other pixels

    def __post_init__(self) -> None:
        for name in _SWITCHES:
            value = getattr(self, name)
            _check(isinstance(value, bool), name, value, "true or false")
        for name, limit in _MOST.items():
            value = getattr(self, name)
            _check(_is_number(value, 0, limit), name, value, f"in [0, {limit}]")
        for name, (low, high) in _RANGES.items():
            self._check_range(name, low, high)
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            fits = isinstance(value, str) and value in choices
            _check(fits, name, value, " or ".join(repr(choice) for choice in choices))
        self._check_colours()
        self._check_policy()
        if self.crop_area is not None and self.short_side is not None:
            raise UserError(
                f"Augmentation: crop_area={self.crop_area!r} and short_side={self.short_side!r} "
                "both say how crops are cut. Give one of them."
            )

    def _check_range(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if value is None and name != "crop_aspect":
            return
        fits = isinstance(value, tuple) and len(value) == 2
        fits = fits and all(_is_number(end, low, high) for end in value) and value[0] <= value[1]
        _check(fits, name, value, f"two numbers in [{low}, {high}], the smaller one first")

    def _check_colours(self) -> None:
        rows = self.pca_basis
        fits = isinstance(rows, tuple) and len(rows) == 3
        fits = fits and all(isinstance(row, tuple) and len(row) == 3 for row in rows)
        fits = fits and all(_is_number(value, -10, 10) for row in rows for value in row)
        _check(fits, "pca_basis", rows, "three rows of three numbers, none beyond 10")
        levels = self.fill
        fits = isinstance(levels, tuple) and len(levels) in (1, 3)
        fits = fits and all(type(level) is int and 0 <= level <= 255 for level in levels)
        _check(fits, "fill", levels, "one whole number in [0, 255], or three")

    def _check_policy(self) -> None:
        value = self.rand_augment
        if value is None:
            return
        fits = isinstance(value, tuple) and len(value) == 2
        fits = fits and type(value[0]) is int and 1 <= value[0] <= NUM_OPERATIONS
        fits = fits and _is_number(value[1], 0, MAX_MAGNITUDE)
        allowed = (
            f"(n, m): a whole number in [1, {NUM_OPERATIONS}], a number in [0, {MAX_MAGNITUDE}]"
        )
        _check(fits, "rand_augment", value, allowed)
        if self.trivial_augment:
            raise UserError(
                f"Augmentation: rand_augment={value!r} and trivial_augment=True: each chooses "
                "operations. Give one of them."
            )

    @property
    def needs_whole_images(self) -> bool:
        """Whether crops are cut from images of their own size and shape, not from squares."""
        return self.crop_area is not None or self.short_side is not None

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values; those added later only if they are set."""
        values = {}
        for part in fields(self):
            value = getattr(self, part.name)
            if part.name in _ALWAYS_WRITTEN or value != part.default:
                values[part.name] = _as_lists(value)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Augmentation":
        """The inverse of `as_dict`; fields left out have their defaults.

        Raises:
            UnknownName: for a field that no augmentation has, with the nearest names.
            UserError: for a value of the wrong kind or out of its range.
        """
        if not isinstance(values, Mapping):
            raise UserError(
                f"{values!r} is not an augmentation: give its fields with their values."
            )
        names = [part.name for part in fields(cls)]
        for name in values:
            if name not in names:
                raise UnknownName(
                    "augmentation field", str(name), names, "convatlas.data.Augmentation"
                )
        return cls(**{name: _as_tuples(value) for name, value in values.items()})


def _is_number(value: object, low: float, high: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= high


def _check(fits: bool, name: str, got: object, allowed: str) -> None:
    if not fits:
        raise UserError(f"Augmentation: {name}={got!r}; it must be {allowed}.")


def _as_lists(value: Any) -> Any:
    return [_as_lists(part) for part in value] if isinstance(value, tuple) else value


def _as_tuples(value: Any, depth: int = 2) -> Any:
    if depth == 0 or not isinstance(value, list | tuple):
        return value
    return tuple(_as_tuples(part, depth - 1) for part in value)
