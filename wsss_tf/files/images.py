"""Reading photos and maps: same pixels everywhere, clear words when it fails.

No reader decodes more pixels than its `max_pixels`, which the header of a file declares.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from wsss_tf.errors import InputError, reason
from wsss_tf.files.jpeg import MOST_SCANS, count_scans

MIN_SIDE = 16  # pixels; below it no network stage has a defined output
MAX_SIDE = 20000  # pixels; above it the file is a mistake or an attack
MAX_PIXELS = 80_000_000  # likewise; a file of 2 kB may declare more, and a photo of so many takes 240 MB
TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
          5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
          8: Image.Transpose.ROTATE_90}  # what makes a photo upright, by its EXIF orientation
FORMATS = ("JPEG", "PNG")  # no other decoder runs on a file, whatever its name says
_SMALLER = "make it smaller or cut it, e.g. by `wsss data convert --long_side=1000`"

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # the limit here is lower, and an error
warnings.filterwarnings("ignore", message="Corrupt EXIF data", category=UserWarning)  # then the photo is as it is stored


class PhotoFacts(NamedTuple):
    """What is found out about a photo: its size, whether EXIF turns it, whether anything shines through it."""

    height: int
    width: int
    turned: bool
    transparent: bool


def read_photo(path: Path, upright: bool = False, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes an 8-bit RGB or grey photo to uint8 [H, W, 3].

    Pixels come as they are stored, so that masks fit them; with `upright` they
    are turned and mirrored as the EXIF orientation says and viewers show them.

    Raises:
      InputError: missing, truncated, CMYK, 16-bit, too many pixels, a side outside
        16..20000 pixels, or, with `upright`, EXIF data that are damaged.
    """
    with _opened(path, max_pixels) as image:
        _check_photo(path, image)
        photo = _decoded(path, image.convert, "RGB")
        return np.asarray(_upright(path, photo) if upright else photo)


def photo_facts(path: Path, max_pixels: int = MAX_PIXELS) -> PhotoFacts:
    """Decodes a photo, as `read_photo` does, and tells what is found.

    Raises:
      InputError: as `read_photo`.
    """
    with _opened(path, max_pixels) as image:
        _check_photo(path, image)
        _decoded(path, image.load)
        transparent = image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255
        return PhotoFacts(image.size[1], image.size[0], _is_turned(image), transparent)


def photo_header(path: Path) -> PhotoFacts:
    """What the header of a photo tells, without decoding; what is transparent is not told.

    Raises:
      InputError: missing, not an image, or too many pixels.
    """
    with _opened(path, MAX_PIXELS) as image:
        return PhotoFacts(image.size[1], image.size[0], image.format != "PNG" and _is_turned(image), False)


