"""Packages for VOC's server: what is written passes the check, and every fault is found."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.files.images import read_labels
from wsss_tf.files.store import write_image, write_labels
from wsss_tf.results.voc_server import Submission, check_submission, write_submission

SHARED = Path(os.environ.get("WSSS_SHARED", Path(__file__).parents[2] / ".." / "shared"))
REAL = SHARED / "data" / "voc12_labels"
IDS = ("2008_000006", "2008_000011", "2008_000012")
FOLDER = "results/VOC2012/Segmentation/comp6_test_cls"


@pytest.fixture
def test_set(tmp_path):
    """Three ids; the last one's photo is not there."""
    for index, image_id in enumerate(IDS):
        write_image(tmp_path / f"masks/{image_id}.png", np.full([4, 5], index * 10))  # grey, as many programs write
        Image.new("RGB", (5, 4)).save(tmp_path / f"{image_id}.jpg")
    return Submission(IDS, {image_id: tmp_path / f"{image_id}.jpg" for image_id in IDS[:2]})


def test_a_package_has_the_layout_of_the_server_and_passes_the_check(tmp_path, test_set):
    archive = write_submission(tmp_path / "masks", tmp_path / "out", test_set)
    assert archive == tmp_path / "out/results_comp6.tgz"
    with tarfile.open(archive, "r:gz") as tar:
        assert tar.getnames() == [f"{FOLDER}/{image_id}.png" for image_id in IDS]
        for index, name in enumerate(tar.getnames()):
            image = Image.open(io.BytesIO(tar.extractfile(name).read()))
            assert image.mode == "P" and np.all(np.asarray(image) == index * 10)
            assert image.getpalette()[3:9] == [128, 0, 0, 0, 128, 0], "the colours of VOC"
    for path in (archive, tmp_path / "out", tmp_path / "out" / FOLDER):
        assert check_submission(path, test_set) == []
    whole = archive.read_bytes()
    write_submission(tmp_path / "masks", tmp_path / "out", test_set)
    assert archive.read_bytes() == whole


def test_undecided_pixels_become_background_only_if_asked(tmp_path, test_set):
    write_labels(tmp_path / f"masks/{IDS[2]}.png", np.array([[1, 255], [20, 0]], np.uint8))
    with pytest.raises(InputError, match=rf"{IDS[2]}.png: expected values 0 to 20, found \[255\] .*--undecided=background"):
        write_submission(tmp_path / "masks", tmp_path / "out", test_set)
    assert not (tmp_path / "out/results_comp6.tgz").exists()
    write_submission(tmp_path / "masks", tmp_path / "out", test_set, undecided="background")
    assert read_labels(tmp_path / "out" / FOLDER / f"{IDS[2]}.png").tolist() == [[1, 0], [20, 0]]


@pytest.mark.parametrize("spoil, words", [
    (lambda folder: (folder / f"{IDS[1]}.png").unlink(), [f"{IDS[1]}.png", "1 of 3 masks"]),
    (lambda folder: write_labels(folder / f"{IDS[1]}.png", np.zeros([5, 4])), [f"{IDS[1]}.png: expected 5x4", "found 4x5"]),
    (lambda folder: write_labels(folder / f"{IDS[2]}.png", np.full([4, 5], 21)), [f"{IDS[2]}.png", "found [21]"]),
])
def test_masks_that_the_server_would_refuse_are_not_packed(tmp_path, test_set, spoil, words):
    spoil(tmp_path / "masks")
    with pytest.raises(InputError) as error:
        write_submission(tmp_path / "masks", tmp_path / "out", test_set)
    assert all(word in str(error.value) for word in words)
    assert not (tmp_path / "out/results_comp6.tgz").exists()


def test_other_files_in_the_folder_are_not_packed(tmp_path, test_set):
    write_labels(tmp_path / "out" / FOLDER / "2007_000032.png", np.zeros([4, 5]))
    with pytest.raises(InputError, match="2007_000032.png: expected the masks of the test list only, found 1"):
        write_submission(tmp_path / "masks", tmp_path / "out", test_set)


