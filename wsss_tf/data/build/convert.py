"""Photos and masks of all kinds, written anew as this project and others read them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from wsss_tf.data.build.labelmap import Labelmap, labels_of_colours
from wsss_tf.errors import InputError, reason
from wsss_tf.example import UNKNOWN
from wsss_tf.files.images import TURNS
from wsss_tf.files.jpeg import MOST_SCANS, count_scans
from wsss_tf.files.store import write_labels, writing

T = TypeVar("T")

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")  # no other decoder runs on a file
_JPEG = ("JPEG", "MPO")  # the latter is what some phones write: a JPEG with another behind it
_LARGEST = 10**9  # pixels; above it the file is a mistake or an attack
_QUALITY = 95
_UPRIGHT = 1  # as an EXIF orientation


class Kind(NamedTuple):
    """What the header of a photo says: whether it is a JPEG, its size as stored, its EXIF orientation (1 = upright)."""

    jpeg: bool
    width: int
    height: int
    orientation: int


def photo_kind(photo: Path) -> Kind:
    """What the header of a photo says; a damaged orientation says nothing.

    Raises:
      InputError: missing, or no image of these formats.
    """
    with _opened(photo) as image:
        # Pillow turns a TIFF by itself, and may give the size that it will have then.
        tags = getattr(image, "tag_v2", {})
        width, height = tags.get(ExifTags.Base.ImageWidth, image.width), tags.get(ExifTags.Base.ImageLength, image.height)
        return Kind(image.format in _JPEG, width, height, _orientation(image))


def stored_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image, or of an array in a .npy file.

    Raises:
      InputError: missing or damaged.
    """
    if path.suffix.lower() == ".npy":
        return _array_labels(path).shape[::-1]
    with _opened(path) as image:
        return image.size


def write_photo(target: Path, source: Path, long_side: int | None = None) -> None:
    """Writes a photo upright, on white where it is transparent, as RGB or grey of 8 bits.

    A file that is like this already is copied.

    Args:
      target: ends in .jpg if the source is a JPEG, else in .png.
      source: JPEG, PNG, BMP, GIF, TIFF or WebP; of several pictures the first.
      long_side: of the result at most, in pixels.

    Raises:
      InputError: missing, damaged, or with numbers beyond 16 bits per channel.
    """
    with _opened(source) as image:
        size = smaller(image.size, long_side)
        plain = image.format in _JPEG + ("PNG",) and image.mode in ("RGB", "L") and not _is_deep(image)
        if plain and _orientation(image) == _UPRIGHT and size == image.size and not image.has_transparency_data:
            with writing(target) as temporary:
                shutil.copyfile(source, temporary)
            return
        if long_side:
            image.draft(None, size)  # of a JPEG much larger only what is needed is decoded
        photo = _decoded(source, lambda: _upright(source, image, size))
    options = {"quality": _QUALITY, "subsampling": 0} if target.suffix == ".jpg" else {}
    with writing(target) as temporary:
        photo.save(temporary, **options)


def write_mask(target: Path, source: Path, labelmap: Labelmap | None = None, long_side: int | None = None,
               turn: int = _UPRIGHT) -> None:
    """Writes a mask as a palette PNG of class numbers.

    Args:
      target: a .png file.
      source: PNG, BMP, GIF, TIFF, WebP or .npy.
      labelmap: the classes of its colours; None: it holds numbers, of which white
        of one bit is 1 and -1 of an array 255.
      long_side: of the result at most, in pixels.
      turn: the EXIF orientation in which it is stored.

    Raises:
      InputError: missing, damaged, JPEG, or colours or numbers that mean nothing.
    """
    labels = _array_labels(source) if source.suffix.lower() == ".npy" else _image_labels(source, labelmap)
    image = _turned(Image.fromarray(labels), turn)
    write_labels(target, np.asarray(image.resize(smaller(image.size, long_side), Image.Resampling.NEAREST)))


def write_map(target: Path, source: Path, long_side: int | None = None, turn: int = _UPRIGHT) -> None:
    """Writes a grey map of 8 or 16 bits as PNG.

    Args:
      target: a .png file.
      source: PNG, BMP, GIF, TIFF or WebP.
      long_side: of the result at most, in pixels.
      turn: the EXIF orientation in which it is stored.

    Raises:
      InputError: missing, damaged, or not grey.
    """
    with _opened(source) as image:
        if image.mode not in ("1", "L", "I;16", "I"):
            raise InputError(f"{source}: expected a grey map of 8 or 16 bits, found mode {image.mode}: save it as grey PNG")
        _decoded(source, image.load)
        values = np.asarray(image)
    kind = np.uint16 if values.dtype.itemsize > 1 else np.uint8
    small = _turned(Image.fromarray(values.astype(np.float32)), turn)
    small = small.resize(smaller(small.size, long_side), Image.Resampling.BOX)
    with writing(target) as temporary:
        Image.fromarray(np.rint(np.asarray(small)).astype(kind)).save(temporary)


