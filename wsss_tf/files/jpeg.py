"""How often the pixels of a JPEG are gone over before they are whole."""

import re

MOST_SCANS = 100  # progressive photos have about 10; each costs the time of all pixels, and 40 bytes of the file are enough
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # but for those that stand within the data of a scan
_START, _TEMPORARY, _END, _SCAN = 0xD8, 0x01, 0xD9, 0xDA


def count_scans(data: bytes) -> int:
    """Scans of a JPEG file itself, without those of thumbnails and of what follows its end; counts no further than too many.

    Ref: ITU-T T.81, annex B.
    """
    count, place = 0, 0
    while count <= MOST_SCANS and (found := _MARKER.search(data, place)):
        place, kind = found.end(), found[1][0]
        if kind == _END:
            break
        count += kind == _SCAN
        if kind not in (_START, _TEMPORARY):  # which have no segment
            place += max(int.from_bytes(data[place:place + 2], "big"), 2)
    return count
