"""Lists of image ids."""

from wsss_tf.data.lists import read_list


def test_ids_of_a_list(tmp_path):
    (tmp_path / "l.txt").write_text("IMG 1\nIMG 2.jpg\n/x/y.jpg /m/y.png\nx/z.PNG\nv1.5\n")
    assert read_list(tmp_path / "l.txt") == ("IMG 1", "IMG 2", "y", "z", "v1.5")
