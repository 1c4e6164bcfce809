"""Files that are whole or absent: atomic writing, locks, safe names."""

from convatlas.files._atomic import (
    check_writable,
    replace_directory,
    write_atomic,
    write_json,
    writing,
)
from convatlas.files._lock import locked

__all__ = ["check_writable", "locked", "replace_directory", "write_atomic", "write_json", "writing"]
