"""Threads: every chunk once, errors raised, BLAS left as it was, whoever calls and in whatever process."""

import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import minidl as md
from minidl.backend import threads
from minidl.backend.threads import parallel


@pytest.fixture(params=[1, 2, 5])
def number(request):
    """Runs a test with so many threads, and leaves things as they were."""
    counts, before = threads.blas().counts(), md.get_num_threads()
    md.set_num_threads(request.param)
    yield request.param
    md.set_num_threads(before)
    for library, count in zip(threads.blas().libraries, counts, strict=True):
        library.set_num_threads(count)


@pytest.mark.parametrize("chunks", [0, 1, 2, 7, 100])
def test_every_chunk_is_worked_on_once_and_results_keep_their_order(number, chunks):
    seen = []
    assert parallel(lambda i: seen.append(i) or i * i, range(chunks)) == [i * i for i in range(chunks)]
    assert sorted(seen) == list(range(chunks))


def test_several_threads_take_part():
    if md.get_num_threads() < 2:
        pytest.skip("one thread")
    meeting = threading.Barrier(2, timeout=10)  # one alone would wait there in vain
    parallel(lambda _: meeting.wait(), range(2))


def test_an_error_is_raised_and_the_next_call_works(number):
    with pytest.raises(ZeroDivisionError):
        parallel(lambda i: 1 // (i - 3), range(8))
    assert parallel(abs, [-1, -2]) == [1, 2]


def test_after_an_error_no_chunk_is_begun(number):
    begun = []
    with pytest.raises(ZeroDivisionError):
        parallel(lambda i: begun.append(i) or 1 // (len(begun) > 9), range(1000))
    assert len(begun) <= number


def test_within_a_chunk_it_runs_one_after_the_other(number, monkeypatch):
    """No other thread is asked to help."""
    asked = []
    monkeypatch.setattr(threads.workers, "offer", lambda job, others: asked.append(others))
    assert parallel(lambda i: parallel(lambda j: i + j, range(4)), range(2)) == [[0, 1, 2, 3], [1, 2, 3, 4]]
    assert asked == [1] * (number > 1)


def test_blas_is_held_to_one_thread_and_restored(number):
    before = threads.blas().counts()
    inside = parallel(lambda _: threads.blas().counts(), range(3))
    assert all(count == 1 for counts in inside for count in counts)
    assert threads.blas().counts() == before
    with pytest.raises(KeyError):
        parallel({}.__getitem__, range(3))
    assert threads.blas().counts() == before


def test_the_users_own_count_comes_back():
    libraries = threads.blas().libraries
    before = threads.blas().counts()
    try:
        for library in libraries:
            library.set_num_threads(1)
        parallel(abs, range(4))
        assert threads.blas().counts() == [1] * len(libraries)
    finally:
        for library, count in zip(libraries, before, strict=True):
            library.set_num_threads(count)


def test_user_threads_may_call_at_the_same_time(number):
    before, results = threads.blas().counts(), {}

    def call(n):
        for _ in range(50):
            results[n] = parallel(lambda i: i + n, range(5))

    calling = [threading.Thread(target=call, args=(n,)) for n in range(4)]
    for thread in calling:
        thread.start()
    for thread in calling:
        thread.join()
    assert results == {n: [i + n for i in range(5)] for n in range(4)}
    assert threads.blas().counts() == before


def test_blas_is_held_and_restored_from_any_thread(number):
    before, inside = threads.blas().counts(), []
    for library, count in zip(threads.blas().libraries, before, strict=True):
        library.set_num_threads(count)  # threadpoolctl heeds this thread alone from now on
    other = threading.Thread(target=lambda: inside.extend(parallel(lambda _: threads.blas().counts(), range(3))))
    other.start()
    other.join()
    if number > 1:
        assert inside == [[1] * len(before)] * 3
    assert threads.blas().counts() == before


def test_what_the_user_had_comes_back_when_the_last_leaves(number):
    before = threads.blas().counts()
    with threads.blas():
        with threads.blas():
            pass
        assert threads.blas().counts() == [1] * len(before)
    assert threads.blas().counts() == before


def test_a_limit_that_is_set_meanwhile_holds_afterwards():
    before, counts = md.get_num_threads(), threads.blas().counts()
    try:
        md.set_num_threads(2)
        with threads.blas():
            md.set_num_threads(3)
            assert md.get_num_threads() == 3 and threads.blas().counts() == [1] * len(counts)
        assert threads.blas().counts() == [3] * len(counts)
        parallel(lambda _: md.set_num_threads(1), range(2))
        assert md.get_num_threads() == 1 and threads.blas().counts() == [1] * len(counts)
    finally:
        md.set_num_threads(before)
        for library, count in zip(threads.blas().libraries, counts, strict=True):
            library.set_num_threads(count)


SHAPES = [((3, 4), (4, 5)), ((1, 700), (700, 90)), ((300, 200), (200, 100)), ((40, 300), (300, 800)), ((2, 0), (0, 3))]
SHAPES += [((6, 90, 80), (80, 70)), ((90, 80), (5, 80, 70)), ((2, 1, 90, 80), (3, 80, 70)), ((1, 400, 300), (300, 200))]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_product_in_pieces_is_the_product(number, shapes, dtype, monkeypatch):
    monkeypatch.setattr(threads, "PIECE", 1 << 16)
    a, b = (np.random.default_rng(0).standard_normal(shape).astype(dtype) for shape in shapes)
    for x, y in ((a, b), (np.asfortranarray(a), b[..., ::-1]), (a[..., ::-1, :], np.asfortranarray(b))):
        z = threads.matmul(x, y)
        assert z.dtype == dtype
        np.testing.assert_allclose(z, np.matmul(x, y), 1e-3, 1e-4)
    assert threads.matmul(a, b).tobytes() == threads.matmul(a, b).tobytes()
    z = np.empty(np.matmul(a, b).shape, dtype)
    assert threads.matmul(a, b, z) is z and z.tobytes() == threads.matmul(a, b).tobytes()


def test_numpy_does_not_warn_in_any_thread(number):
    meeting = threading.Barrier(number, timeout=10)  # each takes one
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel(lambda _: (meeting.wait(), np.log(np.zeros(3))), range(number))


def test_no_more_threads_than_were_asked_for_take_part(number):
    at_work, most, lock = 0, 0, threading.Lock()

    def chunk(_):
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.002)
        with lock:
            at_work -= 1

    parallel(chunk, range(3 * number))
    assert most <= number


def test_a_job_that_is_done_holds_no_arrays():
    """A worker may hold it for longer."""
    job = threads.Job(abs, [-1])
    job.work()
    assert job.function is None and job.results == [[1]]


def test_of_several_libraries_the_largest_count_is_the_users(monkeypatch):
    monkeypatch.delenv("MINIDL_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads.Blas, "counts", lambda blas: [2, 5, 3])
    assert threads.Blas().threads == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_works_on_with_threads_of_its_own():
    parallel(time.sleep, [0.001] * 4)
    child = os.fork()
    if not child:
        os._exit(0 if parallel(abs, range(8)) == list(range(8)) else 1)
    for _ in range(200):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
        pytest.fail("the child hangs")
    assert status == 0
    assert parallel(abs, range(8)) == list(range(8))


def python(code, **environment):
    """Run code in a process whose number of threads is set by nothing but `environment`."""
    inherited = {name: value for name, value in os.environ.items() if name != "MINIDL_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, "-c", code], env=inherited | environment, capture_output=True, text=True, timeout=60
    )


def test_threads_that_ask_first_at_the_same_time_share_one_setting():
    code = """if True:
        import threading, minidl.backend.threads as t
        meeting = threading.Barrier(4)
        def ask(): meeting.wait(); t.parallel(abs, range(4))
        asking = [threading.Thread(target=ask) for _ in range(4)]
        [a.start() for a in asking]; [a.join() for a in asking]
        print(len(t.made), t.blas().threads, *t.blas().counts())"""
    for _ in range(3):
        said = python(code, OPENBLAS_NUM_THREADS="2").stdout.split()
        assert said[0] == "1" and set(said[1:]) == {"2"}


def test_the_environment_says_how_many():
    code = "import minidl as md, minidl.backend.threads as t; print(md.get_num_threads(), *t.blas().counts())"
    assert set(python(code, MINIDL_NUM_THREADS="1").stdout.split()) == {"1"}
    assert python(code, MINIDL_NUM_THREADS="3").stdout.split()[0] == "3"
    wrong = python(code, MINIDL_NUM_THREADS="many")
    assert wrong.returncode and "MINIDL_NUM_THREADS: expected a positive integer, got 'many'" in wrong.stderr


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="no clock of a single thread here")
def test_no_step_wakes_the_threads_of_blas():
    """They would spin for milliseconds, on the cores that ours work on."""
    code = """if True:
        import os, threading, time
        import numpy as np, minidl as md
        from minidl import models, nn

        def seconds():
            ours = {str(thread.native_id) for thread in threading.enumerate()}
            others = [f"/proc/self/task/{task}/schedstat" for task in set(os.listdir("/proc/self/task")) - ours]
            return sum(int(open(path).read().split()[0]) for path in others) / 1e9

        wide = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1), nn.Conv2d(128, 256, 1), nn.Conv2d(256, 64, 4, stride=2))
        networks = [(wide, (128, 8, 8)), (models.simplenet(), (1, 28, 28)), (models.lenet5(), (1, 28, 28))]
        networks += [(models.dcgan_generator(), (100, 1, 1)), (nn.Linear(3000, 1000), (3000,))]
        for network, size in networks:
            for batch in (1, 8, 40):
                x = md.ones(batch, *size, requires_grad=True)
                network(x).sum().backward()
                time.sleep(0.05)
                before = seconds()
                network(x).sum().backward()
                print(type(network).__name__, batch, round(seconds() - before, 3))
        before = seconds()
        np.ones((1000, 1000)) @ np.ones((1000, 1000))
        print(seconds() - before)"""
    *steps, awake = python(code, OPENBLAS_NUM_THREADS="2").stdout.splitlines()
    if not float(awake):
        pytest.skip("this BLAS has no threads of its own")
    assert len(steps) == 15 and all(step.endswith(" 0.0") for step in steps), steps


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", " "])
def test_a_count_in_the_environment_that_is_none_is_refused(wrong, monkeypatch):
    monkeypatch.setenv("MINIDL_NUM_THREADS", wrong)
    with pytest.raises(ValueError, match=f"^MINIDL_NUM_THREADS: expected a positive integer, got '{wrong}'$"):
        threads.Blas()
    monkeypatch.setenv("MINIDL_NUM_THREADS", "")
    blas = threads.Blas()
    assert blas.threads == max(blas.counts(), default=1)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", None])
def test_a_count_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match=rf"^set_num_threads: expected a positive integer, got {wrong!r}$"):
        md.set_num_threads(wrong)
