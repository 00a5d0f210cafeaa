"""Puts finished runs beside the rows of the original tables that they reproduce.

Usage: python scripts/compare.py runs/NAME runs/NAME ...
       python scripts/compare.py "runs/msrc_2_3_*" --row=msrc_2_3_A4=thesis_2.3/A4

Prints Markdown and writes it, LaTeX and one HTML page to --out. A run names its rows by the flag --paper_row; --row
names them for a run that does not.
"""

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.compare.comparison import compare
from wsss_tf.compare.page import write_page
from wsss_tf.compare.table import latex, markdown
from wsss_tf.config import expand_path
from wsss_tf.experiment import Experiment
from wsss_tf.files.store import write_text

_OUT = flags.DEFINE_string("out", "", "folder of comparison.md, .tex and .html; empty: RUNS/comparison")
_ROW = flags.DEFINE_multi_string("row", [], "NAME=ROW: the original row of runs that do not name one; may be repeated")
_PHOTOS = flags.DEFINE_integer("photos", 4, "photos of each data set whose masks the page shows", lower_bound=0)


def main(experiment: Experiment, folders: list[str]) -> None:
    """Prints the table and writes the files."""
    comparison = compare(folders, _ROW.value)
    out = expand_path(_OUT.value) if _OUT.value else expand_path(experiment.run.runs) / "comparison"
    text = markdown(comparison)
    print(text)
    write_text(out / "comparison.md", text)
    write_text(out / "comparison.tex", latex(comparison))
    write_page(out / "comparison.html", comparison, _PHOTOS.value)
    for suffix in ("md", "tex", "html"):
        print(out / f"comparison.{suffix}")


if __name__ == "__main__":
    run_script(main, words=True)
