"""What makes a data set hard to learn from, though no file of it is damaged."""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from wsss_tf.errors import InputError
from wsss_tf.example import Dataset
from wsss_tf.files.images import PhotoFacts, image_size

FEW_PHOTOS = 5  # below which a class is not learned but remembered
LONG_SIDE = 1200  # pixels; nets, superpixels and crops are made for photos of about 500
_LOOKED_AT = 16  # photos whose size is read


def advice(dataset: Dataset) -> list[str]:
    """One line per thing that the user may want to change; all of them may be meant.

    Args:
      dataset: the data set; the sizes of some of its photos are read.
    """
    return [*dataset.notes, *_classes(dataset), *_without_classes(dataset), *_without_tags(dataset), *_large_photos(dataset)]


def about_photos(photos: Sequence[tuple[Path, PhotoFacts]]) -> list[str]:
    """One line per trait of photos that makes them look otherwise to a program than to their owner.

    Args:
      photos: files, and what was found in them.
    """
    lines = []
    turned = [path for path, facts in photos if facts.turned]
    if turned:
        lines.append(f"{len(turned)} of {len(photos)} photos are stored turned, e.g. {turned[0]}: their pixels are read as "
                     "they are stored, while viewers and drawing tools obey the EXIF orientation: turn the pixels by "
                     "`wsss data convert`, so that photos, masks and maps agree")
    transparent = [path for path, facts in photos if facts.transparent]
    if transparent:
        lines.append(f"{len(transparent)} of {len(photos)} photos are transparent in places, e.g. {transparent[0]}: what lies "
                     "hidden there is read: put them on white by `wsss data convert`")
    return lines


def _classes(dataset: Dataset) -> list[str]:
    photos = len(dataset.train)
    single = Counter(tag for example in dataset.train for tag in example.tags)
    pairs = Counter(pair for example in dataset.train for pair in itertools.permutations(example.tags, 2))
    lines = []
    for label, name in enumerate(dataset.class_names[1:], 1):
        count = single[label]
        company = [dataset.class_names[other] for (tag, other), times in sorted(pairs.items())
                   if tag == label and times == count]
        if not count:
            lines.append(f"class '{name}': expected training images, found none: add some or take it out of classes.txt")
            continue
        if count == photos:
            lines.append(f"class '{name}': it is in all {photos} training images, so that nothing shows what is not it: add "
                         "photos that show none of the classes (an empty cell in labels.csv), or something else with a class "
                         "of its own")
        elif count < FEW_PHOTOS:
            lines.append(f"class '{name}': only {count} training image{'s' * (count > 1)}: add some, or expect poor "
                         "masks of it")
        if company:
            lines.append(f"class '{name}': never without {' and '.join(map(repr, company))}, so that tags cannot tell "
                         "them apart: add photos of it alone, or make them one class")
    return lines


def _without_classes(dataset: Dataset) -> list[str]:
    empty = [example.image_id for example in dataset.train if not example.tags]
    if not dataset.untagged or not empty:
        return []
    return [f"{len(empty)} of {len(dataset.train)} training images show none of the classes, as the labels say, e.g. "
            f"'{empty[0]}': if they do show some, name them"]


def _without_tags(dataset: Dataset) -> list[str]:
    trained = {example.image_id for example in dataset.train}
    others = [example for example in dataset.val if example.image_id not in trained]
    if not dataset.masks_wanted or not others:
        return []
    return [f"{len(others)} of {len(dataset.val)} photos are not trained on, e.g. '{others[0].image_id}': they get masks "
            "all the same; name their classes in the labels file (an empty cell if they show none) and their ids in the train "
            "list, if there is one, to learn from them"]


def _large_photos(dataset: Dataset) -> list[str]:
    for example in dataset.train[:_LOOKED_AT]:
        try:
            height, width = image_size(example.image)
        except InputError:  # check_dataset names it
            continue
        if max(height, width) > LONG_SIDE:
            return [f"{example.image}: {width}x{height} pixels, and perhaps others: all settings are made for long sides of "
                    "about 500; make the photos (and masks and maps) smaller first, e.g. by `wsss data convert "
                    "--long_side=500`, or memory may run out"]
    return []
