"""One process per directory, by asking a second process."""

import subprocess
import sys
from pathlib import Path

import pytest

from convatlas.errors import UserError
from convatlas.files import locked

HOLD = """
import sys, time
from pathlib import Path
from convatlas.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(UserError) as raised, locked(directory):
            pass
        assert str(directory) in str(raised.value)
        assert f"pid {process.pid}" in str(raised.value)
        assert "--out" in str(raised.value)
        process.kill()
    with locked(directory):
        pass


def test_it_is_released_and_taken_again(tmp_path: Path) -> None:
    for _ in range(3):
        with locked(tmp_path):
            pass
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


def test_a_file_is_no_directory_to_lock(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(UserError, match=r"Cannot use .*file' as a directory"),
        locked(tmp_path / "file"),
    ):
        pass
