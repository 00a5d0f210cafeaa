"""Calls by several processes: every one once and in order, processes that end, processes that die."""

import os
import signal

import pytest

from wsss_tf.errors import InputError
from wsss_tf.parallel.pool import Workers, ordered, require_workers


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_is_this_one():
    assert set(ordered(os.getpid, [()] * 3, 3, Workers(1))) == {os.getpid()}


def test_all_are_as_many_as_there_are_cores(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert set(ordered(os.getpid, [()] * 3, 3, Workers("all"))) == {os.getpid()}
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert os.getpid() not in set(ordered(os.getpid, [()] * 3, 3, Workers()))


def test_results_come_in_the_order_of_the_calls(tmp_path):
    def work(number):
        import time
        while number == 0 and not (tmp_path / "1").exists():  # the first waits for the second, in another process
            time.sleep(0.01)
        (tmp_path / str(number)).touch()
        return number, os.getpid()

    found = list(ordered(work, ((number,) for number in range(9)), 9, Workers(2)))
    assert [number for number, _ in found] == list(range(9))
    assert len({process for _, process in found}) == 2 and os.getpid() not in {process for _, process in found}


def test_processes_end_with_the_work():
    """Idle ones would hold what they have loaded for another five minutes."""
    processes = set(ordered(os.getpid, [()] * 4, 4, Workers(2)))
    assert processes and not any(map(alive, processes))


def test_a_call_that_fails_ends_the_processes_too():
    processes = []

    def work(number):
        if number == 2:
            raise ValueError("two")
        return os.getpid()

    with pytest.raises(ValueError, match="two"):
        processes.extend(ordered(work, ((number,) for number in range(9)), 9, Workers(2)))
    assert not any(map(alive, processes))


def test_arguments_are_made_a_few_ahead_only():
    made = []

    def arguments():
        for number in range(40):
            made.append(number)
            yield (number,)

    def work(number):
        import time
        time.sleep(0.02)

    results = ordered(work, arguments(), 40, Workers(2))
    next(results)
    assert len(made) < 20, "else a thousand photos' probabilities lie in memory"
    assert len(list(results)) == 39


def test_nothing_to_do():
    assert list(ordered(os.getpid, [], 0, Workers())) == []


def test_a_process_that_is_killed_is_told_with_a_remedy():
    def work(number):
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does where memory runs out

    with pytest.raises(InputError, match=r"a worker process has died.*--workers=1"):
        list(ordered(work, ((number,) for number in range(6)), 6, Workers(2)))
    assert list(ordered(abs, [(-1,), (-2,)], 2, Workers(2))) == [1, 2], "the next work has fresh processes"


def test_processes_of_this_machine_always_fit(tmp_path):
    require_workers(Workers(), tmp_path / "absent")
