"""What an exported file says of itself, so that it can be used without the bundle."""

import json

from convatlas.bundle import BundleInfo

METADATA_KEY = "convatlas"


def bundle_metadata(info: BundleInfo) -> dict[str, str]:
    """The classes, preprocessing and metrics of a bundle, for an ONNX file's metadata."""
    description = info.model_dump(include={"name", "classes", "preprocessing", "metrics"})
    return {METADATA_KEY: json.dumps(description, ensure_ascii=False)}
