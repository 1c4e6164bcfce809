"""A result as one file that opens anywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convatlas.files import write_atomic
from convatlas.reports._page import page
from convatlas.reports._shell import plotly_source


def write_report(result: Mapping[str, Any], path: Path, *, pictures: Mapping[int, bytes]) -> Path:
    """Write `result` as one HTML page that needs neither network nor other files.

    Parts that are missing are left out: a search in which nothing fits has no test.

    Args:
        result: what choosing wrote to result.json.
        pictures: `index` of a mistake to the PNG of its image.

    Raises:
        UserError: if plotly is not installed or `path` cannot be written.
    """
    content = page(result, pictures, plotly_source(path))
    write_atomic(path, content.encode("utf-8"))
    return path
