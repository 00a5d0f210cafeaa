"""What is there is skipped; an image that fails is told at the end and does not stop the others."""

import errno
import os
from pathlib import Path

import pytest

from wsss_tf.errors import InputError, WriteError
from wsss_tf.example import Example
from wsss_tf.files.store import write_text
from wsss_tf.parallel.each_image import each_image, make_missing, missing
from wsss_tf.parallel.pool import Workers


def examples(count: int) -> list[Example]:
    return [Example(f"im{number}", Path(f"photos/im{number}.jpg"), (1,)) for number in range(count)]


def make(folder: Path, count: int, bad: tuple[int, ...], error: Exception, workers: int) -> None:
    def work(path, number):  # of no module: goes to the processes as it is
        if number in bad:
            raise error
        write_text(path, str(number))

    make_missing(work, examples(count), lambda example: folder / f"{example.image_id}.txt",
                 lambda example: (int(example.image_id[2:]),), "things", Workers(workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_all_but_the_bad_ones_are_made_and_those_alone_are_tried_again(tmp_path, workers):
    with pytest.raises(InputError) as raised:
        make(tmp_path, 7, (2, 5), InputError("mask: no such file: restore it"), workers)
    assert str(raised.value).splitlines() == [
        "things: 2 of 7 images failed, all others are done: mend these and give the same command again:",
        "  photos/im2.jpg: mask: no such file: restore it", "  photos/im5.jpg: mask: no such file: restore it"]
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert sorted(times) == [f"im{number}.txt" for number in (0, 1, 3, 4, 6)]
    make(tmp_path, 7, (), InputError(""), workers)
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(after) == 7 and times.items() <= after.items()


@pytest.mark.parametrize("error, words", [
    (InputError("photos/im1.jpg: truncated: restore it"), "  photos/im1.jpg: truncated: restore it"),
    (FileNotFoundError(errno.ENOENT, "No such file", "x.png"), "  photos/im1.jpg: [Errno 2] No such file: 'x.png'"),
    (MemoryError("Unable to allocate 9 TiB"), "  photos/im1.jpg: MemoryError: Unable to allocate 9 TiB (test_each_image.py, line "),
    (ValueError("two\nlines"), "  photos/im1.jpg: ValueError: two lines (test_each_image.py, line ")])
def test_any_error_is_one_line_with_the_file(tmp_path, error, words):
    with pytest.raises(InputError) as raised:
        make(tmp_path, 3, (1,), error, 1)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2 and lines[1].startswith(words)


def test_of_many_failures_twenty_are_named(tmp_path):
    with pytest.raises(InputError) as raised:
        make(tmp_path, 50, tuple(range(45)), InputError("bad"), 1)
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("things: 45 of 50 images failed") and lines[-1] == "  and 25 more" and len(lines) == 22


@pytest.mark.parametrize("workers", [1, 2])
def test_arguments_that_cannot_be_made_fail_their_image_alone(workers):
    def arguments(example):
        if example.image_id == "im1":
            raise InputError(f"{example.image}: not a readable image")
        return (-int(example.image_id[2:]),)

    with pytest.raises(InputError, match=r"1 of 3 images failed.*\n  photos/im1\.jpg: not a readable image$"):
        each_image(abs, examples(3), arguments, "things", Workers(workers))


def test_values_come_in_the_order_of_the_examples():
    assert each_image(abs, examples(5), lambda example: (-int(example.image_id[2:]),), "n", Workers(2)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_ends_the_work_at_once(tmp_path, workers):
    """It is no image's fault, and the net would compute for hours for nothing."""
    asked = []

    def work(number):
        raise WriteError("out.png: cannot write it: the disk is full")

    def arguments(example):
        asked.append(example)
        return (1,)

    with pytest.raises(WriteError, match="the disk is full"):
        each_image(work, examples(60), arguments, "things", Workers(workers))
    assert len(asked) < 20


def test_an_interrupt_is_no_failure_of_an_image():
    def work(number):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each_image(work, examples(3), lambda example: (1,), "things", Workers(1))


def test_missing_artefacts(tmp_path):
    (tmp_path / "im1").touch()
    found = missing(examples(3), lambda example: tmp_path / example.image_id)
    assert [example.image_id for example in found] == ["im0", "im2"]
    os.remove(tmp_path / "im1")
    assert len(missing(examples(3), lambda example: tmp_path / example.image_id)) == 3
