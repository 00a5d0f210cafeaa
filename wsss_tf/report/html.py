"""The building blocks of a report page: pieces of HTML and SVG that need no other file."""

import base64
import hashlib
import html
import io
import math

import numpy as np
from PIL import Image

_PICTURE_WIDTH = 320  # pixels embedded per picture; shown at half of it, sharp on dense screens
_JPEG_QUALITY = 88
NUM_SERIES = 6  # colours of lines and bars that the style sheet defines

# Series colours after Okabe and Ito: told apart with every common colour vision.
_STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #5d6878; --line: #dfe3e9;
  --track: #edf0f4; --mark: #0072b2; --s0: #0072b2; --s1: #e69f00; --s2: #009e73; --s3: #cc79a7; --s4: #d55e00;
  --s5: #56b4e9; }
@media (prefers-color-scheme: dark) { :root { --page: #11151b; --card: #1a2029; --ink: #e6eaf0; --soft: #98a3b3;
  --line: #2c3542; --track: #262e3a; --mark: #56b4e9; --s0: #3d9bdc; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, Helvetica, sans-serif; }
main { max-width: 1310px; margin: 0 auto; padding: 40px 28px 60px; }
h1 { margin: 0 0 20px; font-size: 30px; line-height: 1.2; letter-spacing: -.015em; }
h2 { margin: 0 0 14px; font-size: 18px; }
h3 { margin: 0 0 8px; font-size: 14px; font-weight: 600; }
section { margin-top: 22px; padding: 22px 24px; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
p.note { margin: -8px 0 14px; color: var(--soft); font-size: 13.5px; max-width: 90ch; }
dl { display: flex; flex-wrap: wrap; gap: 1px; margin: 0; overflow: hidden; background: var(--line);
  border: 1px solid var(--line); border-radius: 10px; }
dl div { flex: 1 1 200px; padding: 12px 16px; background: var(--card); }
dt { color: var(--soft); font-size: 12.5px; }
dd { margin: 1px 0 0; font-weight: 600; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
tbody tr:hover { background: var(--track); }
th { color: var(--soft); font-size: 12.5px; font-weight: 600; vertical-align: bottom; }
th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid var(--mark); }
th button::after { content: "\\2195"; margin-left: 4px; opacity: .4; }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
td details { padding: 0; border: 0; } td summary { font-weight: 400; } td li { white-space: normal; min-width: 42ch; }
td ul { text-align: left; color: var(--soft); font-size: 13px; }
.filter { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; margin-bottom: 12px; font-size: 13.5px; }
.filter input { font: inherit; flex: 0 1 320px; min-width: 0; padding: 5px 9px; color: inherit; background: var(--page);
  border: 1px solid var(--soft); border-radius: 6px; }
.filter output { color: var(--soft); }
.scroll:focus-visible, input:focus-visible, summary:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
ul { margin: 0; padding-left: 20px; } li { overflow-wrap: anywhere; }
th.number, td.number { text-align: right; }
td.best { font-weight: 700; }
td svg { vertical-align: middle; }
td svg + span { display: inline-block; width: 3em; text-align: right; }
.track { fill: var(--track); }
tr:hover .track { fill: var(--line); }
.s0 { --series: var(--s0); } .s1 { --series: var(--s1); } .s2 { --series: var(--s2); }
.s3 { --series: var(--s3); } .s4 { --series: var(--s4); } .s5 { --series: var(--s5); }
.value { fill: var(--series); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 18px 26px; }
.charts + h3 { margin-top: 22px; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: 12.5px; }
.charts figcaption { display: flex; justify-content: space-between; padding: 0 10px 2px 54px; }
.charts figcaption b { color: var(--ink); }
.charts svg { display: block; width: 100%; }
.charts text { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--line); }
.raw, .smooth { fill: none; stroke: var(--mark); stroke-linejoin: round; }
.line { fill: none; stroke: var(--series); stroke-width: 2; stroke-linejoin: round; }
.lines { max-width: 640px; } .lines text { fill: var(--soft); font-size: 9px; }
.raw { opacity: .3; } .smooth { stroke-width: 2; } .dot { fill: var(--mark); }
.legend { display: flex; flex-wrap: wrap; gap: 5px 16px; margin-bottom: 18px; font-size: 13px; }
.swatch { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 3px; vertical-align: -1px;
  border: 1px solid rgba(128, 128, 128, .5); background: var(--colour); }
.unknown { background: repeating-linear-gradient(45deg, #d8d8d8 0 3px, #a4a4a4 3px 5px); }
.strip { padding: 14px 0 16px; border-top: 1px solid var(--line); }
.strip h3 span { margin-left: 14px; color: var(--soft); font-weight: 400; }
.pictures { display: flex; flex-wrap: wrap; gap: 12px; }
.pictures figure { width: 160px; }
.pictures img { display: block; width: 160px; height: auto; border-radius: 4px; }
.pictures figcaption { margin-bottom: 4px; }
details { border-top: 1px solid var(--line); padding: 9px 0; }
details:first-of-type { border-top: 0; }
summary { cursor: pointer; font-weight: 600; }
details table { margin-top: 8px; font-size: 13px; }
details td { padding: 4px 12px; white-space: pre-wrap; overflow-wrap: anywhere; vertical-align: top;
  font-family: ui-monospace, Consolas, monospace; }
details td:first-child { width: 30%; color: var(--soft); }
@media (max-width: 600px) { main { padding: 22px 10px 40px; } section { padding: 16px 12px; } h1 { font-size: 24px; }
  .charts { grid-template-columns: 1fr; } .pictures figure, .pictures img { width: 140px; } }
"""

_SCRIPT = """
document.querySelectorAll("th button").forEach(button => button.addEventListener("click", () => {
  const head = button.parentElement, body = head.closest("table").tBodies[0];
  const down = head.getAttribute("aria-sort") !== "descending";
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = row => row.children[head.cellIndex].dataset.key;
  const order = (a, b) => isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
  const rows = [...body.rows].sort((a, b) => order(key(a), key(b)));
  body.append(...(down ? rows.reverse() : rows));
}));
document.querySelectorAll(".filter input").forEach(input => input.addEventListener("input", () => {
  const part = input.closest(".filter"), rows = [...part.nextElementSibling.querySelector("tbody").rows];
  const words = input.value.toLowerCase().split(" ").filter(word => word);
  for (const row of rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
  part.querySelector("output").textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} rows`;
}));
"""


def text(value: object) -> str:
    """Any value as text that HTML takes literally, inside attributes too."""
    return html.escape(str(value), quote=True)


def document(title: str, body: str) -> str:
    """A whole HTML page; its policy forbids the browser every request and every foreign script."""
    script = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'"
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"{body}\n</main>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n")


def section(heading: str, note: str, body: str) -> str:
    """A titled card; `body` is HTML, empty for no card at all."""
    note = f'<p class="note">{text(note)}</p>\n' if note else ""
    return f"<section>\n<h2>{text(heading)}</h2>\n{note}{body}\n</section>\n" if body else ""


def table(heads: list[tuple[str, bool]], rows: list[list[str]], filtered: str = "") -> str:
    """A table sorted by its heads, which are buttons.

    Args:
      heads: (text, is it a number) per column.
      rows: cells made by `cell`.
      filtered: label of a field above it that hides the rows without the words
        typed there; "" for no such field.
    """
    head = "".join(f'<th{_class("number" if number else "")}><button type="button">{text(name)}</button></th>'
                   for name, number in heads)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    field = (f'<div class="filter"><label>{text(filtered)} <input type="search"></label>'
             f"<output>{len(rows)} rows</output></div>\n") if filtered else ""
    return (f'{field}<div class="scroll" role="region" aria-label="table" tabindex="0"><table>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>")


def cell(content: str, key: object, kind: str = "") -> str:
    """A table cell of HTML that sorts by `key`; None sorts below every number."""
    return f'<td{_class(kind)} data-key="{text("-Infinity" if key is None else key)}">{content}</td>'


def percent(share: float | None) -> str:
    """A share of 0..1 in percent with one decimal; an undefined one as a dash."""
    return "-" if share is None or math.isnan(share) else f"{100 * share:.1f}"


def bar(share: float | None, series: int, width: int) -> str:
    """A share of 0..1 as a bar of `width` pixels with the number beside it."""
    length = 0 if share is None or math.isnan(share) else share * width
    return (f'<svg class="s{series % NUM_SERIES}" width="{width}" height="10" aria-hidden="true">'
            f'<rect class="track" width="{width}" height="10" rx="2"></rect>'
            f'<rect class="value" width="{length:.1f}" height="10" rx="2"></rect></svg><span>{percent(share)}</span>')


def facts(values: dict) -> str:
    """A two-column table of names and values, line breaks kept."""
    rows = "\n".join(f"<tr><td>{text(name)}</td><td>{text(value)}</td></tr>" for name, value in values.items())
    return f"<table><tbody>\n{rows}\n</tbody></table>"


def folded(heading: str, body: str) -> str:
    """A part that opens on a click."""
    return f"<details><summary>{text(heading)}</summary>\n{body}\n</details>\n"


def swatch(colour: np.ndarray | None) -> str:
    """A small square of an RGB colour, hatched for None (unknown)."""
    if colour is None:
        return '<i class="swatch unknown"></i>'
    return '<i class="swatch" style="--colour: rgb({}, {}, {})"></i>'.format(*(int(value) for value in colour))


def picture(image: np.ndarray, caption: str) -> str:
    """A captioned uint8 [H, W, 3] picture, embedded as JPEG."""
    height, width = image.shape[:2]
    small = Image.fromarray(np.ascontiguousarray(image, np.uint8))
    if width > _PICTURE_WIDTH:
        small = small.resize((_PICTURE_WIDTH, max(1, round(height * _PICTURE_WIDTH / width))), Image.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (f"<figure><figcaption>{text(caption)}</figcaption>"
            f'<img alt="{text(caption)}" src="data:image/jpeg;base64,{data}"></figure>')


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
