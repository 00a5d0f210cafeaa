"""The comparison as a table of texts, and its Markdown and LaTeX."""

import re

from wsss_tf.compare.comparison import Comparison, Line
from wsss_tf.originals.rows import MIOU
from wsss_tf.originals.tables import table_of

COLUMNS = ("row", "run", "measure", "measured", "original", "difference", "seeds", "scored on", "CRF", "test scales",
           "backbone", "start", "learned from", "why no difference")
_FACTS = COLUMNS[7:-1]  # how it was measured
NUMBERS = ("measured", "original", "difference", "seeds")  # columns that are set to the right

_LATEX = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
          "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
          "|": r"\textbar{}", "\"": "''", "±": r"$\pm$", "−": r"$-$", "–": "--"}


def cells(line: Line) -> tuple[str, ...]:
    """The texts of one line, by column."""
    p = line.protocol
    return (
        line.paper_row or "-", line.group.name, line.measure, measured(line),
        "-" if line.original is None else number(line, line.original.value),
        "-" if line.difference is None else number(line, line.difference, sign="+"),
        str(len(line.values)), p.scored_on, p.crf, p.test_scales, p.backbone, p.start, p.supervision,
        "; ".join(line.reasons))


def measured(line: Line) -> str:
    """Mean ± standard deviation; of one seed the number alone."""
    mean = number(line, line.mean)
    return mean if line.spread is None else f"{mean} ± {number(line, line.spread)}"


def number(line: Line, value: float, sign: str = "") -> str:
    """A number with the digits that its measure is printed with."""
    digits = 1 if line.measure == MIOU else 2 if line.measure == "superpixels" else 3
    return f"{value:{sign}.{digits}f}"


def legend(comparison: Comparison) -> list[str]:
    """What the numbers mean, and all remarks, a paragraph each."""
    several = any(line.spread is not None for line in comparison.lines)
    spread = "mean ± standard deviation (n - 1) over runs that differ in their seed alone" if several else "one seed each"
    notes = [f"mIoU in percent, measures of superpixels as in Table 3.5; {spread}. A difference (measured minus original) "
             "stands only where both numbers were measured alike."]
    return notes + [f"{about}: {remark}" for about, remark in comparison.remarks]


def markdown(comparison: Comparison) -> str:
    """The comparison as Markdown."""
    rule = ["---:" if column in NUMBERS else "---" for column in COLUMNS]
    rows = [COLUMNS, rule, *(map(_plain, cells(line)) for line in comparison.lines)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join(["# Measured beside original", table, *map(_plain, legend(comparison))]) + "\n"


def latex(comparison: Comparison) -> str:
    """The comparison as part of a LaTeX document: a booktabs table for each original one, remarks below."""
    tables = {}
    for line in comparison.lines:
        where = table_of(line.paper_row).where if line.paper_row else "without original"
        tables.setdefault(where, []).append(line)
    notes = "".join(f"\n\\par\\noindent {escape(note)}\n" for note in legend(comparison))
    return "% needs \\usepackage{booktabs}\n" + "\n".join(_latex_table(*item) for item in tables.items()) + notes


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _latex_table(where: str, lines: list[Line]) -> str:
    """What all lines share stands below the table, to keep it narrow."""
    rows = [dict(zip(COLUMNS, cells(line))) for line in lines]
    shared = {column: rows[0][column] for column in _FACTS if len({row[column] for row in rows}) == 1}
    columns = [column for column in COLUMNS[:-1] if column not in shared]
    body = "\n".join(" & ".join(escape(row[column]) for column in columns) + r" \\" for row in rows)
    below = [f"{column} {value}" for column, value in shared.items()]
    reasons = dict.fromkeys(reason for line in lines for reason in line.reasons)
    below += ["no difference: " + "; ".join(reasons)] * bool(reasons)
    return "\n".join([
        r"\begin{table}", r"\centering\scriptsize", rf"\caption{{Measured beside original: {escape(where)}}}",
        rf"\begin{{tabular}}{{{''.join('r' if column in NUMBERS else 'l' for column in columns)}}}", r"\toprule",
        " & ".join(map(escape, columns)) + r" \\", r"\midrule", body, r"\bottomrule", r"\end{tabular}",
        rf"\par {escape('. '.join(below))}", r"\end{table}", ""])


def _plain(text: str) -> str:
    """Text that Markdown neither splits into cells nor takes for HTML or emphasis."""
    return " ".join(re.sub(r"[\\|<>*`\[\]]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text).split())
