"""Any data set in a folder: photos, class names and tags; masks and lists if there are some.

Two layouts are read: `images/` with optional `masks/`, or the VOC one with
JPEGImages and optional SegmentationClass. Beside them lie classes.txt (one name
per line) and labels.csv. Files belong together by their name without suffix,
which is the image id.
"""

import dataclasses
import os
import re
from collections.abc import Iterable
from pathlib import Path

from wsss_tf.config import expand_path
from wsss_tf.data.labels import PHOTO_SUFFIXES, Tags, find_labels, near_match, photo_id, read_tags, read_text
from wsss_tf.errors import InputError
from wsss_tf.example import MAX_CLASSES, Dataset, Example

MAP_SUFFIXES = (".png",)
LAYOUTS = (("images", "masks"), ("JPEGImages", "SegmentationClass"))  # photos, masks


@dataclasses.dataclass(frozen=True)
class Files:
    """The files of a data set by image id.

    Attributes:
      photo_folder: where the photos are, for error messages.
      photos, masks, saliency: image id -> file; only photos are complete.
    """

    photo_folder: Path
    photos: dict[str, Path]
    masks: dict[str, Path]
    saliency: dict[str, Path]


def open_folder(root: Path, train_list: str, val_list: str, labels: str, saliency: str) -> Dataset:
    """Opens a folder with classes.txt, labels and photos.

    Lists are ImageSets/Segmentation/NAME.txt or NAME.txt under the root, or a
    path. The lists called train and val may be absent:

      * no train list: every labelled image that is not in the val list;
      * no val list: the training examples that have a mask. Training never opens
        a mask, so this measures the masks of the training images. If none has
        one, every photo of the folder, labelled or not: they are to be made.

    Args:
      root: the folder.
      train_list: name or path of the list of training ids.
      val_list: name or path of the list of evaluation ids.
      labels: path of the labels, or '' to look for them under the root.
      saliency: folder of the saliency maps, or '' for `saliency/` if it exists.

    Raises:
      InputError: something is missing, malformed or contradicts itself.
    """
    photos, masks = _layout(root)
    files = index_files(root / photos, [root / masks], root, saliency)
    labels_path = expand_path(labels) if labels else find_labels(root)
    class_names = read_class_names(root / "classes.txt", labels_path)
    tags = read_tags(labels_path, class_names)
    # Only the defaults may be absent: a list that was asked for by another name is a typing error.
    train_path = find_list(root, train_list, "train", optional=train_list == "train")
    val_path = find_list(root, val_list, "val", optional=val_list == "val")
    val_ids = read_list(val_path) if val_path else ()
    train_ids = read_list(train_path) if train_path else _without(tags, val_ids)
    if not train_ids:
        raise InputError(f"{labels_path}: expected images to train on, found none that is not in {val_path}: add some")
    train = make_examples(train_ids, files, tags, train_path or labels_path, required_in=labels_path)
    if val_path:
        val = make_examples(val_ids, files, tags, val_path)
        check_overlap(train_ids, val_ids, val_path)
    else:
        val = tuple(example for example in train if example.mask)
    masks_wanted = not val_path and not val
    if masks_wanted:
        val = make_examples(files.photos, files, tags, files.photo_folder)
    return Dataset(root.resolve().name, class_names, train, val, masks_wanted=masks_wanted)


