"""A page as one HTML file that needs no network and no other file."""

import base64
import hashlib
from pathlib import Path

import jinja2

from wsss_tf.files.store import write_text
from wsss_tf.report import charts
from wsss_tf.report.document import Document

_FOLDER = Path(__file__).parent / "templates"
# Whatever stands in a page is text there: the templates escape it, inside attributes too.
_TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(_FOLDER, encoding="utf-8"), autoescape=True,
                                undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(document: Document) -> str:
    """The page as HTML; its policy forbids the browser every request and every script but its own."""
    style, script = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return _TEMPLATES.get_template("page.html").render(page=document, style=style, script=script, policy=policy, axes=charts)


def write_page(path: Path, document: Document) -> None:
    """Writes the page atomically.

    Raises:
      InputError: the folder cannot be written.
    """
    write_text(path, render(document))
