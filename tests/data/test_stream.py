import subprocess
import sys
import threading

import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.base.errors import UserError
from jaxgan.data.source import Source


def numbers(size=23, shape=(2, 2, 1)):
    """A source whose image i is filled with i, and whose label is i % 5."""

    def read(indices):
        image = np.broadcast_to(indices[:, None, None, None], (len(indices), *shape))
        return {"image": image.astype(np.uint8), "label": (indices % 5).astype(np.int32)}

    return Source("numbers", "train", shape, 5, size, read)


def take(iterator, count):
    return [next(iterator) for _ in range(count)]


@pytest.mark.parametrize("threads", [None, 0, 1, 3])
@pytest.mark.parametrize("start", [0, 17])
def test_stream_equals_order(start, threads):
    batches = take(jd.stream(numbers(), 3, batch_size=10, start=start, threads=threads), 12)
    for t, batch in enumerate(batches, start):
        expected = jd.indices(3, t, size=23, batch_size=10)
        np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], expected)
        np.testing.assert_array_equal(batch["label"], expected % 5)


def test_a_later_start_continues_the_same_stream():
    full = take(jd.stream(numbers(), 0, batch_size=8), 9)
    late = take(jd.stream(numbers(), 0, batch_size=8, start=5), 4)
    for a, b in zip(full[5:], late, strict=True):
        np.testing.assert_array_equal(a["image"], b["image"])


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_the_shares_of_the_processes_make_up_the_batch(processes):
    one = jd.stream(numbers(), 1, batch_size=12)
    many = [
        jd.stream(numbers(), 1, batch_size=12, process=p, processes=processes)
        for p in range(processes)
    ]
    for _ in range(5):
        parts = [next(share) for share in many]
        whole = next(one)
        for key in whole:
            np.testing.assert_array_equal(whole[key], np.concatenate([p[key] for p in parts]))


def test_a_process_reads_only_its_own_rows():
    read = []
    source = numbers()

    def count(indices):
        read.append(len(indices))
        return source.read(indices)

    counted = Source("counted", "train", source.shape, 5, source.size, count)
    next(jd.stream(counted, 0, batch_size=12, process=1, processes=3, threads=0))
    assert read == [4]


def test_a_batch_that_does_not_divide_is_refused(refused):
    message = refused(jd.stream, numbers(), 0, batch_size=10, processes=4)
    assert "10" in message
    assert "4" in message


def test_bad_processes_are_refused():
    with pytest.raises(ValueError, match="process"):
        jd.stream(numbers(), 0, batch_size=4, process=2, processes=2)


def test_a_reading_error_reaches_the_caller():
    def read(indices):
        raise UserError("cannot read the image x.png")

    broken = Source("broken", "train", (2, 2, 1), 0, 5, read)
    with pytest.raises(UserError, match=r"x\.png"):
        next(jd.stream(broken, 0, batch_size=2))


def test_closing_ends_the_threads():
    before = set(threading.enumerate())
    iterator = jd.stream(numbers(), 0, batch_size=4, threads=3)
    take(iterator, 3)
    readers = set(threading.enumerate()) - before
    assert readers
    iterator.close()
    for thread in readers:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in readers)


def test_a_batch_is_placed_when_it_is_asked_for():
    placed = []
    batches = jd.stream(numbers(), 0, batch_size=4, place=lambda b: placed.append(b) or len(placed))
    assert take(batches, 3) == [1, 2, 3]
    assert len(placed) == 3
    batches.close()


def test_one_that_was_dropped_may_be_collected_in_any_thread():
    # Under the locks of the interpreter and of the pools, on a thread that is just starting.
    program = """
import faulthandler, gc, threading, types
from concurrent import futures
from jaxgan import data as jd

faulthandler.dump_traceback_later(50, exit=True)
gc.disable()
source = jd.open_source(types.SimpleNamespace(name='ring'))

def drop():
    batches = jd.stream(source, 0, batch_size=4096, threads=2)
    next(batches)
    cycle = [batches]
    cycle.append(cycle)

def collecting(owner, name):
    function = getattr(owner, name, None)
    if function is not None:
        setattr(owner, name, lambda *arguments: (gc.collect(), function(*arguments))[1])
    for _ in range(3):
        drop()
    with futures.ThreadPoolExecutor(2) as others:
        print(sorted(others.map(abs, [-2, 1])))
    if function is not None:
        setattr(owner, name, function)

collecting(threading, '_maintain_shutdown_locks')
collecting(futures.ThreadPoolExecutor, '_adjust_thread_count')
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[1, 2]\n" * 2


def test_a_process_in_mid_stream_exits_at_once():
    program = """
from jaxgan import data as jd
import types
source = jd.open_source(types.SimpleNamespace(name='ring'))
batches = jd.stream(source, 0, batch_size=64, threads=2)
print(next(batches)['image'].shape)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(64, 2)\n"


@pytest.mark.parametrize("size", [1, 1024, 2500])
def test_whole_is_the_source_in_index_order(size):
    arrays = jd.whole(numbers(size))
    np.testing.assert_array_equal(arrays["image"][:, 1, 1, 0], np.arange(size).astype(np.uint8))
    np.testing.assert_array_equal(arrays["label"], np.arange(size) % 5)


def test_whole_of_large_images_uses_threads_and_keeps_the_order():
    arrays = jd.whole(numbers(2100, (100, 100, 1)))
    np.testing.assert_array_equal(arrays["image"][:, 9, 9, 0], np.arange(2100).astype(np.uint8))


def test_whole_passes_an_error_on():
    def read(indices):
        if indices[-1] > 1500:
            raise UserError("cannot read record 1500")
        return {"image": np.zeros((len(indices), 1, 1, 1), np.uint8)}

    with pytest.raises(UserError, match="1500"):
        jd.whole(Source("broken", "train", (1, 1, 1), 0, 3000, read))
