"""Files as people have them: what fits is found, and what fits nothing is named with a count, an example and the remedy."""

import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.open import open_dataset
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError

IDS = tuple(f"p{number}" for number in range(6))


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def make_data(root: Path, ids=IDS, masks: bool = True) -> Path:
    """Photos of two classes in turn, with masks if wanted."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for number, image_id in enumerate(ids):
        Image.new("RGB", (20, 16)).save(root / "images" / f"{image_id}.jpg")
        if masks:
            Image.fromarray(np.full([16, 20], 1 + number % 2, np.uint8)).save(root / "masks" / f"{image_id}.png")
    (root / "classes.txt").write_text("disc\nsquare\n")
    rows = [f"{image_id},{('disc', 'square')[number % 2]}\n" for number, image_id in enumerate(ids)]
    (root / "labels.csv").write_text("image_id,classes\n" + "".join(rows), encoding="utf-8")
    return root


def opened(root: Path, **settings):
    return open_dataset(DataConfig(**{"source": "folder", "data": str(root), **settings}))


def only_note(root: Path, **settings) -> str:
    notes = opened(root, **settings).notes
    assert len(notes) == 1, notes
    return notes[0]


def renamed(folder: Path, name) -> None:
    for path in sorted(folder.iterdir()):
        path.rename(path.with_name(name(path)))


def test_nothing_is_said_where_everything_fits(tmp_path):
    assert opened(make_data(tmp_path)).notes == ()


def test_decomposed_names_of_a_mac_fit(tmp_path):
    ids = ("Müller1", "Müller2", "café", "강아지")
    for case, folders in {"photos": ["images"], "masks": ["masks"], "both": ["images", "masks"]}.items():
        root = make_data(tmp_path / case, ids)
        for folder in folders:
            renamed(root / folder, lambda path: nfd(path.name))
        dataset = opened(root)
        assert [example.image_id for example in dataset.train] == list(ids) and all(example.mask for example in dataset.train)
        assert dataset.notes == ()


def test_two_forms_of_one_name_are_one_id_twice(tmp_path):
    root = make_data(tmp_path, ("café", nfd("café")))
    with pytest.raises(InputError, match="expected one file per id"):
        opened(root)


def test_masks_of_other_names_and_the_pattern_that_reads_them(tmp_path):
    root = make_data(tmp_path)
    renamed(root / "masks", lambda path: f"{path.stem}_mask.png")
    words = "6 masks fit no photo, e.g. p0_mask.png: set --mask_pattern={id}_mask.png"
    assert only_note(root).startswith(f"{root / 'masks'}: {words}")
    assert opened(root).masks_wanted
    dataset = opened(root, mask_pattern="{id}_mask.png")
    assert [example.mask for example in dataset.train] == [root / f"masks/{name}_mask.png" for name in IDS]
    assert dataset.notes == ()


def test_a_pattern_takes_brackets_as_they_are(tmp_path):
    root = make_data(tmp_path)
    renamed(root / "masks", lambda path: f"[v1] {path.stem}(gt).PNG")
    assert all(example.mask for example in opened(root, mask_pattern="[v1] {id}(gt).png").train)


@pytest.mark.parametrize("pattern", ["mask.png", "{id}.jpg", "{id}{id}.png", "{name}.png", ""])
def test_patterns_without_meaning_are_refused(tmp_path, pattern):
    with pytest.raises(InputError, match="--mask_pattern=.*expected the name of a PNG with {id} in it"):
        opened(make_data(tmp_path), mask_pattern=pattern)


def test_masks_named_after_the_file_of_the_photo_or_in_another_case_fit(tmp_path):
    root = make_data(tmp_path)
    renamed(root / "masks", lambda path: f"{path.stem.upper()}.PNG" if path.stem < "p3" else f"{path.stem}.jpg.png")
    dataset = opened(root)
    assert all(example.mask for example in dataset.train) and dataset.notes == ()


def test_the_mask_of_another_photo_is_not_taken_for_its_case(tmp_path):
    root = make_data(tmp_path, ("a", "A", "b"))
    (root / "masks/A.png").unlink()
    assert {example.image_id: bool(example.mask) for example in opened(root, train_list="train").train} == {
        "a": True, "A": False, "b": True}


def test_masks_of_other_formats(tmp_path):
    root = make_data(tmp_path)
    for name, suffix in zip(IDS, (".jpg", ".bmp", ".tif", ".gif", ".npy")):
        (root / f"masks/{name}.png").rename(root / f"masks/{name}{suffix}")
    note = only_note(root)
    assert note.startswith(f"{root / 'masks'}: 5 masks are no PNG, e.g. p0.jpg: `wsss data convert`") and "JPEG" in note


def test_masks_in_a_folder_of_another_name(tmp_path):
    root = make_data(tmp_path)
    (root / "masks").rename(root / "gt")
    assert only_note(root) == f"{root / 'gt'}: 6 PNGs named like the photos; if they are the masks, rename the folder to masks"


def test_saliency_maps_of_other_names(tmp_path):
    root = make_data(tmp_path)
    shutil.copytree(root / "masks", root / "saliency")
    renamed(root / "saliency", lambda path: f"{path.stem}_sal.png")
    note = only_note(root)
    assert "6 saliency maps fit no photo, e.g. p0_sal.png: set --maps_pattern={id}_sal.png" in note
    assert all(example.saliency for example in opened(root, maps_pattern="{id}_sal.png").train)


def test_photos_in_folders_below(tmp_path):
    root = make_data(tmp_path)
    (root / "images/more").mkdir()
    for name in IDS[:2]:
        (root / f"images/{name}.jpg").rename(root / f"images/more/{name}.jpg")
    (root / "labels.csv").write_text("image_id,classes\np2,disc\np3,square\np4,disc\np5,square\n")
    notes = opened(root).notes
    assert notes[0] == f"{root / 'images'}: 2 photos in 1 folder below it, e.g. in more: move them up into the folder itself"


def test_photos_in_folders_by_class(tmp_path):
    root = make_data(tmp_path)
    (root / "images/disc").mkdir()
    for name in IDS:
        (root / f"images/{name}.jpg").rename(root / f"images/disc/{name}.jpg")
    with pytest.raises(InputError, match="images: expected photos .*found none, but 6 in the folder disc below it"):
        opened(root)


def test_photos_of_other_formats(tmp_path):
    root = make_data(tmp_path)
    for name, suffix in zip(IDS, (".jfif", ".webp", ".bmp", ".tif")):
        path = root / f"images/{name}.jpg"
        Image.open(path).save(root / f"images/{name}{suffix}", "JPEG" if suffix == ".jfif" else None)
        path.unlink()
    words = r"p1.jpg: no such photo .*line 3 \(p1.webp is there\), and 2 more: .*wsss data convert"
    with pytest.raises(InputError, match=words):
        opened(root)
    (root / "labels.csv").write_text("image_id,classes\np0,disc\np4,disc\np5,square\n")
    dataset = opened(root)
    assert dataset.train[0].image == root / "images/p0.jfif"
    assert dataset.notes[0].startswith(f"{root / 'images'}: 3 photos in other formats than JPEG and PNG, e.g. p1.webp")


def test_hidden_files_are_no_photos_and_no_masks(tmp_path):
    root = make_data(tmp_path)
    for name in IDS:
        (root / f"images/._{name}.jpg").write_bytes(b"\0\x05\x16\x07Mac OS X")
        (root / f"masks/._{name}.png").write_bytes(b"\0\x05\x16\x07Mac OS X")
    (root / "images/.ipynb_checkpoints").mkdir()
    shutil.copy(root / "images/p0.jpg", root / "images/.ipynb_checkpoints/p0-checkpoint.jpg")
    (root / "images/.~p0.jpg").touch()
    (root / "images/Thumbs.db").touch()
    dataset = opened(root)
    assert dataset.notes == () and [example.image_id for example in dataset.train] == list(IDS)
    shutil.rmtree(root / "masks")
    assert [example.image_id for example in opened(root).val] == list(IDS)


def test_folders_and_dead_links_named_like_photos(tmp_path):
    root = make_data(tmp_path, masks=False)
    (root / "images/old.jpg").mkdir()
    (root / "images/gone.jpg").symlink_to("/nowhere/gone.jpg")
    note = only_note(root)
    assert "images: 2 entries named like photos, but folders or dead links, e.g. gone.jpg" in note
    assert len(opened(root).val) == 6


def test_a_link_to_a_photo_is_a_photo(tmp_path):
    root = make_data(tmp_path)
    (root / "images/p0.jpg").rename(tmp_path / "elsewhere.jpg")
    (root / "images/p0.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    assert len(opened(root).train) == 6


def test_names_that_are_not_utf8(tmp_path):
    root = make_data(tmp_path, masks=False)
    for name in (b"caf\xe9.jpg", "照片".encode("gbk") + b".jpg"):
        shutil.copy(root / "images/p0.jpg", os.path.join(os.fsencode(root / "images"), name))
    assert "2 names not in UTF-8, e.g. caf\\xe9.jpg: rename" in only_note(root)
    assert [example.image_id for example in opened(root).val] == list(IDS)


def test_photos_without_a_line_are_not_photos_without_a_class(tmp_path):
    root = make_data(tmp_path)
    (root / "labels.csv").write_text("image_id,classes\np0,disc\np1,\np2,square\np3,\n")
    dataset = opened(root)
    tags = {example.image_id: example.tags for example in dataset.train}
    assert tags == {"p0": (1,), "p1": (), "p2": (2,), "p3": ()}
    assert dataset.untagged
    assert dataset.notes == (f"2 of 6 photos have no line in {root / 'labels.csv'}, e.g. 'p4', and are not used: add their "
                             "lines, with an empty cell for those that show none of the classes",)


def test_evaluation_images_without_masks(tmp_path):
    root = make_data(tmp_path)
    (root / "val.txt").write_text("p3\np4\np5\n")
    (root / "masks/p5.png").unlink()
    assert only_note(root).startswith("1 of 3 evaluation images have no mask, e.g. 'p5'")


def test_lists_may_name_photos_by_path_and_case(tmp_path):
    root = make_data(tmp_path)
    (root / "train.txt").write_text("images\\p0.jpg\nP1.JPG\np2\n")
    assert [example.image_id for example in opened(root).train] == ["p0", "p1", "p2"]
    for line, words in (("images\\p0.jpg", "id 'p0' comes twice"), ("p0.bmp", "'p0.bmp' and 'p0' name the same photo"),
                        ("P0", "no such photo .*did you mean 'p0'")):
        (root / "train.txt").write_text(f"p0\n{line}\n")
        with pytest.raises(InputError, match=words):
            opened(root)
