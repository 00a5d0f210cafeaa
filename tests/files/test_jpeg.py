import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wsss_tf.files.jpeg import MOST_SCANS, count_scans

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, [50, 60, 3], np.uint8))


def jpeg(**options) -> bytes:
    file = io.BytesIO()
    PHOTO.save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("options, scans", [({}, 1), ({"progressive": True}, 10), ({"quality": 100, "subsampling": 0}, 1)])
def test_scans_of_photos(options, scans):
    assert count_scans(jpeg(**options)) == scans


def test_neither_thumbnails_nor_what_follows_counts():
    thumbnail = jpeg(progressive=True)
    assert count_scans(jpeg(exif=b"Exif\0\0" + thumbnail)) == 1
    assert count_scans(jpeg() + thumbnail * 20) == 1, "as in photos with a film behind them"


def test_too_many_are_not_all_counted():
    content = jpeg(progressive=True)
    last = content.rindex(b"\xff\xda")
    assert count_scans(content[:-2] + content[last:-2] * 50) == 60
    assert count_scans(content[:-2] + content[last:-2] * 10**5) == MOST_SCANS + 1


@given(st.binary())
def test_any_bytes_are_counted(data):
    assert 0 <= count_scans(data) <= data.count(b"\xff\xda") <= len(data) // 2
