"""Makes malformed inputs of sound ones, the same from the same seed."""

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

Change = Callable[[bytes, np.random.Generator], bytes]

_EDGES = (0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)
_LAYOUTS = ("<B", "<H", "<I", "<Q", ">H", ">I", ">Q")
_TOKENS = (b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"1.7", b"true", b"null", b"[]", b"{}", b'""', b'"x"', b"1e9", b"9" * 40,
           b"1" * 5000, b"[" * 3000, b'{"a":' * 3000, b"\xff\xfe", b"\0", b"\n", b'"' + b"x" * 5000 + b'"', b"../../x", b"&lt;", b"<a>" * 3000)
_WORD = re.compile(rb"-?[0-9.]+(?:e-?\d+)?|\"[^\"]*\"|[A-Za-z_]+|[\[\]{}<>,:;]")


def malformed(sound: bytes, rng: np.random.Generator, changes: tuple[Change, ...] = ()) -> bytes:
    """One change mostly, or up to four, one after the other.

    Args:
      sound: a sound input.
      rng: what is changed.
      changes: of the format, beside those of any bytes.
    """
    data = sound
    for _ in range((1, 1, 1, 2, 4)[rng.integers(5)]):
        change = (*_CHANGES, *changes * 3)[rng.integers(len(_CHANGES) + 3 * len(changes))]
        data = change(data, rng)
    return data


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Somewhere, and often near the beginning or the end, where formats keep what they say of themselves."""
    span = (len(data), 64, 512)[rng.integers(3)]
    place = int(rng.integers(0, max(min(span, len(data)), 1)))
    return len(data) - place if rng.random() < 0.25 else place


def _bits(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.integers(1, 9)):
        changed[min(_place(data, rng), len(changed) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _number(data: bytes, rng: np.random.Generator) -> bytes:
    layout, place = _LAYOUTS[rng.integers(len(_LAYOUTS))], _place(data, rng)
    size = struct.calcsize(layout)
    value = _EDGES[rng.integers(len(_EDGES))] % 256**size
    return data[:place] + struct.pack(layout, value) + data[place + size:]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[:_place(data, rng)]


def _without(data: bytes, rng: np.random.Generator) -> bytes:
    place = _place(data, rng)
    return data[:place] + data[place + int(rng.integers(1, 64)):]


def _again(data: bytes, rng: np.random.Generator) -> bytes:
    place, length = _place(data, rng), int(rng.integers(1, 256))
    return data[:place] + data[place:place + length] * int(rng.integers(2, 50)) + data[place:]


def _inserted(data: bytes, rng: np.random.Generator) -> bytes:
    place = _place(data, rng)
    return data[:place] + rng.bytes(int(rng.integers(1, 64))) + data[place:]


_CHANGES: tuple[Change, ...] = (_bits, _number, _cut, _without, _again, _inserted)


def words(data: bytes, rng: np.random.Generator) -> bytes:
    """Another word in a text: JSON, XML, CSV."""
    found = list(_WORD.finditer(data))
    if not found:
        return data
    word = found[rng.integers(len(found))]
    return data[:word.start()] + _TOKENS[rng.integers(len(_TOKENS))] + data[word.end():]


def zip_members(data: bytes, rng: np.random.Generator) -> bytes:
    """Another content of a member of an archive, whose checksum is right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except Exception:  # changed before
        return data
    if not members:
        return data
    chosen, file = int(rng.integers(len(members))), io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for index, (info, content) in enumerate(members):
            archive.writestr(info.filename, malformed(content, rng) if index == chosen else content, info.compress_type)
    return file.getvalue()


def png_chunks(data: bytes, rng: np.random.Generator) -> bytes:
    """Another content of a chunk of a PNG, whose checksum is right."""
    chunks, place = [], 8
    while place + 12 <= len(data):
        length, = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4:place + 8], data[place + 8:place + 8 + length]))
        place += 12 + length
    if not chunks:
        return data
    chosen = int(rng.integers(len(chunks)))
    kind, content = chunks[chosen]
    try:
        content = zlib.compress(malformed(zlib.decompressobj().decompress(content, 1 << 20), rng))
    except zlib.error:  # no pixels, or changed before
        content = malformed(content, rng)
    chunks[chosen] = kind, content
    return data[:8] + b"".join(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
                               for kind, content in chunks)


def gzipped(data: bytes, rng: np.random.Generator) -> bytes:
    """Another content of a gzip file."""
    try:
        return gzip.compress(malformed(gzip.decompress(data), rng))
    except Exception:  # changed before
        return data
