"""Writing a bundle."""

import hashlib
from pathlib import Path

from torch import nn

from convatlas.bundle._info import BundleInfo
from convatlas.bundle._network import check_agreement, check_same, network_of
from convatlas.bundle._text import JSON_NAME, to_text
from convatlas.bundle._weights import WEIGHTS_NAME, forms_of, parameter_bytes, to_bytes
from convatlas.errors import UserError
from convatlas.files import replace_directory

SUFFIX = ".bundle"


def save(path: Path, net: nn.Module, info: BundleInfo) -> Path:
    """Write the directory `path`, whole or not at all; an older bundle there is replaced.

    Args:
        path: ends in ".bundle".
        info: its `weights_sha256` is filled in here.

    Raises:
        UserError: if `path` holds something else than a bundle, `net` is not the one that `info`
            describes, or the disk is full.
    """
    _check_place(path)
    check_agreement(path, info)
    check_same(path, network_of(path, info, parameter_bytes(net)), forms_of(net))
    weights = to_bytes(net)
    signed = info.model_copy(update={"weights_sha256": hashlib.sha256(weights).hexdigest()})
    text = to_text(signed, path)
    with replace_directory(path) as directory:
        (directory / WEIGHTS_NAME).write_bytes(weights)
        (directory / JSON_NAME).write_bytes(text)
    return path


def _check_place(path: Path) -> None:
    if path.suffix != SUFFIX:
        raise UserError(
            f"{str(path)!r} does not end in {SUFFIX!r}. Give a name such as 'mynet{SUFFIX}'."
        )
    if path.is_dir() and not {file.name for file in path.iterdir()} <= {WEIGHTS_NAME, JSON_NAME}:
        raise UserError(
            f"{str(path)!r} holds other files than a bundle's; they would be lost. "
            "Choose another name."
        )
