"""A net in a file is what it is: options that change a variant cannot change it."""

from pathlib import Path

from convatlas.cli._target import Changes


def refuse_changes(target: str, changes: Changes) -> None:
    """Say that `changes` do not apply to a bundle or an ONNX file.

    Raises:
        UserError: naming what was asked for.
    """
    from convatlas.errors import UserError

    asked = changes.as_fields()
    if asked and (target.endswith(".onnx") or Path(target).is_dir()):
        told = ", ".join(f"{name}={value:g}" for name, value in asked.items())
        raise UserError(
            f"{target!r} is a trained net, which {told} cannot change. Give a variant's name "
            "(`convatlas models` lists them), or leave the options away."
        )
