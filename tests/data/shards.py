"""Tar shards made on the spot, sound and hostile."""

import io
import tarfile

from tests.data.images import encoded, noise


def png(seed, side=8):
    return encoded(noise(side, side, 3, seed), "PNG")


def member(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def write_shard(path, members, tar_format=tarfile.USTAR_FORMAT):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tar_format) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def sample(key, label, seed=0, ending="cls"):
    """An image and its label, as WebDataset keeps them."""
    return [member(f"{key}.png", png(seed)), member(f"{key}.{ending}", str(label).encode())]


def samples(labels, start=0, ending="cls"):
    pairs = (
        sample(f"{start + place:06d}", label, start + place, ending)
        for place, label in enumerate(labels)
    )
    return [each for pair in pairs for each in pair]
