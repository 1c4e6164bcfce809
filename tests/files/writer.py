"""A process that writes generation after generation until it is killed (run by path)."""

import sys
from pathlib import Path

from convatlas.files import replace_directory, write_atomic

PARTS = 40
PART_BYTES = 4_096


def generation(number: int) -> bytes:
    """Content that says which generation it is, everywhere."""
    return str(number).zfill(8).encode() * (PARTS * PART_BYTES // 8)


def write_directory(path: Path, number: int) -> None:
    with replace_directory(path) as directory:
        for part in range(PARTS):
            (directory / f"{part}").write_bytes(str(number).encode())


def main() -> None:
    kind, path, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    print("ready", flush=True)
    for number in range(1, limit):
        if kind == "file":
            write_atomic(path, generation(number))
        else:
            write_directory(path, number)


if __name__ == "__main__":
    main()