def repack(archive, change):
    """Writes the archive again with its files changed: a dict name -> bytes."""
    with tarfile.open(archive, "r:gz") as tar:
        files = {name: tar.extractfile(name).read() for name in tar.getnames()}
    entries = list(change(files).items())
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def grey(files):
    buffer = io.BytesIO()
    Image.new("L", (5, 4)).save(buffer, "PNG")
    return files | {f"{FOLDER}/{IDS[0]}.png": buffer.getvalue()}


@pytest.mark.parametrize("change, words", [
    (lambda files: dict(list(files.items())[1:]), [f"{FOLDER}/{IDS[0]}.png: missing"]),
    (lambda files: files | {f"{FOLDER}/2007_000032.png": b""}, ["2007_000032.png: not in the test list"]),
    (lambda files: {name.replace("comp6", "comp5"): data for name, data in files.items()}, ["comp5_test_cls", "missing"]),
    (lambda files: {name.removeprefix("results/"): data for name, data in files.items()}, ["expected files results/VOC2012"]),
    (lambda files: files | {"../escaped.png": b"x"}, ["../escaped.png: expected files"]),
    (lambda files: files | {f"{FOLDER}/{IDS[1]}.png": b"\x89PNG broken"}, [f"{IDS[1]}.png: not a readable"]),
    (grey, [f"{FOLDER}/{IDS[0]}.png: expected a palette PNG, found mode L"]),
])
def test_the_check_finds_what_is_wrong_with_an_archive(tmp_path, test_set, change, words):
    archive = write_submission(tmp_path / "masks", tmp_path / "out", test_set)
    repack(archive, change)
    problems = check_submission(archive, test_set)
    assert all(any(word in problem for problem in problems) for word in words), problems
    assert all(str(archive) in problem and "\n" not in problem for problem in problems)
    assert not list(tmp_path.rglob("escaped.png")) and not (tmp_path.parent / "escaped.png").exists()


def test_links_and_doubles_in_an_archive_are_found(tmp_path, test_set):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        link = tarfile.TarInfo(f"{FOLDER}/{IDS[0]}.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        for _ in range(2):
            tar.add(tmp_path / f"masks/{IDS[1]}.png", f"{FOLDER}/{IDS[1]}.png")
    problems = "\n".join(check_submission(tmp_path / "a.tgz", test_set))
    assert "expected files" in problems and "comes twice" in problems


def test_what_is_no_archive_is_refused(tmp_path, test_set):
    (tmp_path / "a.tgz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="a.tgz: expected an archive packed with tar and gzip"):
        check_submission(tmp_path / "a.tgz", test_set)
    with pytest.raises(InputError, match="absent.tgz: no such file"):
        check_submission(tmp_path / "absent.tgz", test_set)


def test_an_archive_of_another_name_is_told_of(tmp_path, test_set):
    archive = write_submission(tmp_path / "masks", tmp_path / "out", test_set)
    other = archive.rename(archive.with_name("results.tar"))
    assert ["ends in .tgz" in problem for problem in check_submission(other, test_set)] == [True]


def test_the_script_packs_and_checks(tmp_path, test_set, script):
    root = tmp_path / "VOC2012"
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/test.txt").write_text("\n".join(IDS))
    ended = script("submit", f"--data={root}", f"--masks={tmp_path / 'masks'}", f"--output={tmp_path / 'out'}")
    assert ended.code == 0 and "results_comp6.tgz: 3 masks, nothing wrong" in ended.out
    assert "3 test ids, the server expects 1456" in ended.out and "3 of 3 photos are not in" in ended.out
    (tmp_path / "out" / FOLDER / f"{IDS[0]}.png").unlink()
    ended = script("submit", f"--data={root}", f"--check={tmp_path / 'out'}")
    assert ended.code == 1 and f"{IDS[0]}.png: missing" in ended.out
    assert "give one of them" in script("submit", f"--data={root}").error


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no {REAL}: set WSSS_SHARED to the folder of the benchmark data")
def test_the_real_test_list_has_1456_ids():
    ids = tuple((REAL / "test.txt").read_text().split())
    assert len(ids) == 1456 and Submission(ids, {}).folder.as_posix() == FOLDER
