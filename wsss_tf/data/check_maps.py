"""A folder of another program's maps, to be taken for what a stage makes: are they what the stages behind it read?"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from wsss_tf.data.check import other_size, threads
from wsss_tf.data.listing import MAP_SUFFIXES, list_folder
from wsss_tf.data.masks import MaskFacts, judge_masks, mask_facts, wrong_labels
from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN, Example
from wsss_tf.files.images import photo_header, read_coloured_labels, read_indices, read_labels
from wsss_tf.files.store import write_ids, write_image

# labels and seeds: class numbers, 255 where undecided; saliency: 0 background, 1 object, 255 undecided; superpixels: numbers.
KINDS = ("labels", "seeds", "saliency", "superpixels")
_OBJECT = 1


def find_maps(folder: Path, examples: Sequence[Example], pattern: str = "{id}") -> dict[str, Path]:
    """The map of each example, by its id.

    Args:
      folder: of the maps, PNG.
      examples: all of them need a map.
      pattern: names of the maps without their suffix.

    Raises:
      InputError: some have none.
    """
    listing = list_folder(folder, MAP_SUFFIXES, pattern)
    ids = [example.image_id for example in examples]
    maps = listing.fitting(ids)
    missing = [image_id for image_id in ids if image_id not in maps]
    if missing:
        others = [path.name for path in listing.files.values() if path not in set(maps.values())]
        hint = f" ({len(others)} maps fit no image, e.g. {others[0]})" if others else ""
        raise InputError(f"{folder / missing[0]}.png: no such map, {len(missing)} of {len(ids)} images have none{hint}: name "
                         "the maps <image_id>.png, or make the missing ones")
    return maps


def check_map_folder(folder: Path, examples: Sequence[Example], kind: str, num_classes: int,
                     pattern: str = "{id}") -> list[str]:
    """Decodes the map of each example once.

    Args:
      folder: of the maps.
      examples: those that the stage would make maps of.
      kind: one of KINDS.
      num_classes: C.
      pattern: names of the maps without their suffix.

    Returns:
      One line per problem; empty if all is well.

    Raises:
      InputError: as `find_maps`.
    """
    maps = find_maps(folder, examples, pattern)
    limit = {"saliency": _OBJECT, "superpixels": None}.get(kind, num_classes)
    look = partial(_look, maps=maps, limit=limit)
    with ThreadPoolExecutor(threads()) as pool:
        looked = list(pool.map(look, examples))
    facts = [fact for _, fact in looked if fact]
    return [*_together(folder, facts, kind, num_classes), *(line for lines, _ in looked for line in lines)]


def write_as_made(target: Path, source: Path, kind: str) -> None:
    """Writes a map in the form in which a stage writes it: grey of 8 bits, or 16 bits for superpixels from 0 on.

    The training stream reads a palette as colours turned into grey, so none may reach it.

    Raises:
      InputError: missing or damaged, or more than 65,536 superpixels.
    """
    if kind != "superpixels":
        write_image(target, read_labels(source))
        return
    ids = read_indices(source)
    _, numbers = np.unique(ids, return_inverse=True)
    write_ids(target, numbers.reshape(ids.shape))


def _look(example: Example, maps: dict[str, Path], limit: int | None) -> tuple[list[str], MaskFacts | None]:
    """What is wrong with one map, and what it shows; superpixels (limit None) show nothing."""
    path = maps[example.image_id]
    try:
        values, palette = (read_indices(path), None) if limit is None else read_coloured_labels(path)
        photo = photo_header(example.image)
    except InputError as error:
        return [str(error)], None
    lines = [] if values.shape == (photo.height, photo.width) else [other_size(path, values, example.image, photo)]
    if limit is None:
        return lines, None
    facts = mask_facts(path, values, palette, example.tags)
    return lines + wrong_labels(facts, limit), facts


def _together(folder: Path, facts: Sequence[MaskFacts], kind: str, num_classes: int) -> list[str]:
    if kind in ("labels", "seeds"):
        return judge_masks(facts, tuple(f"{label}" for label in range(num_classes + 1)))[0]
    if facts and not any(_OBJECT in fact.labels for fact in facts):
        return [f"{folder}: expected maps of 0, 1 (object) and {UNKNOWN} (undecided), found no 1 in all {len(facts)}: scores "
                "of a detector, 0 to 255, are given by --maps=FOLDER"]
    return []
