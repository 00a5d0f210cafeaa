import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from wsss_tf.data.open import open_dataset
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError

SHARED = Path(os.environ.get("WSSS_SHARED", Path(__file__).parents[2] / ".." / "shared"))


def needs(name: str):
    folder = SHARED / "data" / name
    reason = f"no {folder}: set WSSS_SHARED to the folder of benchmark data"
    return pytest.mark.skipif(not folder.is_dir(), reason=reason)


def make_folder(root: Path, photos: str = "images", masks: str = "masks") -> Path:
    """Photos a (JPG), b (PNG) and c (jpeg); a mask of a; tags bird, cat and both."""
    (root / photos).mkdir(parents=True)
    (root / masks).mkdir()
    for name in ("a.JPG", "b.png", "c.jpeg"):
        Image.new("RGB", (20, 16)).save(root / photos / name)
    Image.new("P", (20, 16)).save(root / masks / "a.png")
    (root / photos / "notes.txt").touch()
    (root / "classes.txt").write_text("bird\ncat\n")
    (root / "labels.csv").write_text("image_id,classes\nc,bird;cat\na,bird\nb,cat\n")
    return root


def opened(root: Path, **settings):
    return open_dataset(DataConfig(**{"source": "folder", "data": str(root), **settings}))


def ids(examples) -> str:
    return "".join(example.image_id for example in examples)


@pytest.mark.parametrize("layout", [("images", "masks"), ("JPEGImages", "SegmentationClass")])
def test_folder_without_lists(tmp_path, layout):
    root = make_folder(tmp_path / "mine", *layout)
    dataset = opened(root)
    assert dataset.name == "mine" and dataset.class_names == ("background", "bird", "cat")
    assert [(example.image_id, example.tags) for example in dataset.train] == [("c", (1, 2)), ("a", (1,)), ("b", (2,))]
    assert dataset.train[1].image == root / layout[0] / "a.JPG" and dataset.train[1].mask == root / layout[1] / "a.png"
    assert dataset.val == (dataset.train[1],)


def test_folder_without_masks(tmp_path):
    root = make_folder(tmp_path)
    (root / "masks" / "a.png").unlink()
    (root / "masks").rmdir()
    dataset = opened(root)
    assert dataset.masks_wanted and ids(dataset.val) == "abc" and set(dataset.val) == set(dataset.train)
    assert not opened(make_folder(tmp_path / "with_masks")).masks_wanted


def test_without_masks_unlabelled_photos_get_masks_too(tmp_path):
    root = make_folder(tmp_path)
    (root / "masks" / "a.png").unlink()
    (root / "labels.csv").write_text("image_id,classes\na,bird\nc,cat\n")
    (root / "train.txt").write_text("c\n")
    dataset = opened(root)
    assert (ids(dataset.train), ids(dataset.val)) == ("c", "abc")
    assert [example.tags for example in dataset.val] == [(1,), (), (2,)]


def test_a_val_list_without_masks_is_kept(tmp_path):
    root = make_folder(tmp_path)
    (root / "masks" / "a.png").unlink()
    (root / "val.txt").write_text("b\n")
    assert ids(opened(root).val) == "b" and not opened(root).masks_wanted


def test_folder_with_a_val_list_only(tmp_path):
    root = make_folder(tmp_path)
    (root / "val.txt").write_text("b\n")
    assert (ids(opened(root).train), ids(opened(root).val)) == ("ca", "b")


def test_folder_with_a_train_list_only(tmp_path):
    root = make_folder(tmp_path)
    (root / "train.txt").write_text("b\na\n")
    assert (ids(opened(root).train), ids(opened(root).val)) == ("ba", "a")


def test_val_list_takes_every_image(tmp_path):
    root = make_folder(tmp_path)
    (root / "val.txt").write_text("a\nb\nc\n")
    with pytest.raises(InputError, match="labels.csv: expected images to train on"):
        opened(root)


def test_unlabelled_val_image_has_no_tags(tmp_path):
    root = make_folder(tmp_path)
    (root / "labels.csv").write_text("image_id,classes\na,bird\n")
    (root / "val.txt").write_text("b\n")
    assert opened(root).val[0].tags == ()


def test_limit_keeps_the_first_of_each_split(tmp_path):
    root = make_folder(tmp_path)
    (root / "val.txt").write_text("c\nb\n")
    (root / "train.txt").write_text("a\n")
    assert (ids(opened(root, limit=1).train), ids(opened(root, limit=1).val)) == ("a", "c")


