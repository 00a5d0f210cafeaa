"""Folders of other programs' maps in place of a stage."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.check_maps import check_map_folder, find_maps, write_as_made
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.images import read_grey, read_ids
from wsss_tf.files.store import voc_palette, write_labels

SIZE = (16, 20)


@pytest.fixture
def examples(tmp_path) -> tuple[Example, ...]:
    """Six photos of two classes, in turn."""
    (tmp_path / "images").mkdir()
    made = tuple(Example(f"p{i}", tmp_path / f"images/p{i}.jpg", (1 + i % 2,)) for i in range(6))
    for example in made:
        Image.new("RGB", SIZE[::-1]).save(example.image)
    return made


def drawn(label: int) -> np.ndarray:
    labels = np.zeros(SIZE, np.uint8)
    labels[3:10, 4:12], labels[12:, 14:] = label, 255
    return labels


def filled(folder: Path, examples: tuple[Example, ...], make=lambda example: drawn(example.tags[0]), name="{}.png") -> Path:
    folder.mkdir()
    for example in examples:
        Image.fromarray(make(example)).save(folder / name.format(example.image_id))
    return folder


@pytest.mark.parametrize("kind", ["labels", "seeds"])
def test_sound_labels_have_no_problems(tmp_path, examples, kind):
    assert check_map_folder(filled(tmp_path / "maps", examples), examples, kind, 2) == []


def test_maps_of_other_names_are_told(tmp_path, examples):
    folder = filled(tmp_path / "maps", examples, name="{}_seed.png")
    words = r"maps/p0.png: no such map, 6 of 6 images have none \(6 maps fit no image, e.g. p0_seed"
    with pytest.raises(InputError, match=words):
        find_maps(folder, examples)
    assert find_maps(folder, examples, "{id}_seed")["p3"] == folder / "p3_seed.png"


def test_each_fault_is_a_line_that_names_its_file(tmp_path, examples):
    folder = filled(tmp_path / "maps", examples)
    Image.fromarray(np.full(SIZE, 7, np.uint8)).save(folder / "p1.png")
    Image.new("L", (5, 4)).save(folder / "p2.png")
    Image.new("RGB", SIZE[::-1]).save(folder / "p3.png")
    lines = check_map_folder(folder, examples, "labels", 2)
    assert [line.split(": ")[0] for line in lines] == [str(folder / f"p{i}.png") for i in (1, 2, 3)]
    assert "expected labels 0 to 2 or 255, found 7" in lines[0] and "found 5x4" in lines[1] and "mode RGB" in lines[2]


def test_colours_that_became_grey_are_recognised(tmp_path, examples):
    grey = np.asarray(Image.fromarray(voc_palette()[drawn(2)]).convert("L"))
    folder = filled(tmp_path / "maps", examples, lambda _: grey)
    lines = check_map_folder(folder, examples, "seeds", 2)
    assert len(lines) == 6 and all("VOC's colours turned into grey" in line for line in lines)


def test_labels_moved_by_one_are_recognised(tmp_path, examples):
    folder = filled(tmp_path / "maps", examples, lambda example: drawn(example.tags[0] + 1))
    assert any("larger ones by one in most of 6 masks" in line for line in check_map_folder(folder, examples, "labels", 3))


@pytest.mark.parametrize("values, words", [((0, 255), "found no 1 in all 6: scores of a detector"), ((0, 1), None)])
def test_saliency_of_a_stage_is_no_map_of_scores(tmp_path, examples, values, words):
    folder = filled(tmp_path / "maps", examples, lambda _: np.where(drawn(1) == 1, values[1], values[0]).astype(np.uint8))
    lines = check_map_folder(folder, examples, "saliency", 2)
    assert lines == [] if words is None else words in lines[0]


def test_superpixels_of_any_depth(tmp_path, examples):
    ids = (np.arange(320).reshape(SIZE) // 8).astype(np.uint8)
    folder = filled(tmp_path / "maps", examples, lambda _: ids)
    Image.fromarray(ids.astype(np.uint16) * 300).save(folder / "p0.png")
    assert check_map_folder(folder, examples, "superpixels", 2) == []
    for name in ("p0", "p1"):
        write_as_made(tmp_path / "made.png", folder / f"{name}.png", "superpixels")
        np.testing.assert_array_equal(read_ids(tmp_path / "made.png"), ids)


def test_a_palette_becomes_what_the_training_stream_reads(tmp_path):
    import tensorflow as tf

    write_labels(tmp_path / "palette.png", drawn(2))
    write_as_made(tmp_path / "made.png", tmp_path / "palette.png", "seeds")
    np.testing.assert_array_equal(read_grey(tmp_path / "made.png"), drawn(2))
    decoded = tf.io.decode_png(tf.io.read_file(str(tmp_path / "made.png")), channels=1)[..., 0]
    np.testing.assert_array_equal(decoded, drawn(2))
    assert not np.array_equal(tf.io.decode_png(tf.io.read_file(str(tmp_path / "palette.png")), channels=1)[..., 0], drawn(2))


def test_photos_that_exif_turns_are_named_as_the_reason(tmp_path, examples):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", SIZE).save(examples[0].image, exif=exif)
    lines = check_map_folder(filled(tmp_path / "maps", examples), examples, "labels", 2)
    assert len(lines) == 1 and "stored turned (EXIF)" in lines[0]
