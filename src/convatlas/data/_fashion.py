"""Fashion-MNIST: 70,000 grey pictures of clothing, 28 x 28, in ten classes.

Source: Xiao, Rasul, Vollgraf (arXiv:1708.07747), section 2: 60,000 to train on, 10,000 to test.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from convatlas.data._arrays import Labelled, collect_arrays
from convatlas.data._collection import Collection, Origin
from convatlas.data._download import download
from convatlas.data._idx import read_idx
from convatlas.data._progress import Progress
from convatlas.data._types import SplitName
from convatlas.errors import UserError

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
PUBLISHER = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of Debian's dataset-fashion-mnist
ENVIRONMENT = "CONVATLAS_DATA"
CONTENT_SHA256: Mapping[str, str] = {  # of the decompressed files: compression differs by source
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
_PREFIXES: Mapping[SplitName, str] = {"train": "train", "test": "t10k"}


def collect_fashion_mnist(progress: Progress | None) -> Collection:
    """Fashion-MNIST from where it lies, or else from its publisher; the publisher's test is ours.

    Raises:
        UserError: if the files are damaged, or absent and cannot be downloaded.
    """
    files = find_files() or fetch(user_folder(), PUBLISHER, CONTENT_SHA256, progress)
    parts = [_part(files, split) for split in _PREFIXES]
    origin = Origin(name="fashion-mnist", kind="fashion-mnist", classes=CLASSES, flip=True)
    return collect_arrays(origin, "fashion-mnist", parts)


def user_folder() -> Path:
    """Where a download is kept."""
    try:
        home = Path.home()
    except RuntimeError as error:
        raise UserError(
            f"No home folder to keep a download in. Set {ENVIRONMENT} to a folder that holds "
            "fashion-mnist/, or HOME."
        ) from error
    return home / ".cache" / "convatlas" / "fashion-mnist"


def find_files() -> Mapping[str, Path] | None:
    """The four files by name, from the first place that has them all, compressed or not."""
    folders = [SYSTEM_FOLDER]
    if given := os.environ.get(ENVIRONMENT):
        folders = [Path(given) / "fashion-mnist", Path(given), *folders]
    if "HOME" in os.environ:
        folders.append(user_folder())
    for folder in folders:
        found = {
            name: path
            for name in CONTENT_SHA256
            for path in (folder / name, folder / f"{name}.gz")
            if path.is_file()
        }
        if len(found) == len(CONTENT_SHA256):
            return found
    return None


def fetch(
    folder: Path, publisher: str, hashes: Mapping[str, str], progress: Progress | None
) -> Mapping[str, Path]:
    """The four files, downloaded into `folder` unless they are there."""
    instead = (
        "Without a network: `apt install dataset-fashion-mnist`, or put the four files "
        f"(train-images-idx3-ubyte.gz ...) into {str(folder)!r}."
    )
    files = {name: folder / f"{name}.gz" for name in hashes}
    for name, path in files.items():
        if not path.is_file():

            def done(received: int, total: int, name: str = name) -> None:
                if progress:
                    progress(f"downloading {name}.gz", received, total)

            url = f"{publisher}{name}.gz"
            download(url, path, content_sha256=hashes[name], done=done, instead=instead)
    return files


def _part(files: Mapping[str, Path], split: SplitName) -> Labelled:
    prefix = _PREFIXES[split]
    images_path = files[f"{prefix}-images-idx3-ubyte"]
    labels_path = files[f"{prefix}-labels-idx1-ubyte"]
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels) or images.shape[1] != images.shape[2]:
        raise UserError(
            f"{str(images_path)!r} holds {' x '.join(map(str, images.shape))} and "
            f"{str(labels_path)!r} {len(labels)} labels: they do not belong together."
        )
    if set(np.unique(labels)) != set(range(len(CLASSES))):
        raise UserError(
            f"{str(labels_path)!r} holds the labels {np.unique(labels).tolist()}; "
            "Fashion-MNIST has all of 0 to 9. Get the file again."
        )
    return Labelled(split, images, labels)
