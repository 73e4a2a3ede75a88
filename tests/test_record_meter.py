"""Facts of the two clocks: what counts as a processor's work, and arithmetic with what is not known."""

import multiprocessing
import subprocess
import sys
import threading
import time

import pytest

from tfg.record import meter
from tfg.record.meter import Spent
from tfg.record.stages import Stages

WORK = "import time\nwhile time.process_time() < 0.3: pass"


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def work_and_wait(done, leave) -> None:
    busy(0.3)
    done.set()
    leave.wait()


def test_sleeping_takes_seconds_and_no_processor() -> None:
    started = meter.now()
    time.sleep(0.2)
    spent = meter.now() - started
    assert spent.seconds >= 0.2
    assert spent.processor_seconds < 0.1


def test_every_thread_counts() -> None:
    started = meter.processor_seconds()
    threads = [threading.Thread(target=busy, args=(0.15,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.processor_seconds() - started == pytest.approx(0.3, abs=0.1)


def test_a_process_that_was_waited_for_counts() -> None:
    started = meter.processor_seconds()
    subprocess.run([sys.executable, "-c", WORK], check=True)
    assert 0.3 <= meter.processor_seconds() - started < 1.0  # with the start of the interpreter


@pytest.mark.skipif(sys.platform != "linux", reason="living workers are read from /proc")
def test_a_living_worker_counts_once() -> None:
    context = multiprocessing.get_context("spawn")
    done, leave = context.Event(), context.Event()
    started = meter.processor_seconds()
    worker = context.Process(target=work_and_wait, args=(done, leave))
    worker.start()
    done.wait()
    living = meter.processor_seconds() - started
    leave.set()
    worker.join()
    ended = meter.processor_seconds() - started
    assert 0.25 <= living <= ended + 0.02  # /proc counts in hundredths of a second
    assert ended - living < 0.25  # its end, not its work again


def test_a_sum_with_something_unknown_is_unknown() -> None:
    known, unknown = Spent(seconds=2.0, processor_seconds=3.0), Spent(seconds=1.0, processor_seconds=None)
    assert known - known.times(0.5) == Spent(seconds=1.0, processor_seconds=1.5)
    assert known + unknown == Spent(seconds=3.0, processor_seconds=None)
    assert unknown.rounded("cold_") == {"cold_seconds": 1.0, "cold_processor_seconds": None}


def test_a_stage_records_both_clocks_and_memory() -> None:
    stages = Stages()
    with stages("one") as stage:
        busy(0.2)
        time.sleep(0.2)
        stage.frames = 5
    record = stages.records["one"]
    assert record["seconds"] >= 0.4
    assert record["processor_seconds"] == pytest.approx(0.2, abs=0.1)
    assert record["peak_mb"] > 0
    assert record["frames"] == 5
