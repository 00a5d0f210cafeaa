"""Tags from VOC's annotations, one XML file per photo."""

from collections.abc import Iterable
from pathlib import Path

from defusedxml import DTDForbidden, ElementTree

from wsss_tf.data.listing import list_images
from wsss_tf.data.tags import Tags, label_values
from wsss_tf.errors import InputError, reason

MAX_BYTES = 1 << 20  # an annotation has a few kilobytes


def read_xml(folder: Path, class_names: tuple[str, ...], ids: Iterable[str] | None = None) -> Tags:
    """Tags from VOC annotations: the names of all objects, the difficult ones too.

    Ids without a file are left out of the result.

    Raises:
      InputError: unreadable XML, a DOCTYPE in it, or an unknown class.
    """
    files = list_images(folder, (".xml",))
    wanted = files if ids is None else [image_id for image_id in ids if image_id in files]
    return {image_id: label_values(f"{files[image_id]}", _object_names(files[image_id]), class_names) for image_id in wanted}


def _object_names(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        annotation = ElementTree.fromstring(path.read_bytes(), forbid_dtd=True)
    except DTDForbidden as error:
        raise InputError(f"{path}: a DOCTYPE has no place in an annotation and can be an attack: "
                         "remove it or take the file from its source") from error
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not a readable annotation ({reason(error)}): restore the file from its source") from error
    return [(name.text or "").strip() for name in annotation.findall("object/name")]
