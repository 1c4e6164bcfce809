"""Whole or not at all, whatever fails on the way."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from convatlas.errors import UserError
from convatlas.files import (
    _exchange,
    check_writable,
    replace_directory,
    write_atomic,
    write_json,
    writing,
)

LIMITED = """
import resource, signal, sys
from pathlib import Path
from convatlas.errors import UserError
from convatlas.files import replace_directory, write_atomic
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[2])
try:
    if sys.argv[1] == "file":
        write_atomic(path, b"x" * 5000)
    else:
        with replace_directory(path) as directory:
            (directory / "part").write_bytes(b"x" * 5000)
except UserError as error:
    print(error)
"""


def names(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


def write_half(path: Path) -> None:
    path.write_bytes(b"ne")
    raise ZeroDivisionError


def test_content_and_permissions(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a b \u4e2d.bin"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode == plain.stat().st_mode
    assert names(path.parent) == [path.name]


def test_json_is_text_that_any_reader_takes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Kuh \u4e2d", "x": 0.1})
    text = (tmp_path / "a.json").read_text("ascii")
    assert json.loads(text) == {"name": "Kuh \u4e2d", "x": 0.1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert (tmp_path / "a.json").read_text("ascii") == text


def test_an_error_inside_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"old")
    with pytest.raises(ZeroDivisionError), writing(path) as temporary:
        write_half(temporary)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_a_full_disk_leaves_the_old_one_and_says_so(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "file":
        path.write_bytes(b"old")
    else:
        path.mkdir()
        (path / "part").write_bytes(b"old")
    command = [sys.executable, "-c", LIMITED, kind, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "No space left to write" in done.stdout
    assert str(path) in done.stdout
    assert "bytes are free" in done.stdout
    assert (path if kind == "file" else path / "part").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_places_that_cannot_be_written_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="file/a': a file is in the way"):
        write_atomic(tmp_path / "file" / "a", b"")
    with pytest.raises(UserError, match="Is a directory"):
        write_atomic(tmp_path, b"")
    with pytest.raises(UserError, match="File name too long"):
        write_atomic(tmp_path / ("x" * 250), b"")
    with (
        pytest.raises(UserError, match="it is a file, not a directory"),
        replace_directory(tmp_path / "file"),
    ):
        pass

    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr("convatlas.files._atomic.mkstemp", refuse)
    with pytest.raises(UserError, match=r"Cannot write .*Permission denied.*another place"):
        write_atomic(tmp_path / "a", b"")
    assert names(tmp_path) == ["file"]


def test_a_place_is_tried_before_the_work_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    check_writable(tmp_path / "old")
    check_writable(tmp_path / "new" / "file")
    assert names(tmp_path) == ["new", "old"]
    assert names(tmp_path / "new") == []
    assert (tmp_path / "old").read_bytes() == b"old"
    with pytest.raises(UserError, match="Is a directory"):
        check_writable(tmp_path / "new")
    with pytest.raises(UserError, match="a file is in the way"):
        check_writable(tmp_path / "old" / "file")

    def fail(**_: object) -> None:
        raise OSError(errno.ESTALE, "Stale file handle", str(tmp_path))

    monkeypatch.setattr("convatlas.files._atomic.mkstemp", fail)
    for attempt in (check_writable, lambda path: write_atomic(path, b"")):
        with pytest.raises(UserError, match="Stale file handle"):
            attempt(tmp_path / "a")


def replace_once(path: Path, content: bytes) -> None:
    with replace_directory(path) as directory:
        (directory / "part").write_bytes(content)


def without_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_exchange, "_renameat2", lambda: None)


def with_exchange(_: pytest.MonkeyPatch) -> None:
    assert _exchange._renameat2() is not None or not sys.platform.startswith("linux")


@pytest.mark.parametrize("prepare", [with_exchange, without_exchange])
def test_a_directory_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[pytest.MonkeyPatch], None]
) -> None:
    prepare(monkeypatch)
    path = tmp_path / "a"
    for content in (b"one", b"two", b"three"):
        replace_once(path, content)
        assert (path / "part").read_bytes() == content
        assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("prepare", [with_exchange, without_exchange])
@pytest.mark.parametrize("call", ["fsync", "rename", "chmod"])
@pytest.mark.parametrize("nth", range(1, 6))
def test_any_failing_system_call_leaves_a_whole_directory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[pytest.MonkeyPatch], None],
    call: str,
    nth: int,
) -> None:
    path = tmp_path / "a"
    replace_once(path, b"old")
    prepare(monkeypatch)
    calls = 0
    real = getattr(os, call)

    def fail_at_nth(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise OSError(errno.EIO, "Input/output error")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail_at_nth)
        with suppress(OSError):
            replace_once(path, b"new")
            assert calls < nth
    assert (path / "part").read_bytes() in (b"old", b"new")
    assert names(tmp_path) == ["a"]
    replace_once(path, b"next")
    assert (path / "part").read_bytes() == b"next"
