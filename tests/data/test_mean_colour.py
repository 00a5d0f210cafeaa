import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.mean_colour import mean_colour
from wsss_tf.errors import InputError


def test_every_pixel_of_every_photo_counts_once(tmp_path):
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, [*sides, 3], np.uint8) for sides in ((20, 30), (16, 17), (40, 40))]
    photos[2][:] = (255, 0, 10)
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, photo in zip(paths, photos):
        Image.fromarray(photo).save(path)
    expected = np.concatenate([photo.reshape(-1, 3) for photo in photos]).mean(axis=0)
    assert mean_colour(paths) == pytest.approx(expected, rel=1e-12)
    (tmp_path / "3.png").write_bytes(b"no photo")
    with pytest.raises(InputError, match=r"3\.png"):
        mean_colour([*paths, tmp_path / "3.png"])
