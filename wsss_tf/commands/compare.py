"""wsss compare: finished runs beside the rows of the original tables that they reproduce."""

import dataclasses

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command
from wsss_tf.config import expand_path, setting
from wsss_tf.files.store import write_text


@dataclasses.dataclass(frozen=True)
class CompareConfig:
    """What to write of the comparison"""

    runs: str = setting("runs", "folder of all runs, for experiments that are named without a path")
    out: str = setting("", "folder of comparison.md, .tex and .html; empty: RUNS/comparison")
    row: str = setting("", "NAME=ROW,...: the original rows of runs that do not name one")
    photos: int = setting(4, "photos of each data set whose masks the page shows", low=0)
    brief: bool = setting(False, "only print the scores of the runs, a line each")


USAGE = """wsss compare RUN [RUN ...] [--NAME=VALUE ...]

Puts finished runs, each a folder, a pattern or the name of an experiment, beside the rows of the original tables that they
reproduce; prints Markdown and writes it, LaTeX and one HTML page to --out.

  wsss compare runs/demo_cam runs/demo_saliency
  wsss compare "runs/msrc_2_3_*" --row=msrc_2_3_A4=thesis_2.3/A4
  wsss compare demo_cam demo_saliency --brief"""


def main(parsed: Parsed) -> None:
    """Prints the table and writes the files."""
    from wsss_tf.compare.comparison import compare
    from wsss_tf.compare.page import write_page
    from wsss_tf.compare.table import latex, markdown

    config, runs = parsed.config, expand_path(parsed.config.runs)
    named = [str(runs / word) if (runs / word).is_dir() else word for word in parsed.words]
    if config.brief:
        from wsss_tf.stages.run_report import compare_runs

        print(compare_runs(named))
        return
    comparison = compare(named, [row.strip() for row in config.row.split(",") if row.strip()])
    out = expand_path(config.out) if config.out else runs / "comparison"
    text = markdown(comparison)
    print(text)
    write_text(out / "comparison.md", text)
    write_text(out / "comparison.tex", latex(comparison))
    write_page(out / "comparison.html", comparison, config.photos)
    for suffix in ("md", "tex", "html"):
        print(out / f"comparison.{suffix}")


COMMAND = Command("compare", USAGE, main, CompareConfig, experiment=False, words=True)
