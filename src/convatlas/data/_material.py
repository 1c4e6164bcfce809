"""A data set's images at every side that candidates ask for, decoded once per side."""

from pathlib import Path

from convatlas.data._advice import augmentation_for
from convatlas.data._pixels import Pixels
from convatlas.data._prepare import decoded, prepare
from convatlas.data._preprocessing import Preprocessing
from convatlas.data._progress import Progress
from convatlas.data._relabel import split_of
from convatlas.data._statistics import channel_statistics
from convatlas.data._types import Dataset, SplitName
from convatlas.data.augmentation import Augmentation

_PHOTO_SIDE = 64  # above it images are cropped from a larger one, as for ImageNet
_PHOTO_CROP = 0.875


class Material:
    """Splits of `dataset` as pixels, kept in `cache` on disk.

    Args:
        crop_share: side of a net's input / resized short side, in (0, 1]; None: 0.875 for photos,
            1 for small images.
    """

    def __init__(
        self,
        dataset: Dataset,
        cache: Path,
        *,
        threads: int,
        progress: Progress,
        crop_share: float | None = None,
    ) -> None:
        self.dataset = dataset
        own = _PHOTO_CROP if dataset.native_side > _PHOTO_SIDE else 1.0
        self._crop_share = own if crop_share is None else crop_share
        self._cache = cache
        self._threads = threads
        self._progress = progress
        self._statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def augmentation(self) -> Augmentation:
        """What may be done to a training image without changing its class."""
        return augmentation_for(self.dataset)

    def preprocessing(self, side: int) -> Preprocessing:
        """How an image becomes the input of a net of this side."""
        mean, std = self._channel_statistics()
        return self._plain(side, mean, std)

    def pixels(
        self, split: SplitName, side: int, augmentation: Augmentation | None = None
    ) -> Pixels:
        """The images of "train", "val" or "test" at this side.

        Args:
            augmentation: what `changed` will be asked for; where it cuts crops from whole images,
                those are decoded whenever they are asked for, unless the squares are all of them.
        """
        preprocessing = self.preprocessing(side)
        if augmentation is None or not augmentation.needs_whole_images:
            return self._prepared(split, preprocessing)
        images = split_of(self.dataset, split)
        scan, stored = self.dataset.scan, preprocessing.stored_side
        if scan.smallest_side == scan.largest_side == stored:
            return self._prepared(split, preprocessing)
        return decoded(images, preprocessing, threads=self._threads)

    def on_demand(self, split: SplitName, side: int) -> Pixels:
        """The same images where only a few are looked at: nothing is stored or measured."""
        channels = self.dataset.channels
        plain = self._plain(side, (0.0,) * channels, (1.0,) * channels)
        return decoded(split_of(self.dataset, split), plain, threads=self._threads)

    def _channel_statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of the training images at one small side, the same for every candidate."""
        if self._statistics is None:
            channels = self.dataset.channels
            side = min(self.dataset.native_side, 32)
            plain = self._plain(side, (0.0,) * channels, (1.0,) * channels)
            self._statistics = channel_statistics(self._prepared("train", plain))
        return self._statistics

    def _plain(self, side: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Preprocessing:
        channels = self.dataset.channels
        return Preprocessing(
            side=side, channels=channels, mean=mean, std=std, crop_share=self._crop_share
        )

    def _prepared(self, split: SplitName, preprocessing: Preprocessing) -> Pixels:
        return prepare(
            split_of(self.dataset, split),
            preprocessing,
            cache=self._cache,
            threads=self._threads,
            progress=self._progress,
        )
