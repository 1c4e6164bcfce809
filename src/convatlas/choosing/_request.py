"""What a person asked for; a directory answers one request."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from convatlas.choosing._budget import Budgets
from convatlas.errors import UserError
from convatlas.files import write_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The job of `convatlas choose`.

    `minutes` bounds the whole job; `threads` are those of the deployed net, while training uses
    every core. `unreadable` says what to do with images that cannot be read.
    """

    data: str
    budgets: Budgets
    out: Path
    minutes: float = 3.0
    runtime: Literal["auto", "onnxruntime", "torch"] = "auto"
    threads: int = 1
    from_dir: str | None = None  # folder of bundles that candidates of the same net start from
    storage: str | None = None  # SQLAlchemy URL; None keeps the search in `out`
    seed: int = 0
    unreadable: Literal["skip", "refuse"] = "skip"

    def __post_init__(self) -> None:
        if not 0.1 <= self.minutes <= 60 * 24 * 365:
            raise UserError(f"--minutes {self.minutes:g} is out of range. Use 0.1 or more.")
        if not 1 <= self.threads <= 1024:
            raise UserError(f"--threads {self.threads} is out of range. Use 1 to 1024.")

    def as_dict(self) -> dict[str, Any]:
        """What must be equal for a run to be continued; where it is kept does not matter."""
        kept = asdict(self)
        del kept["out"], kept["storage"]
        if self.from_dir is None:
            del kept["from_dir"]
        return kept

    def check_place(self) -> None:
        """Check that the directory answers no other request.

        Raises:
            UserError: if it does, saying what differs.
        """
        path = self.out / "request.json"
        if not path.exists():
            return
        earlier, now = json.loads(path.read_text()), self.as_dict()
        keys = dict.fromkeys([*now, *earlier])
        differing = [k for k in keys if earlier.get(k) != now.get(k)]
        if differing:
            changes = "; ".join(f"{k} was {earlier.get(k)!r}, is {now.get(k)!r}" for k in differing)
            raise UserError(
                f"{str(self.out)!r} holds the work of another request ({changes}). "
                "Give another directory with --out, or repeat the earlier request to continue it."
            )

    def claim(self) -> None:
        """Write this request into its directory."""
        write_json(self.out / "request.json", self.as_dict())

    def study_name(self, fingerprint: str, starts: Mapping[str, str] | None = None) -> str:
        """The search's name: equal on every machine that works on this request and these images.

        Args:
            starts: SHA-256 of what candidates start from, by their nets.
        """
        content = {**self.as_dict(), "data": fingerprint}
        if starts:
            content["from_dir"] = dict(starts)
        return "convatlas-" + sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
