"""What lies in the folders of a data set and fits nothing: how much, an example, and what to do."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from wsss_tf.data.examples import Files
from wsss_tf.data.listing import MAP_SUFFIXES, Listing, list_folder
from wsss_tf.data.names import CONVERTIBLE_SUFFIXES, PHOTO_SUFFIXES, composed, is_text, printable
from wsss_tf.example import Example

_MAP_LIKE = (*PHOTO_SUFFIXES, *CONVERTIBLE_SUFFIXES, ".npy", ".mat")
_COMPARED = 20  # stray names that a common pattern is looked for in


def unmatched(files: Files, maps: bool = True) -> list[str]:
    """One line per kind of entry that is left aside.

    Args:
      files: of the data set.
      maps: speak of saliency maps too.
    """
    lines = _photos(files.photos)
    some = bool(files.masks)
    for listing in files.mask_folders:
        lines += _maps(listing, files.photos.files, "masks", "mask_pattern")
    if not some:
        lines += _neighbours(files)
    return lines + (_maps(files.saliency_folder, files.photos.files, "saliency maps", "maps_pattern") if maps else [])


def without_masks(examples: tuple[Example, ...]) -> list[str]:
    """A line on the evaluation images that have no mask, where others have one."""
    missing = [example.image_id for example in examples if example.mask is None]
    if not 0 < len(missing) < len(examples):
        return []
    return [f"{len(missing)} of {len(examples)} evaluation images have no mask, e.g. '{missing[0]}': add it, or take their "
            "ids out of the val list"]


def _photos(photos: Listing) -> list[str]:
    folder, lines = photos.folder, []
    others = [name for name in photos.others if is_text(name)]
    foreign = [name for name in others if name.lower().endswith(CONVERTIBLE_SUFFIXES) and (folder / name).is_file()]
    if foreign:
        lines.append(f"{folder}: {_count(foreign, 'photo')} in other formats than JPEG and PNG, e.g. {foreign[0]}: write them "
                     "anew by `wsss data convert`")
    no_text = [name for name in photos.others if not is_text(name)]
    if no_text:
        lines.append(f"{folder}: {_count(no_text, 'name')} not in UTF-8, e.g. {printable(no_text[0])}: rename these files "
                     "(convmv -f ENCODING -t utf8)")
    below = {name: count for name in others if (count := _photos_below(folder / name))}
    if below:
        name = next(iter(below))
        lines.append(f"{folder}: {sum(below.values())} photos in {_count(below, 'folder')} below it, e.g. in {name}: move "
                     "them up into the folder itself")
    named = [name for name in others if name.lower().endswith(PHOTO_SUFFIXES)]
    no_files = [name for name in named if name not in below]
    if no_files:
        lines.append(f"{folder}: {_count(no_files, 'entry', 'entries')} named like photos, but folders or dead links, "
                     f"e.g. {no_files[0]}: remove them, or restore what they lead to")
    return lines


def _maps(listing: Listing, photos: dict[str, Path], kind: str, flag: str) -> list[str]:
    lines = []
    strays = _strays(listing, photos)
    if strays:
        lines.append(f"{listing.folder}: {len(strays)} {kind} fit no photo, e.g. {strays[0]}: {_remedy(strays, photos, flag)}")
    foreign = [name for name in listing.others
               if is_text(name) and name.lower().endswith(tuple(suffix for suffix in _MAP_LIKE if suffix not in MAP_SUFFIXES))]
    if foreign:
        lines.append(f"{listing.folder}: {len(foreign)} {kind} are no PNG, e.g. {foreign[0]}: `wsss data convert` writes "
                     ".bmp, .tif, .gif, .webp and .npy as PNG; JPEG has changed the numbers: export these anew")
    return lines


def _strays(listing: Listing, photos: dict[str, Path]) -> list[str]:
    """File names of PNGs, within and without the pattern, that fit no photo; none where every photo has its file."""
    fitting = set(listing.fitting(photos).values())
    if len(fitting) == len(photos):
        return []
    others = [name for name in listing.others if is_text(name) and name.lower().endswith(MAP_SUFFIXES)]
    return sorted([path.name for path in listing.files.values() if path not in fitting] + others)


def _remedy(strays: list[str], photos: dict[str, Path], flag: str) -> str:
    pattern = _common_pattern([os.path.splitext(composed(name))[0] for name in strays], photos)
    if pattern:
        return f"set --{flag}={pattern}.png if all are named so"
    return f"name them like their photos (e.g. {next(iter(photos))}.png), or set --{flag}"


def _common_pattern(stems: list[str], photos: Iterable[str]) -> str:
    """What most of some stems are made of, around the id of a photo; '' if there is nothing of the kind."""
    patterns = Counter()
    for stem in stems[:_COMPARED]:
        within = max((image_id for image_id in photos if image_id in stem and image_id != stem), key=len, default="")
        if within:
            before, _, after = stem.partition(within)
            patterns[before + "{id}" + after] += 1
    pattern, count = patterns.most_common(1)[0] if patterns else ("", 0)
    return pattern if 2 * count > len(stems[:_COMPARED]) else ""


def _neighbours(files: Files) -> list[str]:
    """Other folders beside that of the masks, if they hold PNGs of the photos' names and this one none."""
    wanted, lines = files.mask_folders[0].folder, []
    known = {files.photos.folder, files.saliency_folder.folder, *(listing.folder for listing in files.mask_folders)}
    for folder in sorted(path for path in files.photos.folder.parent.iterdir() if path.is_dir() and path not in known):
        fitting = list_folder(folder, MAP_SUFFIXES).fitting(files.photos.files) if not folder.name.startswith(".") else {}
        if fitting:
            lines.append(f"{folder}: {len(fitting)} PNGs named like the photos; if they are the masks, rename the folder to "
                         f"{wanted.name}")
    return lines


def _photos_below(path: Path) -> int:
    if not path.is_dir():
        return 0
    names = (name for _, _, names in os.walk(path) for name in names)
    return sum(not name.startswith(".") and name.lower().endswith(PHOTO_SUFFIXES) for name in names)


def _count(things: Iterable, one: str, many: str = "") -> str:
    number = len(tuple(things))
    return f"{number} {one if number == 1 else many or one + 's'}"
