"""A person's own net: `path/to/file.py:make_net`."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def is_python_file(target: str) -> bool:
    """Whether `target` names a Python file, with or without a function in it."""
    return target.partition(":")[0].endswith(".py")


def load_net(target: str) -> "nn.Module":
    """The module that the function of `target` ("file.py:make_net") returns, without its weights.

    The file is run, as `python file.py` would run it but for its `__main__` part; modules beside it
    can be imported. Where the function reads values of tensors while it builds, the net gets its
    weights after all.

    Raises:
        UserError: for a file or function that does not exist or fails, or that returns no module.
    """
    from convatlas.analysis import without_weights
    from convatlas.errors import UserError

    path, _, name = target.partition(":")
    make = _function(Path(path), name)
    try:
        with without_weights():
            net = make()
    except Exception:  # values were asked for, which tensors without memory do not have
        try:
            net = make()
        except Exception as error:
            raise UserError(
                f"{name!r} of {path!r} fails: {type(error).__name__}: {error}. It is called "
                "without arguments and returns a torch.nn.Module."
            ) from error
    from torch import nn

    if not isinstance(net, nn.Module):
        raise UserError(
            f"{name!r} of {path!r} returns {type(net).__name__}. It must return a torch.nn.Module."
        )
    return net


def _function(path: Path, name: str) -> Any:
    from convatlas.errors import UnknownName, UserError

    if not path.is_file():
        raise UserError(f"{str(path)!r} is no file. Give path/to/file.py:make_net.")
    with _importing_from(path.resolve().parent):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None  # noqa: S101  the name ends in .py
        assert spec.loader is not None  # noqa: S101  as above
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise UserError(
                f"{str(path)!r} cannot be run: {type(error).__name__}: {error}."
            ) from error
    callables = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
    if not name:
        raise UserError(
            f"{str(path)!r} does not say which function makes the net. Write {path}:make_net; "
            f"it has {', '.join(callables[:10]) or 'none'}."
        )
    if name not in callables:
        raise UnknownName(f"function of {str(path)!r}", name, callables, f"`{path}`")
    return getattr(module, name)


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
