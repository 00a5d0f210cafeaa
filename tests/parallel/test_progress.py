"""A bar on a terminal, a line every half minute elsewhere, and nothing where nothing is to be said."""

import fcntl
import os
import struct
import subprocess
import sys
import termios

import pytest

from wsss_tf.parallel.progress import EVERY, Lines, counted, progress


@pytest.fixture
def clock():
    """A clock that is read by calling it and advanced by += on its seconds."""
    class Clock:
        seconds = 0.0

        def __call__(self):
            return self.seconds

    return Clock()


def on_a_terminal(monkeypatch, work, columns: int = 80) -> str:
    """What the work writes where stderr is a terminal."""
    main, side = os.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with monkeypatch.context() as patch, open(side, "w", encoding="utf-8") as stream:
        patch.setattr(sys, "stderr", stream)
        work()
        stream.write("end")
        stream.flush()
        written = b""
        while not written.endswith(b"end"):
            written += os.read(main, 2**16)
    os.close(main)
    return written.decode().removesuffix("end")


def run(clock, seconds, total=231, **more):
    """Counts to the total, each in so many seconds."""
    with progress(total, "masks", clock=clock, **more) as told:
        for _ in range(total - more.get("start", 0)):
            clock.seconds += seconds
            told.update()


def test_a_pipe_gets_a_line_every_half_minute_and_one_at_the_end(clock, capsys):
    run(clock, 0.25)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == ["masks: 120 of 231 img, 4.0 img/s, 0.5 min left",
                                              "masks: 231 of 231 img, 4.0 img/s, 1.0 min"]


@pytest.mark.parametrize("seconds, lines", [(0.001, 1), (EVERY / 10, 24), (EVERY, 231), (5 * EVERY, 231)])
def test_lines_come_by_time_and_not_by_number(clock, capsys, seconds, lines):
    run(clock, seconds)
    assert len(capsys.readouterr().err.splitlines()) == lines


def test_what_was_done_before_counts_for_the_number_and_not_for_the_speed(clock, capsys):
    run(clock, 30, total=8, start=5)
    assert capsys.readouterr().err.splitlines() == ["masks: 6 of 8 img, 30.0 s/img, 1.0 min left",
                                                    "masks: 7 of 8 img, 30.0 s/img, 0.5 min left",
                                                    "masks: 8 of 8 img, 30.0 s/img, 1.5 min"]


def test_the_text_stands_at_the_end_of_a_line(clock, capsys):
    with progress(4, "classifier", clock=clock) as told:
        told.update(2)
        told.set_postfix_str("loss=0.125")
        clock.seconds += 10
    assert capsys.readouterr().err == "classifier: 2 of 4 img, 5.0 s/img, 0.2 min, loss=0.125\n"


@pytest.mark.parametrize("total, words", [(3 * 2**20, "1.05M of 3.15MB, 35.0kB/s, 1.0 min left"), (None, "1.05MB, 35.0kB/s")])
def test_bytes_have_large_units_and_perhaps_no_end(clock, capsys, total, words):
    with progress(total, "weights", "B", clock=clock) as told:
        clock.seconds += 30
        told.update(2**20)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and lines[0] == f"weights: {words}"


def test_where_it_stopped_is_told(clock, capsys):
    with pytest.raises(ValueError), progress(9, "masks", clock=clock) as told:
        told.update()
        raise ValueError
    assert capsys.readouterr().err == "masks: 1 of 9 img, 0.0 min\n"


def test_a_terminal_gets_one_bar(monkeypatch):
    written = on_a_terminal(monkeypatch, lambda: all(number + 1 for number in counted(range(50), 50, "masks")))
    assert "masks: 100%" in written and "50/50" in written and written.count("\n") == 1 and written.endswith("\r\n")


def test_a_terminal_without_a_size_gets_lines(monkeypatch):
    written = on_a_terminal(monkeypatch, lambda: all(number + 1 for number in counted(range(50), 50, "masks")), columns=0)
    assert written.startswith("masks: 50 of 50 img, ") and written.count("\n") == 1


def test_the_bar_takes_the_same_calls(monkeypatch):
    def work():
        with progress(1000, "classifier", "B", 500) as told:
            told.set_postfix_str("loss=0.125")
            told.update(500)

    written = on_a_terminal(monkeypatch, work)
    assert "1.00k/1.00k" in written and "loss=0.125" in written


@pytest.mark.parametrize("total, shown", [(0, True), (5, False)])
def test_nothing_is_said_of_nothing(monkeypatch, capsys, total, shown):
    def work():
        assert list(counted(range(total), total, "masks", shown=shown)) == list(range(total))

    work()
    assert capsys.readouterr() == ("", "")
    assert on_a_terminal(monkeypatch, work) == ""


def test_lines_and_bars_have_the_same_interface(capsys):
    with progress(3, "masks") as told:
        assert isinstance(told, Lines)
        told.update()
        told.set_postfix_str("")


def test_a_real_pipe_holds_no_carriage_return():
    program = "from wsss_tf.parallel.progress import counted\nsum(counted(range(10**5), 10**5, 'masks'))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ended.stdout == b"" and ended.stderr.startswith(b"masks: 100000 of 100000 img, ")
    assert ended.stderr.count(b"\n") == 1 and b"\r" not in ended.stderr
