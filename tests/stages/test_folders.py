"""The folders of stages: interrupted, outdated, taken back, somebody else's, and in use."""

import filelock
import pytest

from wsss_tf.errors import InputError
from wsss_tf.files.manifest import MANIFEST, UNFINISHED, read_manifest
from wsss_tf.stages.folders import make_room


def test_changed_setting_reruns_from_its_stage_and_keeps_the_old_folder(shop, capsys, content):
    shop.make()
    old = content(shop.folder("cams"))
    shop.set("cam_", flip=True)
    assert shop.make() == ["cams", "seeds"]
    aside = shop.folder("cams").with_name("cams.outdated-1")
    assert content(aside) == old
    assert f"[cams] made with other settings or inputs before: kept as {aside}" in capsys.readouterr().out
    assert read_manifest(shop.folder("cams"))["settings"]["cam_flip"] is True


def test_every_outdated_folder_is_kept(shop):
    for threshold in (0.1, 0.2, 0.3):
        shop.set("seed_", threshold=threshold)
        shop.make()
    kept = {path.name: read_manifest(path)["settings"]["seed_threshold"]
            for path in shop.folder("seeds").parent.glob("seeds*")}
    assert kept == {"seeds": 0.3, "seeds.outdated-1": 0.1, "seeds.outdated-2": 0.2}


def test_an_outdated_folder_is_taken_back_when_it_is_wanted_again(shop, capsys, content):
    shop.make()
    first = content(shop.folder("cams").parent)
    shop.set("cam_", flip=True)
    shop.make()
    second = content(shop.folder("cams"))
    shop.set("cam_", flip=False)
    assert shop.make() == [], "nothing is made a second time"
    assert {name: found for name, found in content(shop.folder("cams").parent).items() if ".outdated-" not in name} == first
    aside = shop.folder("cams").with_name("cams.outdated-1")
    assert f"[cams] taken back: {aside}" in capsys.readouterr().out
    shop.set("cam_", flip=True)
    assert shop.make() == [] and content(shop.folder("cams")) == second


def test_a_folder_is_taken_back_where_the_stage_has_none(shop):
    shop.make()
    shop.folder("seeds").rename(shop.folder("seeds").with_name("seeds.outdated-7"))
    assert shop.make() == [] and not shop.folder("seeds").with_name("seeds.outdated-7").exists()


def test_an_unfinished_folder_is_taken_back_and_continued(shop, content):
    shop.make("prepare")
    shop.interrupt("cams")
    done = content(shop.folder("cams"))
    shop.set("cam_", flip=True)
    shop.make("cams")
    shop.set("cam_", flip=False)
    assert shop.make("cams") == ["cams"]
    now = content(shop.folder("cams"))
    assert now["0.txt"] == done["0.txt"] and now["1.txt"] == done["1.txt"] and "2.txt" in now


def test_interrupted_stage_continues_in_its_folder_and_keeps_what_is_done(shop, content):
    shop.make("prepare")
    shop.interrupt("cams")
    done = content(shop.folder("cams"))
    assert not (shop.folder("cams") / MANIFEST).exists()
    assert shop.make("cams") == ["cams"]
    now = content(shop.folder("cams"))
    assert now["0.txt"] == done["0.txt"] and now["1.txt"] == done["1.txt"]
    assert sorted(now) == ["0.txt", "1.txt", "2.txt", MANIFEST]
    assert list(shop.folder("cams").parent.glob("*.outdated-*")) == []


def test_interrupted_stage_with_other_settings_is_moved_aside(shop):
    shop.make("prepare")
    shop.interrupt("cams")
    shop.set("cam_", flip=True)
    shop.make("cams")
    assert (shop.folder("cams").with_name("cams.outdated-1") / "1.txt").exists()


@pytest.mark.parametrize("name", ["notes.txt", "0.txt", "JPEGImages/photo.jpg"])
def test_a_folder_that_no_stage_has_made_is_neither_renamed_nor_written_to(shop, name, content):
    shop.make("prepare")
    theirs = shop.folder("cams") / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    before = content(shop.folder("cams").parent)
    with pytest.raises(InputError, match=f"^{shop.folder('cams')}: expected the folder of a stage, found .*: move it away"):
        shop.make("cams")
    assert shop.worked == [] and content(shop.folder("cams").parent) == before


def test_an_empty_folder_is_nobodys(shop):
    shop.make("prepare")
    shop.folder("cams").mkdir()
    assert shop.make("cams") == ["cams"]


def test_damaged_note_of_an_unfinished_stage_moves_the_folder_aside(shop):
    shop.make("prepare")
    shop.folder("cams").mkdir()
    (shop.folder("cams") / UNFINISHED).write_text('{"finger')
    (shop.folder("cams") / "0.txt").write_text("of whom?")
    assert shop.make("cams") == ["cams"]
    assert (shop.folder("cams").with_name("cams.outdated-1") / "0.txt").read_text() == "of whom?"


@pytest.mark.parametrize("note", ["", "[]", "1", '{"fingerprint": 3}', "null"])
def test_no_note_breaks_the_search(tmp_path, note):
    folder = tmp_path / "cams"
    folder.mkdir()
    (folder / UNFINISHED).write_text(note)
    (folder / "0.txt").write_text("x")
    make_room(folder, "wanted")
    assert not any(folder.iterdir()) and (tmp_path / "cams.outdated-1" / "0.txt").exists()


def test_stage_that_failed_before_it_wrote_anything_leaves_no_outdated_folder(shop):
    shop.break_after = 0
    with pytest.raises(KeyboardInterrupt):
        shop.chain().run("prepare")
    shop.break_after, shop.source = None, "mended photos"
    shop.make("prepare")
    assert [path.name for path in shop.folder("prepare").parent.iterdir() if path.is_dir()] == ["prepare"]


@pytest.mark.parametrize("settings", [{}, {"scales": (1.0,)}])
def test_a_stage_that_another_process_makes_is_left_alone(shop, settings):
    """Whether it makes the same or something else: its folder is neither written to nor renamed."""
    shop.make("prepare")
    shop.interrupt("cams")
    shop.set("cam_", **settings)
    folder = shop.folder("cams")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    lock = filelock.FileLock(folder.with_name(f".{folder.name}.lock"))
    with lock:
        with pytest.raises(InputError, match="cams: another process is making this stage: wait until it is done"):
            shop.make("cams")
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert shop.make("cams") == ["cams"], "a lock that nobody holds stops nobody"