def read_labels(path: Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes a label map to uint8 [H, W]; a palette PNG gives its indices.

    Raises:
      InputError: missing, truncated, too many pixels, or not a palette or grey 8-bit PNG.
    """
    return read_coloured_labels(path, max_pixels)[0]


def read_coloured_labels(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[np.ndarray, np.ndarray | None]:
    """Decodes a label map to uint8 [H, W] and its palette, uint8 [N, 3] RGB; None for a grey one.

    Raises:
      InputError: as `read_labels`.
    """
    with _opened(path, max_pixels) as image:
        if image.mode not in ("P", "L"):
            raise InputError(f"{path}: expected a palette or 8-bit grey label map, found mode {image.mode}: save the class "
                             "number of each pixel (palette PNG as in VOC), not colours, e.g. by "
                             "`wsss data convert --labelmap=FILE`")
        _check_grey_depth(path, image)
        _decoded(path, image.load)
        palette = np.reshape(np.array(image.getpalette("RGB"), np.uint8), [-1, 3]) if image.mode == "P" else None
        return np.asarray(image).copy(), palette


def read_grey(path: Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes an 8-bit grey map to uint8 [H, W].

    Raises:
      InputError: missing, truncated, too many pixels, or not 8-bit grey.
    """
    with _opened(path, max_pixels) as image:
        if image.mode != "L":
            raise InputError(f"{path}: expected an 8-bit grey map, found mode {image.mode}: "
                             "save it as 8-bit grey PNG (255 = salient)")
        _decoded(path, image.load)
        return np.asarray(image).copy()


def read_ids(path: Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes a 16-bit grey map of superpixel ids to int32 [H, W].

    Raises:
      InputError: missing, truncated, too many pixels, or not 16-bit grey.
    """
    with _opened(path, max_pixels) as image:
        if not image.mode.startswith("I"):
            raise InputError(f"{path}: expected a 16-bit grey map of superpixel ids, found mode {image.mode}: save the "
                             "number of each pixel's superpixel, from 0 on, as 16-bit grey PNG")
        _decoded(path, image.load)
        return np.asarray(image).astype(np.int32)


def read_indices(path: Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes a map of numbers, 8-bit grey, palette or 16-bit grey, to int32 [H, W].

    Raises:
      InputError: missing, truncated, too many pixels, or another kind of image.
    """
    with _opened(path, max_pixels) as image:
        wide = image.mode.startswith("I")
    return read_ids(path, max_pixels) if wide else read_labels(path, max_pixels).astype(np.int32)


def read_saliency(path: Path, maximum: int, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes an 8- or 16-bit grey saliency map, or a mask of 0 and 1, to float32 [H, W] in 0..1.

    Args:
      path: the map.
      maximum: file value that means certainly salient: 255, 65535, or 1 for
        masks of 0 and 1.
      max_pixels: most that are decoded.

    Raises:
      InputError: missing, truncated, too many pixels, not grey, or with values
        that contradict the maximum.
    """
    with _opened(path, max_pixels) as image:
        if image.mode not in ("1", "L", "I", "I;16"):
            raise InputError(f"{path}: expected an 8-bit grey map or a 16-bit one, found mode {image.mode}: "
                             f"save it as grey PNG ({maximum} = salient)")
        _decoded(path, image.load)
        values = np.asarray(image).astype(np.int32)
        wide = image.mode.startswith("I")
    expected, top = f"{path}: expected values up to {maximum}, found", int(values.max())
    if top > maximum:
        raise InputError(f"{expected} {top}: set --maps_max to the value that means certainly salient "
                         "(255, or 65535 for 16-bit maps)")
    if maximum > 255 and not wide:
        raise InputError(f"{expected} an 8-bit map: set --maps_max=255 or save it as 16-bit PNG")
    if top == 1 < maximum:
        raise InputError(f"{expected} only 0 and 1: multiply the map by {maximum} or set --maps_max=1")
    return (values / np.float32(maximum)).astype(np.float32)


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) from the file's header, without decoding.

    Raises:
      InputError: missing, not an image, or too many pixels.
    """
    with _opened(path, MAX_PIXELS) as image:
        return image.size[1], image.size[0]


def _opened(path: Path, max_pixels: int) -> Image.Image:
    limit = min(max_pixels, MAX_PIXELS)
    try:
        image = Image.open(path, formats=FORMATS)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: restore it or take its id out of the list") from None
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: not a readable image (neither JPEG nor PNG): restore the file from its source, or write it "
                         "anew by `wsss data convert`") from error
    except Image.DecompressionBombError:
        raise InputError(f"{path}: {_too_large(limit)} far more: {_SMALLER}") from None
    except Exception as error:  # Pillow has one for every kind of damage
        raise InputError(f"{path}: not a readable image ({reason(error)}): restore the file from its source") from error
    width, height = image.size
    if not 0 < width * height <= limit:
        raise InputError(f"{path}: {_too_large(limit)} {width}x{height}: {_SMALLER}")
    if image.format != "PNG" and count_scans(path.read_bytes()) > MOST_SCANS:
        raise InputError(f"{path}: expected a JPEG of at most {MOST_SCANS} scans, found more, which take hours to decode: "
                         "restore the file from its source or save it anew")
    return image


def _too_large(limit: int) -> str:
    return f"expected 1 to {limit} pixels (--max_pixels, at most {MAX_PIXELS}), found"


def _raw_mode(image: Image.Image) -> str:
    return str(image.tile[0][3]) if image.tile else ""


def _check_grey_depth(path: Path, image: Image.Image) -> None:
    # Pillow stretches 2- and 4-bit grey to 0..255, which would turn label 1 into 85 or 17.
    if image.mode == "L" and ";" in _raw_mode(image):
        raise InputError(f"{path}: expected a palette or 8-bit grey label map, found {_raw_mode(image)[2:]}-bit grey: "
                         "save it as an 8-bit or palette PNG")


def _decoded(path: Path, decode: Callable, *arguments: Any) -> Any:
    try:
        return decode(*arguments)
    except MemoryError:  # no fault of the file
        raise
    except Exception as error:
        raise InputError(f"{path}: truncated or damaged ({reason(error)}): restore the file from its source") from error


def _upright(path: Path, photo: Image.Image) -> Image.Image:
    """Turned as ImageOps.exif_transpose does, which fails where any other of the EXIF data is odd."""
    try:
        turn = TURNS.get(photo.getexif().get(ExifTags.Base.Orientation))
    except Exception as error:
        raise InputError(f"{path}: its EXIF data are damaged ({reason(error)}), so that it may lie on its side: save it anew "
                         "with a program for photos, or without EXIF data") from error
    return photo if turn is None else photo.transpose(turn)


def _check_photo(path: Path, image: Image.Image) -> None:
    if image.mode == "CMYK":
        raise InputError(f"{path}: expected an RGB photo, found {image.mode}: convert it, e.g. by `wsss data convert`")
    # Pillow opens a 16-bit colour PNG as "RGB" and keeps the depth in the raw mode only.
    if image.mode.startswith(("I", "F")) or ";16" in _raw_mode(image):
        raise InputError(f"{path}: expected 8 bits per channel, found 16 or more: save it as an 8-bit RGB file, e.g. by "
                         "`wsss data convert`")
    if min(image.size) < MIN_SIDE or max(image.size) > MAX_SIDE:
        remedy = "take its id out of the list" if min(image.size) < MIN_SIDE else _SMALLER
        raise InputError(f"{path}: expected sides of {MIN_SIDE} to {MAX_SIDE} pixels, found {image.size[0]}x{image.size[1]}: "
                         f"{remedy}")


def _is_turned(image: Image.Image) -> bool:
    """Whether viewers turn or mirror the picture; a damaged tag, which they ignore, says nothing."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation) in TURNS
    except Exception:  # Pillow has one for every kind of damage
        return False
