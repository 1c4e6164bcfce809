"""What a run folder belongs to: one net, one recipe, one data set."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convatlas.data import Preprocessing
from convatlas.errors import UserError
from convatlas.files import write_json
from convatlas.models import Spec
from convatlas.training._images import Images
from convatlas.training._recipe import Recipe

NAME = "run.json"
_FORMAT = 2
_LOOKED_AT = 256  # images whose pixels tell two data sets of equal labels and names apart
_NAMED = 6  # differences that a message lists


def describe(  # noqa: PLR0913 - everything that decides a run
    family: str,
    variant: str,
    spec: Mapping[str, Any] | Spec,
    preprocessing: Preprocessing,
    recipe: Recipe,
    pixels: Mapping[str, Images | None],
    *,
    start: Mapping[str, Tensor] | None = None,
    teacher: nn.Module | None = None,
    device: str = "cpu",
    compiled: bool = False,
) -> dict[str, Any]:
    """Everything that decides the result of a run, as JSON holds it."""
    fields = asdict(spec) if is_dataclass(spec) else dict(spec)
    settings = {
        "family": family,
        "variant": variant,
        "spec": fields,
        "recipe": recipe.as_dict(),
        "preprocessing": preprocessing.as_dict(),
        "data": {name: _fingerprint(p) for name, p in pixels.items() if p is not None},
        "start": None if start is None else digest_of_tensors(start),
        "teacher": None if teacher is None else digest_of_tensors(teacher.state_dict()),
        "device": device,
        "compiled": compiled,
    }
    return json.loads(json.dumps(settings))


def digest_of(settings: Mapping[str, Any]) -> str:
    """SHA-256 of the settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def claim(run: Path, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Make `run` the folder of these settings; notes on versions that changed since it was made.

    Raises:
        UserError: if it belongs to other settings; the message says which.
    """
    path = run / NAME
    versions = _versions()
    if not path.exists():
        known = {**settings, "versions": versions, "digest": digest_of(settings)}
        write_json(path, {"format": _FORMAT, **known})
        return ()
    there = _read(path)
    differences = list(_differences(there, settings))
    if differences:
        shown = "; ".join(differences[:_NAMED])
        more = f"; and {len(differences) - _NAMED} more" if len(differences) > _NAMED else ""
        raise UserError(
            f"{str(run)!r} holds another training: {shown}{more}. Give another folder, "
            "use the settings of that run to go on with it, or remove it to start anew."
        )
    before = there.get("versions", {})
    return tuple(
        f"{name} is {now}, the run was started with {before.get(name)}: "
        "the weights may differ in the last digits from those of an uninterrupted run"
        for name, now in versions.items()
        if before.get(name) != now
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        there = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(
            f"Cannot read {str(path)!r}: {error}. Remove its folder to train from the start."
        ) from error
    if not isinstance(there, dict) or there.get("format") != _FORMAT:
        raise UserError(
            f"{str(path)!r} was not written by this version of convatlas. Give another folder."
        )
    return there


def _differences(there: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    before = dict(_flat({k: v for k, v in there.items() if k in asked}))
    now = dict(_flat(asked))
    for name in [*now, *(n for n in before if n not in now)]:
        old, new = before.get(name, "absent"), now.get(name, "absent")
        if old != new:
            yield f"{name} is {_short(old)} there, {_short(new)} asked for"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _fingerprint(pixels: Images) -> dict[str, Any]:
    """Number of images and a SHA-256 over labels, names and the pixels of some images."""
    n = len(pixels)
    digest = hashlib.sha256(np.asarray(pixels.labels, dtype="<i8").tobytes())
    for name in pixels.names:
        digest.update(name.encode(errors="surrogateescape") + b"\0")
    count = min(n, _LOOKED_AT)
    images = np.ascontiguousarray(pixels.batch(np.arange(count) * n // max(count, 1)))
    digest.update(f"{images.shape}".encode())
    digest.update(images.data)
    return {"images": n, "sha256": digest.hexdigest()}


def digest_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over every tensor's name and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + b"\0")
        digest.update(
            tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
        )
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    return {
        "convatlas": version("convatlas"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }
