"""Masks against the tags of their photos and against each other."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.masks import judge_masks, mask_facts, wrong_labels

NAMES = ("background", "disc", "square", "ring")
CYCLE = [(1,), (2,), (1, 2)] * 3
COLOURS = np.array([[0, 0, 0], [48, 112, 32], [176, 112, 32], [200, 0, 0]], np.uint8)


def drawn(tags, seed: int = 0, size: int = 64) -> np.ndarray:
    """A block for each tag somewhere."""
    labels, rng = np.zeros([size, size], np.uint8), np.random.default_rng(seed)
    for column, tag in enumerate(tags):
        top = rng.integers(4, size // 3)
        labels[top:top + size // 3, 4 + column * size // 3:size // 4 + column * size // 3] = tag
    return labels


def facts(masks, tags=CYCLE, palettes=None):
    palettes = palettes or [None] * len(masks)
    return [mask_facts(Path(f"masks/p{number}.png"), mask, palette, own)
            for number, (mask, own, palette) in enumerate(zip(masks, tags, palettes))]


def judged(masks, tags=CYCLE, palettes=None, names=NAMES):
    return judge_masks(facts(masks, tags, palettes), names)


GOOD = [drawn(tags, seed) for seed, tags in enumerate(CYCLE)]


def test_good_masks_say_nothing():
    assert judged(GOOD) == ([], [])
    with_void = [np.where(cv2.dilate(mask, np.ones([3, 3], np.uint8)) != mask, 255, mask).astype(np.uint8) for mask in GOOD]
    assert judged(with_void) == ([], [])


def test_white_objects_are_undecided_and_never_count():
    problems, _ = judged([np.where(mask > 0, 255, 0).astype(np.uint8) for mask in GOOD])
    assert len(problems) == 1 and "found nothing but 0 and 255 in all 9" in problems[0] and "--labelmap" in problems[0]
    assert judged([np.zeros([9, 9], np.uint8)] * 3, [()] * 3) == ([], []), "photos may show nothing"


def test_some_white_masks_are_told():
    masks = [np.where(mask > 0, 255, 0).astype(np.uint8) if number < 3 else mask for number, mask in enumerate(GOOD)]
    problems, warnings = judged(masks)
    assert problems == [] and len(warnings) == 1 and "3 of 9 masks of tagged photos hold nothing but 0 and 255" in warnings[0]


@pytest.mark.parametrize("step, words", [(1, "larger ones by one"), (-1, "smaller ones by one")])
def test_numbers_moved_by_one(step, words):
    tags = [(2,), (3,), (2, 3)] * 3 if step < 0 else CYCLE
    masks = [drawn([tag + step for tag in own], seed) for seed, own in enumerate(tags)]
    problems, _ = judged(masks, tags)
    assert len(problems) == 1 and words in problems[0] and "classes.txt" in problems[0]


def test_classes_in_another_order():
    tags = [(1,), (2,)] * 4
    problems, _ = judged([drawn([3 - tag for tag in own], seed) for seed, own in enumerate(tags)], tags)
    assert len(problems) == 2
    assert "class 'disc': tagged in 4 photos with masks, drawn in none of them ('square' is there" in problems[0]


def test_empty_masks_of_tagged_photos():
    problems, _ = judged([np.zeros([16, 16], np.uint8)] * 9)
    assert [line.split(":")[0] for line in problems] == ["class 'disc'", "class 'square'"]


def test_one_class_that_is_never_drawn_is_a_warning():
    masks = [drawn([tag for tag in tags if tag != 2], seed) for seed, tags in enumerate(CYCLE)]
    problems, warnings = judged(masks)
    assert problems == [] and len(warnings) == 1
    assert warnings[0].startswith("class 'square': tagged in 6 photos with masks, drawn in none of them")


def test_a_class_that_is_drawn_and_never_tagged():
    masks = [drawn([*tags, 3], seed) for seed, tags in enumerate(CYCLE)]
    problems, warnings = judged(masks)
    assert problems == [] and warnings[0].startswith("class 'ring': drawn in 9 masks, tagged in no photo of theirs")
    assert warnings[1].startswith("9 of 9 masks show classes that the tags of their photos do not name, e.g. masks/p0.png 'ring'")


def test_photos_of_unknown_tags_say_nothing_about_tags():
    assert judged([drawn([3], seed) for seed in range(9)], [None] * 9) == ([], [])


def test_few_masks_say_nothing_about_tags():
    assert judged([drawn([3 - tag for tag in tags]) for tags in CYCLE[:4]], CYCLE[:4]) == ([], [])


@pytest.mark.parametrize("quality", [60, 75, 95])
def test_masks_that_went_through_jpeg(quality):
    """Labels of 20 classes: the numbers beside an edge are classes too."""
    names, tags = tuple(map(str, range(21))), [(15,), (9,), (15, 20)] * 3

    def spoilt(mask: np.ndarray) -> np.ndarray:
        return cv2.imdecode(cv2.imencode(".jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_UNCHANGED)

    problems, _ = judged([spoilt(drawn(own, seed)) for seed, own in enumerate(tags)], tags, names=names)
    assert len(problems) == 1 and "JPEG or smooth resizing" in problems[0]


def test_masks_that_were_resized_smoothly():
    names, tags = tuple(map(str, range(21))), [(15,), (9,), (15, 20)] * 3
    masks = [cv2.resize(drawn(own, seed), (100, 90), interpolation=cv2.INTER_LINEAR) for seed, own in enumerate(tags)]
    problems, _ = judged(masks, tags, names=names)
    assert len(problems) == 1 and "JPEG or smooth resizing" in problems[0]
    sharp = [cv2.resize(drawn(own, seed), (100, 90), interpolation=cv2.INTER_NEAREST) for seed, own in enumerate(tags)]
    assert judged(sharp, tags, names=names) == ([], [])


def quantized(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What tools make of a coloured mask: numbers by how often a colour occurs."""
    image = Image.fromarray(COLOURS[mask]).quantize(3)
    return np.array(image), np.reshape(image.getpalette("RGB"), [-1, 3]).astype(np.uint8)


def test_palettes_that_differ_from_file_to_file():
    masks, palettes = zip(*map(quantized, GOOD))
    problems, _ = judged(masks, palettes=palettes)
    assert len(problems) == 1 and "masks: expected one palette, found others in" in problems[0] and "--labelmap" in problems[0]


def test_one_palette_grey_palettes_and_none_agree():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
    for palettes in ([COLOURS] * 9, [COLOURS, grey, None] * 3, [np.zeros([256, 3], np.uint8), COLOURS, grey] * 3):
        assert judged(GOOD, palettes=palettes) == ([], [])


def test_folders_may_have_a_palette_each():
    other = [mask_facts(Path(f"other/p{number}.png"), mask, COLOURS[::-1].copy(), tags)
             for number, (mask, tags) in enumerate(zip(GOOD, CYCLE))]
    assert judge_masks(facts(GOOD, palettes=[COLOURS] * 9) + other, NAMES) == ([], [])


@pytest.mark.parametrize("mask, words", [
    (np.uint8([[0, 4], [255, 1]]), "expected labels 0 to 3 or 255, found 4: correct the mask or add the classes"),
    (np.uint8([[0, 38], [75, 220]]), "found 38, 75, 220: these are VOC's colours turned into grey"),
    (cv2.resize(np.uint8([[0, 255], [0, 0]]), (40, 40)), "its edges are smooth, by resizing or JPEG"),
])
def test_numbers_that_no_class_has(mask, words):
    lines = wrong_labels(mask_facts(Path("p.png"), mask, None, (1,)), 3)
    assert len(lines) == 1 and words in lines[0]
