"""The results of VOC 2012's test photos as its evaluation server takes them, written and checked.

The server unpacks one .tgz, whose files are results/VOC2012/Segmentation/
comp6_test_cls/<image_id>.png (comp5 if nothing but VOC's own data was used):
one palette PNG per id of ImageSets/Segmentation/test.txt, at the size of its
photo, with values 0 to 20. Its VOCevalseg.m refuses any higher value.
"""

import contextlib
import dataclasses
import gzip
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.errors import InputError, reason
from wsss_tf.evaluate.artefacts import each_of
from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.files.images import image_size, read_labels
from wsss_tf.files.store import write_labels, writing

COMPETITIONS = ("comp6", "comp5")  # any data; VOC's own data only
UNDECIDED = ("refuse", "background")
_MAX_FILE = 16 << 20  # bytes of one PNG in an archive; a mask of VOC has some thousand
_TGZ = (".tgz", ".tar.gz")


@dataclasses.dataclass(frozen=True)
class Submission:
    """What a submission has to hold.

    Attributes:
      ids: image ids of the list.
      photos: image id -> photo, for its size; ids may be missing.
      competition: 'comp6' or 'comp5'.
    """

    ids: tuple[str, ...]
    photos: dict[str, Path]
    competition: str = "comp6"

    @property
    def folder(self) -> PurePosixPath:
        """Where the masks are within an archive or an output folder."""
        return PurePosixPath("results/VOC2012/Segmentation") / f"{self.competition}_test_cls"


def write_submission(masks: Path, output: Path, test: Submission, undecided: str = "refuse") -> Path:
    """Writes the masks as palette PNGs under output/results and packs them; returns the archive.

    The same masks give the same bytes.

    Args:
      masks: folder of label maps <image_id>.png, grey or palette.
      output: folder to write results/ and results_<competition>.tgz to.
      test: the ids, photos and competition.
      undecided: what pixels of 255 become: 'background', or an error with 'refuse'.

    Raises:
      InputError: a mask is missing, damaged, of another size than its photo or
        with values that the server refuses; other files are in the folder.
    """
    missing = [image_id for image_id in test.ids if not (masks / f"{image_id}.png").is_file()]
    if missing:
        raise InputError(f"{masks / missing[0]}.png: no such file ({len(missing)} of {len(test.ids)} masks are missing): "
                         "predict all photos of the test list, or correct --masks or --test_list")
    folder = output / test.folder

    def write(image_id: str) -> None:
        labels = read_labels(masks / f"{image_id}.png")
        if undecided == "background":
            labels = np.where(labels == UNKNOWN, BACKGROUND, labels)
        problem = _fault(masks / f"{image_id}.png", labels, test.photos.get(image_id))
        if problem:
            raise InputError(problem)
        write_labels(folder / f"{image_id}.png", labels)

    list(each_of(test.ids, write, "packing"))
    extra = sorted({path.name for path in folder.iterdir()} - {f"{image_id}.png" for image_id in test.ids})
    if extra:
        raise InputError(f"{folder / extra[0]}: expected the masks of the test list only, found {len(extra)} other files: "
                         "move them away, or choose another --output")
    archive = output / f"results_{test.competition}.tgz"
    with writing(archive) as temporary:
        _pack(temporary, folder, test)
    return archive


def check_submission(path: Path, test: Submission) -> list[str]:
    """What is wrong with an archive, a folder that has results/ in it, or a folder of masks; empty if nothing is.

    Raises:
      InputError: no such file or folder, or no archive.
    """
    if path.is_dir():
        inner = path / test.folder
        return _check_folder(inner if inner.is_dir() else path, test)
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder: correct --check")
    problems = [] if path.name.endswith(_TGZ) else [f"{path}: expected a name that ends in .tgz or .tar.gz: rename it"]
    with tempfile.TemporaryDirectory() as temporary:
        found = _unpack(path, Path(temporary), test) + _check_folder(Path(temporary), test)
    return problems + [problem.replace(f"{temporary}{os.sep}", f"{path}: {test.folder}/") for problem in found]


def _check_folder(folder: Path, test: Submission) -> list[str]:
    there = {path.name for path in folder.iterdir()}
    wanted = {f"{image_id}.png": image_id for image_id in test.ids}
    problems = [f"{folder / name}: missing: predict this photo" for name in wanted if name not in there]
    problems += [f"{folder / name}: not in the test list: remove it" for name in sorted(there - wanted.keys())]

    def check(name: str) -> str:
        path = folder / name
        try:
            with Image.open(path, formats=["PNG"]) as image:
                mode = image.mode
            fault = _fault(path, read_labels(path), test.photos.get(wanted[name]))
        except InputError as error:
            return str(error)
        except Exception as error:  # Pillow has one for every kind of damage
            return f"{path}: not a readable PNG ({reason(error)}): write it again"
        return f"{path}: expected a palette PNG, found mode {mode}: write it with --masks" if mode != "P" else fault

    checked = each_of([name for name in wanted if name in there], check, "checking")
    return problems + [problem for problem in checked if problem]


def _fault(path: Path, labels: np.ndarray, photo: Path | None) -> str:
    """What the server would refuse in one mask, or ''."""
    top = int(labels.max())
    if top >= len(CLASS_NAMES):
        some = np.unique(labels[labels >= len(CLASS_NAMES)])[:5].tolist()
        undecided = " (255: set --undecided=background)" if UNKNOWN in some else ""
        return f"{path}: expected values 0 to {len(CLASS_NAMES) - 1}, found {some}{undecided}: the server refuses others"
    if photo is not None:
        height, width = image_size(photo)
        if labels.shape != (height, width):
            return (f"{path}: expected {width}x{height} pixels (width x height) as {photo}, found "
                    f"{labels.shape[1]}x{labels.shape[0]}: predict at the size of the photo")
    return ""


def _pack(archive: Path, folder: Path, test: Submission) -> None:
    with open(archive, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for image_id in test.ids:
            data = (folder / f"{image_id}.png").read_bytes()
            entry = tarfile.TarInfo(str(test.folder / f"{image_id}.png"))
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))


def _unpack(path: Path, target: Path, test: Submission) -> list[str]:
    """Copies the masks of an archive to a folder under their bare names; returns what else is in it.

    No path of the archive is ever used as one.
    """
    problems = []
    with _opened(path) as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            if member.isdir():
                continue
            if not member.isfile() or name.parent != test.folder or member.size > _MAX_FILE:
                problems.append(f"{path}: {member.name}: expected files {test.folder}/<image_id>.png only: pack it again")
            elif name.name in {".", ".."} or (target / name.name).exists():
                problems.append(f"{path}: {member.name}: comes twice: pack it again")
            else:
                (target / name.name).write_bytes(tar.extractfile(member).read())
    return problems


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:gz") as tar:
            yield tar
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{path}: expected an archive packed with tar and gzip ({error}): pack it again") from error
