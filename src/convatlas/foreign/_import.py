"""A checkpoint of another library as one of our bundles."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor, nn

from convatlas import bundle, models
from convatlas.analysis import without_weights
from convatlas.bundle import BundleInfo
from convatlas.data import Preprocessing
from convatlas.errors import UserError
from convatlas.foreign._checkpoint import Checkpoint, read_checkpoint
from convatlas.foreign._choice import chosen_source
from convatlas.foreign._convert import convert, net_for, num_classes_of
from convatlas.foreign._source import Library, Source
from convatlas.models import Spec

_MAX_CLASSES_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A bundle that was made from a checkpoint."""

    path: Path
    info: BundleInfo
    source: Source
    checkpoint: Checkpoint

    @property
    def their_name(self) -> str:
        """What the library calls the net."""
        return f"{self.source.library}'s {self.source.variants[self.info.variant]}"

    @property
    def preprocessing(self) -> Preprocessing:
        """From an image to the net's input."""
        return Preprocessing.from_dict(self.info.preprocessing)

    def as_dict(self) -> dict[str, Any]:
        """The result for programs."""
        return {
            "bundle": str(self.path),
            "variant": self.info.variant,
            "library": self.source.library,
            "library_name": self.source.variants[self.info.variant],
            "classes": len(self.info.classes),
            "preprocessing": self.info.preprocessing,
            "taken_from": self.checkpoint.taken_from,
            "also_there": list(self.checkpoint.also_there),
        }


def import_checkpoint(
    file: Path,
    out: Path,
    *,
    variant: str,
    library: Library | None = None,
    classes: Sequence[str] | None = None,
) -> Imported:
    """Write the bundle `out` with the weights in `file`, as our `variant`.

    Args:
        library: whose names the tensors have; without it the names tell.
        classes: one name per output; without them "class 0", "class 1", ...

    Raises:
        UserError: naming the file and what does not agree, with names and shapes.
    """
    checkpoint = read_checkpoint(file)
    source = chosen_source(checkpoint, variant, library)
    net, spec = _net(checkpoint, variant, source)
    if classes is None:
        classes = [f"class {i}" for i in range(spec.num_classes)]
    elif len(classes) != spec.num_classes:
        raise UserError(
            f"{len(classes):,} class names for {str(file)!r}, whose last layer knows "
            f"{spec.num_classes:,} classes. Give one per line, in the order of the net's outputs."
        )
    info = _info(file, variant, spec, source, classes)
    bundle.save(out, net, info)
    return Imported(path=out, info=info, source=source, checkpoint=checkpoint)


def read_classes(file: Path) -> list[str]:
    """The lines of `file` without blank ones at its end.

    Raises:
        UserError: naming the file, if it is no list of names.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_CLASSES_BYTES + 1)
        if len(content) > _MAX_CLASSES_BYTES:
            raise ValueError(f"it has more than {_MAX_CLASSES_BYTES:,} bytes")
        names = [line.strip() for line in content.decode("utf-8-sig").rstrip().splitlines()]
    except OSError as error:
        raise UserError(f"Cannot read {str(file)!r}: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(
            f"{str(file)!r} is no list of class names: {error}. Give a text file with one per line."
        ) from error
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name or name in seen:
            why = f"repeats {name!r} of line {seen[name]}" if name else "is empty"
            raise UserError(
                f"{str(file)!r}: line {number} {why}. Give each class a name of its own."
            )
        seen[name] = number
    return names


def _net(checkpoint: Checkpoint, variant: str, source: Source) -> tuple[nn.Module, Spec]:
    """Our net with the file's weights."""
    shapes = checkpoint.shapes
    with without_weights():
        net, spec = net_for(variant, source)
        num_classes = num_classes_of(shapes, net, source)
        if num_classes not in (None, spec.num_classes):
            net, spec = net_for(variant, source, num_classes=num_classes)
    try:
        state = convert(checkpoint.tensors, net, source)
    except UserError as error:
        name = f"{source.library}'s {source.variants[variant]}"
        raise UserError(
            f"{str(checkpoint.path)!r} does not hold the weights of {variant!r} ({name}): {error} "
            "Without --as, the nets that fit are listed."
        ) from error
    _require_finite(checkpoint.path, state)
    net.load_state_dict(state, strict=True, assign=True)
    if any(tensor.is_meta for tensor in chain(net.parameters(), net.buffers())):
        net, _ = net_for(variant, source, num_classes=spec.num_classes)  # for computed buffers
        net.load_state_dict(state, strict=True)
    return net.eval(), spec


def _require_finite(file: Path, state: Mapping[str, Tensor]) -> None:
    broken = [name for name, tensor in state.items() if not tensor.isfinite().all()]
    if broken:
        raise UserError(
            f"{str(file)!r} holds weights that are not finite (for {_listed(broken)}): the "
            "training that wrote it had diverged. Give an earlier checkpoint."
        )


def _listed(names: Iterable[str]) -> str:
    first, *others = names
    return f"{first} and {len(others)} more" if others else first


def _info(
    file: Path, variant: str, spec: Spec, source: Source, classes: Sequence[str]
) -> BundleInfo:
    preprocessing = Preprocessing(
        side=spec.input_side,
        channels=3,
        mean=source.mean,
        std=source.std,
        crop_share=source.crop_share,
    )
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    theirs = source.variants[variant]
    origin = {"step": "import", "library": source.library, "net": theirs, "sha256": sha256}
    try:
        return BundleInfo(
            name=f"{variant} from {source.library}'s {theirs}",
            family=models.family_of(variant).name,
            variant=variant,
            spec=asdict(spec),
            classes=list(classes),
            preprocessing=preprocessing.as_dict(),
            history=[{**origin, "file": file.name}],
            versions=bundle.versions(),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        told = ".".join(map(str, first["loc"]))
        raise UserError(
            f"No bundle can be made of {str(file)!r}: {told}: {first['msg']}."
        ) from error
