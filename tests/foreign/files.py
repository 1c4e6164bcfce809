"""Checkpoints for the tests, as torchvision's scripts and hostile people write them."""

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.peers.peer import build_theirs, randomise


def their_net(name: str = "squeezenet1_1", **changes: Any) -> nn.Module:
    """A net of torchvision's whose every weight and statistic is random."""
    torch.manual_seed(0)
    net = build_theirs("torchvision", name, **changes).eval()
    randomise(net)
    return net


def their_state(name: str = "squeezenet1_1", **changes: Any) -> dict[str, Tensor]:
    return dict(their_net(name, **changes).state_dict())


def safetensors(path: Path, state: dict[str, Tensor]) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


def pth(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def before_2020(path: Path, content: Any) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


WRITERS = {"x.safetensors": safetensors, "x.pth": pth, "x.pt": before_2020}


def rezipped(
    path: Path, change: Callable[[str, bytes], bytes], *, compressed: bool = False
) -> Path:
    """The checkpoint `path` with its entries changed."""
    with ZipFile(path) as archive:
        entries = {e.filename: archive.read(e.filename) for e in archive.infolist()}
    with ZipFile(path, "w", ZIP_DEFLATED if compressed else ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, change(name, content))
    return path


class Trap:
    """Unpickling an instance makes a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.directory,)


def plain_pickle(path: Path, content: Any) -> Path:
    buffer = io.BytesIO()
    pickle.dump(content, buffer, protocol=2)
    path.write_bytes(buffer.getvalue())
    return path
