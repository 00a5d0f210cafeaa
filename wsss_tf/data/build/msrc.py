"""The objects of MSRC v2 in VOC layout, from the archive of Microsoft Research Cambridge.

The archive has 591 photos in Images/ID.bmp and 23 classes as colours in
GroundTruth/ID_GT.bmp. This set keeps 277 of the photos, which show one or two
of the 14 classes that are objects, each on at least 1 % of the pixels. 231 are
for training and 46 for evaluation; the lists lie beside this file, and the
rules of the masks in msrc_labels.py.

Ref: Shotton et al., TextonBoost, ECCV 2006 (photos and annotations).
"""

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from wsss_tf.data.build.msrc_labels import CLASSES, COLOURS, context_labels, object_labels
from wsss_tf.data.labels_csv import write_csv
from wsss_tf.data.listing import list_images
from wsss_tf.data.names import PHOTO_SUFFIXES
from wsss_tf.errors import InputError
from wsss_tf.example import BACKGROUND, UNKNOWN, Example
from wsss_tf.files.images import read_labels
from wsss_tf.files.store import write_image, write_labels, write_text, writing
from wsss_tf.parallel.each_image import make_missing
from wsss_tf.parallel.pool import Workers

SPLITS = ("train", "val")
_ARCHIVE = "msrc_objcategimagedatabase_v2.zip"
_MOST = 2**24  # bytes of a picture; 320x240 pixels have 230,454
_MASKS, _PHOTOS, _CONTEXT = "SegmentationClass", "JPEGImages", "context"


def build_msrc(source: Path, target: Path, workers: Workers = Workers()) -> Path:
    """Writes what is not there yet of the data set; returns its folder.

    Writes JPEGImages/ID.jpg, SegmentationClass/ID.png, context/ID.png (the 23
    published classes, for evaluation), ImageSets/Segmentation/{train,val}.txt,
    labels.csv, classes.txt and context/classes.txt.

    Args:
      source: the archive, or a folder that it was unpacked to.
      target: folder of the data set.
      workers: who does it.

    Raises:
      InputError: the source is no such archive, pictures are missing, damaged
        or have unknown colours (the others are written), or the folder holds
        another data set.
    """
    ids = {split: msrc_ids(split) for split in SPLITS}
    names = [image_id for split in SPLITS for image_id in ids[split]]
    with _opened(source) as archive:
        _check_photos(archive, names)
        _check_target(target, names)
        _write_pictures(archive, names, target, workers)
    tags = {name: _present(read_labels(target / _MASKS / f"{name}.png")) for name in names}
    write_csv(target / "labels.csv", tags, CLASSES)
    write_text(target / _CONTEXT / "classes.txt", "".join(f"{label},{name}\n" for label, name in enumerate(COLOURS)))
    for split in SPLITS:
        write_text(target / f"ImageSets/Segmentation/{split}.txt", _lines(ids[split]))
    write_text(target / "classes.txt", _lines(CLASSES))
    return target


def msrc_ids(split: str) -> tuple[str, ...]:
    """The ids of "train" or "val", in their order."""
    return tuple((resources.files("wsss_tf.data.build") / f"msrc_{split}.txt").read_text(encoding="utf-8").split())


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[Path | zipfile.Path]:
    """The folder with Images and GroundTruth in it, which may be one level below."""
    if source.is_dir():
        yield _with_both(source, source)
        return
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{source}: expected {_ARCHIVE} or a folder that it was unpacked to ({error}): take the archive anew"
                         ) from error
    with archive:
        yield _with_both(zipfile.Path(archive), source)


def _with_both(root: Path | zipfile.Path, source: Path) -> Path | zipfile.Path:
    for folder in (root, *(folder for folder in root.iterdir() if folder.is_dir())):
        if (folder / "Images").is_dir() and (folder / "GroundTruth").is_dir():
            return folder
    raise InputError(f"{source}: expected the folders Images and GroundTruth of {_ARCHIVE}, found none: name the archive or "
                     "the folder that it was unpacked to")


def _check_photos(archive: Path | zipfile.Path, names: list[str]) -> None:
    files = {folder: {path.name for path in (archive / folder).iterdir()} for folder in ("Images", "GroundTruth")}
    missing = [path for name in names for path in _paths(archive, name) if path.name not in files[path.parent.name]]
    if missing:
        raise InputError(f"{missing[0]}: no such picture ({len(missing)} of {2 * len(names)} are missing): take {_ARCHIVE} "
                         "anew")


def _check_target(target: Path, names: list[str]) -> None:
    others = list_images(target / _PHOTOS, PHOTO_SUFFIXES).keys() - set(names)
    if others:
        raise InputError(f"{target / _PHOTOS}: expected no photos or those of MSRC v2, found {min(others)}: choose another "
                         "folder")


def _write_pictures(archive: Path | zipfile.Path, names: list[str], target: Path, workers: Workers) -> None:
    def arguments(example: Example) -> tuple:
        paths = _paths(archive, example.image_id)
        return tuple(map(_content, paths)), tuple(map(str, paths))

    make_missing(_write, [Example(name, Path(str(_paths(archive, name)[0])), ()) for name in names],
                 lambda example: target / _PHOTOS / f"{example.image_id}.jpg", arguments, "MSRC v2", workers)


def _paths(archive: Path | zipfile.Path, name: str) -> tuple[Path | zipfile.Path, Path | zipfile.Path]:
    """Photo and annotation of an id."""
    return archive / "Images" / f"{name}.bmp", archive / "GroundTruth" / f"{name}_GT.bmp"


def _content(path: Path | zipfile.Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:  # RuntimeError: encrypted and the like
        raise InputError(f"{path}: cannot be read ({error}): take {_ARCHIVE} anew") from error
    if len(content) > _MOST:
        raise InputError(f"{path}: expected at most {_MOST} bytes, found more: take {_ARCHIVE} anew")
    return content


def _write(photo: Path, contents: tuple[bytes, bytes], sources: tuple[str, str]) -> None:
    """Writes the three pictures of one id, the photo last: where it is, all are."""
    image, truth = map(_decoded, contents, sources)
    if image.shape != truth.shape:
        raise InputError(f"{sources[1]}: expected {image.shape[1]}x{image.shape[0]} pixels as {sources[0]}, found "
                         f"{truth.shape[1]}x{truth.shape[0]}: take both from {_ARCHIVE} again")
    try:
        context = context_labels(truth)
    except InputError as error:
        raise InputError(f"{sources[1]}: {error}") from None
    labels, root = object_labels(context), photo.parents[1]
    if not _present(labels):
        raise InputError(f"{sources[1]}: expected an object on it, found none: take it from {_ARCHIVE} again, as it is there")
    write_image(root / _CONTEXT / f"{photo.stem}.png", context)
    write_labels(root / _MASKS / f"{photo.stem}.png", labels)
    with writing(photo) as temporary:
        Image.fromarray(image).save(temporary, quality=95, subsampling=0)  # the eye sees no difference to the original


def _decoded(content: bytes, source: str) -> np.ndarray:
    """RGB uint8 [H, W, 3]."""
    try:
        with Image.open(io.BytesIO(content), formats=("BMP",)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise InputError(f"{source}: expected a picture in the format BMP ({error}): take {_ARCHIVE} anew") from error


def _present(labels: np.ndarray) -> list[int]:
    """The classes on a mask."""
    return [int(label) for label in np.unique(labels) if label not in (BACKGROUND, UNKNOWN)]


def _lines(words: Iterable[str]) -> str:
    return "".join(f"{word}\n" for word in words)
