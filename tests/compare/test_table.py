"""Markdown and LaTeX of a comparison: every number in its place, and no text that breaks them."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss_tf.compare.comparison import compare
from wsss_tf.compare.table import COLUMNS, escape, latex, markdown

A4 = "--flagfile=flags/thesis/ch2/table_2_3/A4.cfg"
HOSTILE = "a|b <i>_x_<i> 50%_&#{}$~^\\"


@pytest.fixture
def comparison(pretend, monkeypatch, pytestconfig, tmp_path):
    monkeypatch.chdir(pytestconfig.rootpath)
    folders = [pretend(A4, f"--seed={seed}", f"--experiment=a_{seed}", plain=0.6 + 0.02 * seed, crf=0.6) for seed in (0, 1)]
    folders.append(pretend("--flagfile=flags/real/table_2_6/S1.cfg", crf=0.7512, prepared={"val_images": 46}))
    scores = {"count": 28.51, "under_segmentation": 0.0834, "boundary_precision": 0.1, "boundary_recall": 0.5,
              "achievable_accuracy": 0.96}
    folders.append(pretend("--flagfile=flags/thesis/ch3/table_3_5/ours_0.3.cfg", superpixels=scores, prepared={"train_images": 1464}))
    folders.append(pretend("--source=folder", f"--data=x/{HOSTILE}", "--experiment=own", runs=tmp_path / "other"))
    return compare([*map(str, folders)])


def rows(text: str) -> list[dict[str, str]]:
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    assert {len(line) for line in lines} == {len(COLUMNS)}
    return [dict(zip(COLUMNS, (item.strip() for item in line))) for line in lines[2:]]


def test_markdown(comparison):
    text = markdown(comparison)
    found = rows(text)
    by_run = {(row["run"], row["measure"], row["CRF"]): row for row in found}
    a = by_run["a", "mIoU", "none"]
    assert (a["row"], a["measured"], a["original"], a["difference"], a["seeds"]) == (
        "thesis_2.3/A4", "61.0 ± 1.4", "62.9", "-1.9", "2")
    assert a["scored on"] == "1,449 images of VOC 2012 val" and a["why no difference"] == ""
    twin = by_run["msrc_2_6_S1", "mIoU", "authors"]
    assert (twin["measured"], twin["original"], twin["difference"], twin["seeds"]) == ("75.1", "66.0", "-", "1")
    assert twin["why no difference"].startswith("measured on 46 images of msrc_objects val, the row 1,449 images of VOC")
    superpixels = by_run["ch3_table_3_5_ours_0.3", "superpixels", "superpixels"]
    assert (superpixels["measured"], superpixels["original"], superpixels["difference"]) == ("28.51", "28.57", "-0.06")
    assert by_run["ch3_table_3_5_ours_0.3", "UE", "superpixels"]["difference"] == "+0.000"
    assert r"a\|b \<i\>\_x\_\<i\> 50%\_&#{}$~^\\ val" in by_run["own", "mIoU", "authors"]["scored on"]
    assert "mean ± standard deviation (n - 1)" in text and "thesis Table 3.5: opencv\\_parameter" not in text


def test_latex_compiles(comparison, tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex (Debian: apt-get install texlive-latex-recommended)")
    (tmp_path / "t.tex").write_text("\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n"
                                    f"{latex(comparison)}\\end{{document}}\n", encoding="utf-8")
    ended = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"], cwd=tmp_path,
                           capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:]


def test_latex_has_a_table_for_each_original_and_every_number(comparison):
    text = latex(comparison)
    captions = re.findall(r"\\caption\{Measured beside original: (.*)\}", text)
    assert captions == ["thesis Table 2.3", "thesis Table 2.6", "thesis Table 3.5", "without original"]
    assert r"thesis\_2.3/A4 & a & mIoU & 61.0 $\pm$ 1.4 & 62.9 & -1.9 & 2 & none \\" in text
    for part in re.findall(r"\\begin\{tabular\}.*?\\end\{tabular\}", text, re.DOTALL):
        columns = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", part)[1])
        lines = [line for line in part.splitlines() if line.endswith(r"\\")]
        assert lines and {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {columns - 1}
    assert "scored on 1,449 images of VOC 2012 val" in text, "what all lines share stands once, below"


@given(st.text())
def test_no_letter_of_latex_survives(text):
    left = re.sub(r"\\[{}$&%#_]|\\text\w+\{\}|\$\\pm\$|\$-\$", "", escape(text))
    assert not re.search(r"[\\{}$&%#_~^<>|\"]", left)


@pytest.mark.parametrize("text, expected", [
    ("a_b 5% & {x} #1 $", r"a\_b 5\% \& \{x\} \#1 \$"), ("\\~^", r"\textbackslash{}\textasciitilde{}\textasciicircum{}")])
def test_escape(text, expected):
    assert escape(text) == expected