def read_class_names(path: Path, labels: Path | None = None) -> tuple[str, ...]:
    """Names indexed by label value, from one name per line; 'background' may be left out.

    Args:
      path: classes.txt.
      labels: file of the tags, where the error message looks for names if there is no classes.txt.

    Raises:
      InputError: missing, empty, a blank line between names, a name that comes
        twice (case and spaces apart) or holds ';', 'background' not on line 1,
        more than 254 classes.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file: write the names of the classes, one per line, in the order of the "
                         f"label values{_named_in(labels)}")
    names = [line.strip() for line in read_text(path).rstrip().split("\n")]
    for line, name in enumerate(names, 1):
        if (line, name) != (1, "background") and (name in ("", "background") or ";" in name):
            raise InputError(f"{path}: line {line}: expected the name of a class (without ';'), found '{name}': "
                             "write one name per line, 'background' on the first line or nowhere")
        before = near_match(name, names[:line - 1], cutoff=1)
        if before:
            how = "comes twice" if before == name else f"differs from '{before}' by case or spaces alone"
            raise InputError(f"{path}: line {line}: class '{name}' {how}: rename or remove one")
    classes = tuple(name for name in names if name != "background")
    if not 1 <= len(classes) <= MAX_CLASSES:
        raise InputError(f"{path}: expected 1 to {MAX_CLASSES} classes, found {len(classes)}: add or merge some")
    return ("background", *classes)


def find_list(root: Path, name: str, split: str, optional: bool = False) -> Path | None:
    """The file of a list: a path that ends in .txt, or a name looked up under the root.

    Args:
      root: folder of the data set.
      name: value of the flag --SPLIT_list.
      split: 'train' or 'val', for the error message.
      optional: give None if the list does not exist.

    Raises:
      InputError: the list does not exist.
    """
    folders = (root / "ImageSets" / "Segmentation", root)
    paths = [expand_path(name)] if name.endswith(".txt") else [folder / f"{name}.txt" for folder in folders]
    for path in paths:
        if path.is_file():
            return path
    if optional:
        return None
    there = sorted(path.stem for path in folders[0].glob("*.txt"))
    raise InputError(f"{paths[0]}: no such list: set --{split}_list to the path of a .txt file or to one of "
                     f"ImageSets/Segmentation ({', '.join(there) or 'which has none'})")


def read_list(path: Path) -> tuple[str, ...]:
    """Image ids, one per line; the path of a photo (and of its mask) stands for its id.

    Raises:
      InputError: unreadable, empty, or an id comes twice.
    """
    lines = (line.strip() for line in read_text(path).split("\n"))
    ids = tuple(_line_id(line) for line in lines if line)
    if not ids:
        raise InputError(f"{path}: expected image ids, one per line, found none: fill or remove the list")
    seen = set()
    for image_id in ids:
        if image_id in seen:
            raise InputError(f"{path}: id '{image_id}' comes twice: remove one of the lines")
        seen.add(image_id)
    return ids


def index_files(photo_folder: Path, mask_folders: Iterable[Path], root: Path, saliency: str) -> Files:
    """Looks up all files once; where two mask folders know an id, the first one counts.

    Raises:
      InputError: a folder of photos or the given saliency folder is missing or
        empty, or two photos have the same id.
    """
    masks = {}
    for folder in mask_folders:
        masks = {**list_images(folder, MAP_SUFFIXES), **masks}
    saliency_folder = expand_path(saliency) if saliency else root / "saliency"
    maps = list_images(saliency_folder, MAP_SUFFIXES)
    if saliency and not maps:
        raise InputError(f"{saliency_folder}: expected a folder of PNG saliency maps, found none: correct --maps")
    photos = list_images(photo_folder, PHOTO_SUFFIXES)
    if not photos:
        raise InputError(f"{photo_folder}: expected photos ({', '.join(PHOTO_SUFFIXES)}), found none: correct --data")
    return Files(photo_folder, photos, masks, maps)


def list_images(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """File name without suffix -> file, sorted; empty if there is no such folder.

    Raises:
      InputError: two files differ in their suffix only.
    """
    files = {}
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        stem, suffix = os.path.splitext(name)
        if suffix.lower() in suffixes:
            if stem in files:
                raise InputError(f"{folder / name}: expected one file per id, found {files[stem].name} too: remove one")
            files[stem] = folder / name
    return files


def make_examples(ids: Iterable[str], files: Files, tags: Tags, source: Path,
                  required_in: Path | None = None) -> tuple[Example, ...]:
    """Examples in the order of the ids.

    Args:
      ids: image ids.
      files: where the files are.
      tags: id -> label values; ids that it lacks get no tags.
      source: file that names the ids, for error messages.
      required_in: the file of the tags, if every id needs tags.

    Raises:
      InputError: an id without photo, or without the tags that it needs.
    """
    examples = []
    for image_id in ids:
        if image_id not in files.photos:
            close = near_match(image_id, files.photos, cutoff=0.8)
            hint = f" (did you mean '{close}'?)" if close else ""
            raise InputError(f"{files.photo_folder / image_id}.jpg: no such photo (nor .jpeg, .png) for id "
                             f"'{image_id}' in {_line(source, image_id)}{hint}: restore it or remove the line")
        if required_in and image_id not in tags:
            raise InputError(f"{required_in}: no tags for id '{image_id}' of {source}: add its line or remove the id")
        examples.append(Example(image_id, files.photos[image_id], tags.get(image_id, ()),
                                files.masks.get(image_id), files.saliency.get(image_id)))
    return tuple(examples)


def check_overlap(train_ids: tuple[str, ...], val_ids: tuple[str, ...], val_path: Path) -> None:
    """Refuses lists that share some ids.

    A val list wholly within the training ids is no accident: pseudo labels are
    measured on the training images, as on VOC train (1,464 of the 10,582).

    Raises:
      InputError: some, but not all ids of the val list are training ids.
    """
    shared = sorted(set(train_ids) & set(val_ids))
    if shared and len(shared) < len(val_ids):
        raise InputError(f"{val_path}: {len(shared)} of its {len(val_ids)} ids are training ids too, "
                         f"e.g. '{shared[0]}': take them out of one of the lists")


def _layout(root: Path) -> tuple[str, str]:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder: correct --data, or make the data set first")
    for photos, masks in LAYOUTS:
        if (root / photos).is_dir():
            return photos, masks
    raise InputError(f"{root}: expected a folder images or JPEGImages in it, found neither: correct --data")


def _without(tags: Tags, ids: tuple[str, ...]) -> tuple[str, ...]:
    left_out = set(ids)
    return tuple(image_id for image_id in tags if image_id not in left_out)


def _line_id(line: str) -> str:
    pair = re.fullmatch(r"(\S+\.(?:jpe?g|png))\s+\S+\.png", line, re.IGNORECASE)
    return photo_id(pair.group(1) if pair else line)


def _line(source: Path, image_id: str) -> str:
    """The file and the line in it that names the id, for error messages."""
    if source.suffix.lower() in (".csv", ".txt"):
        for number, line in enumerate(read_text(source).split("\n"), 1):
            first = re.match(r'\s*"?([^",;\t]*)', line).group(1).strip()
            if image_id in (_line_id(line.strip()), photo_id(first)):
                return f"{source}, line {number}"
    return f"{source}"


def _named_in(labels: Path | None) -> str:
    """What a labels.csv calls the classes, as advice for somebody who has not written classes.txt yet."""
    if labels is None or labels.suffix.lower() != ".csv" or not labels.is_file():
        return ""
    cells = (re.split(r"[,;\t]", line)[1:] for line in read_text(labels).split("\n")[1:])
    names = sorted({cell.strip(' "') for line in cells for cell in line} - {""})
    return f" ({labels.name} speaks of {', '.join(names[:20])}{', ...' if len(names) > 20 else ''})" if names else ""