def test_saliency_maps(tmp_path):
    root = make_folder(tmp_path)
    (root / "saliency").mkdir()
    Image.new("L", (20, 16)).save(root / "saliency" / "b.png")
    (root / "other").mkdir()
    Image.new("L", (20, 16)).save(root / "other" / "a.png")
    assert [example.saliency for example in opened(root).train] == [None, None, root / "saliency" / "b.png"]
    other = opened(root, maps=str(root / "other"))
    assert [example.saliency for example in other.train] == [None, root / "other" / "a.png", None]


def test_variable_in_the_root(tmp_path, monkeypatch):
    monkeypatch.setenv("PLACE_OF_DATA", str(tmp_path))
    make_folder(tmp_path / "mine")
    assert len(opened("${PLACE_OF_DATA}/mine").train) == 3


def write(name: str, text: str):
    return lambda root: (root / name).write_text(text)


@pytest.mark.parametrize("change, words", [
    (write("train.txt", "\n \n"), "train.txt: expected image ids"),
    (write("train.txt", "a\nb\na\n"), "train.txt: id 'a' comes twice"),
    (write("train.txt", "a\nx\n"), "images/x.jpg: no such photo .*train.txt, line 2"),
    (write("train.txt", "../images/a\n"), "no such photo"),
    (write("labels.csv", "image_id,classes\nz,cat\n"), "images/z.jpg: no such photo .*labels.csv, line 2: restore"),
    (write("labels.csv", 'image_id;classes\na;cat\n"A.jpg";cat\n'), r"for id 'A' in .*labels.csv, line 3 \(did you mean 'a'"),
    (write("labels.csv", "image_id,classes\na,cta\n"), "labels.csv: line 2: unknown class 'cta': did you mean 'cat'"),
    (lambda root: (root / "labels.csv").unlink(), "expected labels.csv"),
    (lambda root: (root / "classes.txt").unlink(), r"classes.txt: no such file.*\(labels.csv speaks of bird, cat\)"),
    (lambda root: (root / "images" / "a.png").touch(), "a.png: expected one file per id, found a.JPG too"),
    (lambda root: (root / "images").rename(root / "photos"), "expected a folder images or JPEGImages"),
])
def test_faults_of_a_folder(tmp_path, change, words):
    root = make_folder(tmp_path)
    change(root)
    with pytest.raises(InputError, match=words) as error:
        opened(root)
    assert str(root) in str(error.value) and "\n" not in str(error.value)


def test_training_id_without_tags(tmp_path):
    root = make_folder(tmp_path)
    (root / "train.txt").write_text("a\nb\n")
    (root / "labels.csv").write_text("image_id,classes\na,cat\n")
    with pytest.raises(InputError, match="labels.csv: no tags for id 'b' of .*train.txt"):
        opened(root)


def test_folder_without_photos(tmp_path):
    root = make_folder(tmp_path)
    for path in (root / "images").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="images: expected photos"):
        opened(root)


def test_only_default_lists_may_be_absent(tmp_path):
    with pytest.raises(InputError, match="mine.txt: no such list: set --train_list"):
        opened(make_folder(tmp_path), train_list="mine")


@pytest.mark.parametrize("source, words", [("shapes", "generate the shapes"), ("folder", "--data"), ("voc", "--data")])
def test_missing_root(tmp_path, source, words):
    with pytest.raises(InputError, match=f"absent: .*{words}"):
        open_dataset(DataConfig(source=source, data=str(tmp_path / "absent")))


def test_shapes_open_like_a_folder(tmp_path):
    root = make_folder(tmp_path / "shapes", "JPEGImages", "SegmentationClass")
    assert open_dataset(DataConfig(data=str(root))) == opened(root)


def test_tensorflow_is_not_imported():
    code = "import sys, wsss_tf.data.open, wsss_tf.data.check; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@needs("msrc_objects")
def test_msrc_objects_open():
    dataset = opened(SHARED / "data" / "msrc_objects")
    assert (len(dataset.train), len(dataset.val), dataset.num_classes) == (231, 46, 14)
    assert all(example.saliency and example.tags for example in dataset.train)
    assert not set(dataset.train) & set(dataset.val) and all(example.mask for example in dataset.val)


@needs("coco97")
def test_coco97_opens():
    dataset = opened(SHARED / "data" / "coco97")
    assert (len(dataset.train), len(dataset.val), dataset.num_classes) == (97, 97, 20)
    assert all(example.tags and example.mask and not example.saliency for example in dataset.train)