def smaller(size: tuple[int, int], long_side: int | None) -> tuple[int, int]:
    """The size with a longest side of at most so many pixels, in the same proportions; photos and their maps agree."""
    if long_side is None or max(size) <= long_side:
        return size
    return tuple(max(1, round(side * long_side / max(size))) for side in size)


def _opened(path: Path) -> Image.Image:
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, _LARGEST
    try:
        image = Image.open(path, formats=FORMATS)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: restore it") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: expected {', '.join(FORMATS)}, found another kind of file: export it as one of these, or "
                         "take it out of the folder") from None
    except Exception as error:  # Pillow has one for every kind of damage
        raise InputError(f"{path}: not a readable image ({reason(error)}): restore the file from its source") from error
    finally:
        Image.MAX_IMAGE_PIXELS = usual
    if image.format in _JPEG and count_scans(path.read_bytes()) > MOST_SCANS:
        raise InputError(f"{path}: expected a JPEG of at most {MOST_SCANS} scans, found more, which take hours to decode: "
                         "restore the file from its source")
    return image


def _decoded(path: Path, decode: Callable[[], T]) -> T:
    try:
        return decode()
    except (InputError, MemoryError):  # the latter is no fault of the file
        raise
    except Exception as error:
        raise InputError(f"{path}: truncated or damaged ({reason(error)}): restore the file from its source") from error


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow has one for every kind of damage, which viewers ignore
        return _UPRIGHT
    return found if found in TURNS else _UPRIGHT


def _turned(image: Image.Image, turn: int) -> Image.Image:
    return image if turn == _UPRIGHT else image.transpose(TURNS[turn])


def _is_deep(image: Image.Image) -> bool:
    return bool(image.tile) and ";16" in str(image.tile[0][3])


def _rgb(path: Path, image: Image.Image) -> Image.Image:
    """As RGB or grey of 8 bits per channel."""
    if image.mode == "F":
        raise InputError(f"{path}: expected a photo of 8 or 16 bits per channel, found real numbers: export it as such")
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.int64) // 257).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _upright(path: Path, image: Image.Image, size: tuple[int, int]) -> Image.Image:
    before = image.size
    image.load()  # which turns a TIFF: ask for its sides and its orientation afterwards
    if image.size != before:
        size = size[::-1]
    return _turned(_scaled(_rgb(path, image), size), _orientation(image))


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def _image_labels(source: Path, labelmap: Labelmap | None) -> np.ndarray:
    with _opened(source) as image:
        if image.format in _JPEG:
            raise InputError(f"{source}: expected numbers of classes, found a JPEG, which has changed them: export it again "
                             "as PNG")
        _decoded(source, image.load)
        if labelmap:
            seen = image.convert("RGBA")
            colours = np.asarray(seen.convert("RGB"))
            hidden = np.asarray(seen)[..., 3] == 0
            try:
                return labels_of_colours(labelmap, np.where(hidden[..., None], labelmap.background, colours))
            except InputError as error:
                raise InputError(f"{source}: {error}") from None
        if image.mode not in ("1", "L", "P") or _is_shallow_grey(image):
            raise InputError(f"{source}: expected numbers of classes, found mode {image.mode}: name the classes of its "
                             "colours by --labelmap=FILE")
        return np.asarray(image).astype(np.uint8)


def _is_shallow_grey(image: Image.Image) -> bool:
    return image.mode == "L" and ";" in str(image.tile[0][3] if image.tile else "")


def _array_labels(source: Path) -> np.ndarray:
    try:
        labels = np.load(source, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{source}: not a readable array ({error}): restore the file from its source") from error
    if not isinstance(labels, np.ndarray) or labels.ndim != 2 or labels.dtype.kind not in "iub":
        raise InputError(f"{source}: expected whole numbers [H, W], found something else: it is no mask")
    labels = labels.astype(np.int64)
    labels[labels == -1] = UNKNOWN
    if labels.min(initial=0) < 0 or labels.max(initial=0) > UNKNOWN:
        raise InputError(f"{source}: expected numbers 0 to {UNKNOWN}, found {labels.min()} to {labels.max()}: correct it")
    return labels.astype(np.uint8)
