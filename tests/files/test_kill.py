"""A writer killed at any moment leaves the old content or the new one, whole."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from convatlas.files import _strays as strays
from convatlas.files import replace_directory, write_atomic
from tests.files import writer


def killed_writer(kind: str, path: Path, after: float) -> None:
    """Start a writer and kill it `after` seconds into its work."""
    command = [sys.executable, writer.__file__, kind, str(path), "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(after)
        process.kill()


def whole_file(path: Path) -> bool:
    content = path.read_bytes()
    return content == writer.generation(int(content[:8]))


def whole_directory(path: Path) -> bool:
    parts = {file.name: file.read_bytes() for file in path.iterdir()}
    return len(parts) == writer.PARTS and len(set(parts.values())) == 1


@pytest.mark.parametrize("kind", ["file", "directory"])
@pytest.mark.parametrize("kills", [12, pytest.param(500, marks=pytest.mark.slow)])
def test_killed_writers_leave_a_whole_generation(tmp_path: Path, kind: str, kills: int) -> None:
    path = tmp_path / "it"
    if kind == "file":
        write_atomic(path, writer.generation(0))
    else:
        writer.write_directory(path, 0)
    moments = random.Random(0)
    for _ in range(kills):
        killed_writer(kind, path, moments.uniform(0.0, 0.05))
        assert whole_file(path) if kind == "file" else whole_directory(path)


def test_a_reader_finds_the_directory_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "it"
    writer.write_directory(path, 0)
    done = threading.Event()
    seen: list[bool] = []

    def read() -> None:
        while not done.is_set():
            seen.append(path.is_dir())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(40):
            writer.write_directory(path, number)
    finally:
        done.set()
        reader.join()
    assert len(seen) > 40
    assert all(seen)


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_a_killed_writer_left_is_swept_but_not_a_living_writers(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "it"
    left, fresh = tmp_path / ".tmp-it-left", tmp_path / ".tmp-it-fresh"
    for stray in (left, fresh):
        stray.mkdir() if kind == "directory" else stray.write_bytes(b"half")
    old = time.time() - strays.STRAY_AGE_S - 1
    os.utime(left, (old, old))
    with replace_directory(path) as living:
        os.utime(living, (old, old))
        strays.sweep(path)
        assert living.exists()
    assert not left.exists()
    assert fresh.exists()


def test_an_old_directory_moved_aside_is_kept_while_nothing_took_its_place(tmp_path: Path) -> None:
    path, aside = tmp_path / "it", tmp_path / ".tmp-it-x-old"
    aside.mkdir()
    old = time.time() - strays.STRAY_AGE_S - 1
    os.utime(aside, (old, old))
    strays.sweep(path)
    assert aside.exists()
    writer.write_directory(path, 1)
    strays.sweep(path)
    assert not aside.exists()
