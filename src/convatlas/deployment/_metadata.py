"""What an ONNX file says of itself, so that it can be used without its bundle."""

import json
from importlib import import_module
from pathlib import Path

from convatlas.bundle import BundleInfo
from convatlas.deployment._extra import load_onnx
from convatlas.errors import UserError

METADATA_KEY = "convatlas"


def bundle_metadata(info: BundleInfo) -> dict[str, str]:
    """Name, classes and preprocessing of a bundle as one JSON text under `METADATA_KEY`."""
    described = {
        "name": info.name,
        "family": info.family,
        "variant": info.variant,
        "classes": info.classes,
        "preprocessing": info.preprocessing,
        "versions": info.versions,
    }
    return {METADATA_KEY: json.dumps(described, sort_keys=True)}


def read_metadata(path: Path) -> dict[str, str]:
    """The texts stored in an ONNX file.

    Raises:
        UserError: if it cannot be read or is no ONNX file.
    """
    onnx = load_onnx()
    decode_error = import_module("google.protobuf.message").DecodeError
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except OSError as error:
        raise UserError(f"Cannot read {str(path)!r}: {error.strerror}.") from error
    except decode_error as error:
        raise UserError(f"{str(path)!r} is not an ONNX file, or a damaged one.") from error
    return {entry.key: entry.value for entry in model.metadata_props}
