"""The line of progress: what is done, and how long the rest will take."""

from progress import Progress


class Clock:
    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


def begun(known, tests):
    clock = Clock()
    progress = Progress(known, clock)
    clock.time += 7  # tests are collected
    progress.begin(tests)
    return clock, progress


def end(progress, test, seconds):
    progress.took[test] += seconds
    progress.left.discard(test)


def test_the_rest_takes_its_share_of_an_earlier_run():
    clock, progress = begun({"a": 1.0, "b": 2.0, "c": 6.0}, ["a", "b", "c", "new"])  # which is taken to need 3
    clock.time += 6
    end(progress, "a", 1)
    end(progress, "b", 2)
    assert progress.remaining() == 6 * 9 / 3
    assert progress.line(failed=1, error=0) == "2 of 4 (1 failed), 0:06 gone, about 0:18 left"


def test_without_an_earlier_run_it_goes_by_the_number_of_tests():
    clock, progress = begun({}, "abcd")
    progress.took["b"] += 0.5  # which is still running
    clock.time += 65
    end(progress, "a", 50)
    assert progress.line() == "1 of 4, 1:05 gone, about 3:15 left"
    for test in "bcd":
        end(progress, test, 0)
    assert progress.line(failed=0) == "4 of 4, 1:05 gone, about 0:00 left"
