"""Reading a bundle, trusting nothing in it before it is checked."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from torch import nn

from convatlas import models
from convatlas.bundle._info import BundleInfo
from convatlas.bundle._network import check_agreement, check_same, network_of, spec_of
from convatlas.bundle._text import JSON_NAME, read_info
from convatlas.bundle._weights import WEIGHTS_NAME, assign, declared, read_weights
from convatlas.data import Preprocessing
from convatlas.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A trained network, in evaluation mode on the CPU, and what is known of it."""

    path: Path
    info: BundleInfo
    net: nn.Module

    @property
    def preprocessing(self) -> Preprocessing:
        """From an image to the net's input."""
        return Preprocessing.from_dict(self.info.preprocessing)


def load(path: Path) -> Bundle:
    """The bundle in directory `path`.

    The file's size bounds what is allocated, and no code in it is ever run. The weights equal
    those that were saved bit for bit.

    Raises:
        UserError: naming the file and what is wrong with it.
    """
    description, weights = _files(path)
    try:
        info = read_info(description)
        check_agreement(description, info)
        net = network_of(description, info, weights.stat().st_size)
        content = read_weights(weights, info.weights_sha256, net)
    except OSError as error:
        raise UserError(f"Cannot read {error.filename!r}: {error.strerror}.") from error
    check_same(weights, net, declared(weights, content))
    assign(weights, content, net)
    if any(tensor.is_meta for tensor in chain(net.parameters(), net.buffers())):
        net = _initialised(description, info, net)
    return Bundle(path=path, info=info, net=net.eval())


def _initialised(file: Path, info: BundleInfo, loaded: nn.Module) -> nn.Module:
    """For a net with buffers that are computed rather than stored: built in full."""
    net = models.from_spec(info.family, spec_of(file, info))
    net.load_state_dict(loaded.state_dict())
    return net


def _files(path: Path) -> tuple[Path, Path]:
    if not path.is_dir():
        state = "is a file" if path.exists() else "does not exist"
        raise UserError(
            f"{str(path)!r} {state}; a bundle is a directory. Give a .bundle directory."
        )
    for name in (JSON_NAME, WEIGHTS_NAME):
        if not (path / name).is_file():
            raise UserError(
                f"{str(path)!r} is not a bundle: it has no file {name!r}. "
                "Give a directory that convatlas wrote."
            )
    return path / JSON_NAME, path / WEIGHTS_NAME
