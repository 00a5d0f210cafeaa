"""VOC's annotations."""

import pytest

from tests.limited import call_limited
from wsss_tf.data.labels import read_tags
from wsss_tf.data.labels_xml import read_xml
from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.errors import InputError

ANNOTATION = """<annotation><filename>x.jpg</filename>
<object><name>dog</name><difficult>1</difficult><part><name>head</name></part></object>
<object><name>
person</name></object><object><name>dog</name></object></annotation>"""


def test_xml_takes_every_object_and_no_part(tmp_path):
    (tmp_path / "x.xml").write_text(ANNOTATION)
    (tmp_path / "y.xml").write_text("<annotation/>")
    assert read_tags(tmp_path, CLASS_NAMES) == {"x": (12, 15), "y": ()}
    assert read_xml(tmp_path, CLASS_NAMES, ["y", "absent"]) == {"y": ()}


def laughs(depth: int) -> str:
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, depth))
    body = f"<annotation><object><name>&l{depth - 1};</name></object></annotation>"
    return f'<!DOCTYPE a [<!ENTITY l0 "lol">{levels}]>{body}'


@pytest.mark.parametrize("content, words", [
    (laughs(9).encode(), "DOCTYPE"),
    (laughs(2).encode("utf-16"), "DOCTYPE"),
    (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "DOCTYPE"),
    (b"<annotation><object><name>&xxe;</name></object></annotation>", "undefined entity"),
    (ANNOTATION[:60].encode(), "not a readable annotation"),
    (b"", "not a readable annotation"),
    (b'<?xml version="1.0" encoding="zip"?><a/>', "not a readable annotation"),
    (b"<annotation><object><name>dgo</name></object></annotation>", "did you mean 'dog'"),
    (b"<annotation><object><name>" + b"x\n" * 9999 + b"</name></object></annotation>", r"unknown class 'x"),
    (b"<a>" * 300_000, "not a readable annotation"),
    (b"<!--" + b" " * 2**20 + b"--><annotation/>", "more than 1048576 bytes"),
])
def test_bad_xml_is_refused(tmp_path, content, words):
    (tmp_path / "x.xml").write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        read_xml(tmp_path, CLASS_NAMES)
    assert str(tmp_path / "x.xml") in str(error.value)


def test_depth_costs_no_time(tmp_path):
    """Quadratic in a reader that looks at all open elements: 0.5 MB took 25 seconds."""
    (tmp_path / "x.xml").write_bytes(b"<a>" * 70_000 + b"</a>" * 70_000)
    ended = call_limited(read_xml, tmp_path, CLASS_NAMES)
    assert not ended.error and ended.seconds < 2 and ended.mebibytes < 64
