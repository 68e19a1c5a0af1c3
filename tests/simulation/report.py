"""Runs many seeds and adds up the results."""

import argparse
import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from .database import memory_database
from .scenario import draw_scenario
from .world import Outcome, simulate

PROGRESS_SECONDS = 10.0


def run_seeds(seeds: Sequence[int]) -> Iterator[Outcome]:
    """The outcome of each seed, in one process."""
    with memory_database() as database:
        # Half a million objects exist for good by now; exclude them from garbage collection.
        gc.freeze()
        for seed in seeds:
            try:
                yield simulate(draw_scenario(seed), database)
            except Exception as error:
                yield Outcome(seed, findings=[f"the simulation itself raised {error!r}"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="number of seeds")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="number of processes")
    parser.add_argument("--seed", type=int, help="run only this seed")
    parser.add_argument("--verbose", action="store_true", help="print everything that happens")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return _run_one(options.seed, is_verbose=options.verbose)
    return _run(range(options.first, options.first + options.seeds), jobs=options.jobs)


def _run_one(seed: int, *, is_verbose: bool) -> int:
    (outcome,) = run_seeds([seed])
    if is_verbose:
        print(*outcome.log, sep="\n")
    for finding in outcome.findings:
        print("FOUND:", finding)
    print(f"seed {seed}: {outcome.simulated_seconds:.1f} simulated seconds, log {outcome.log_sha256}")
    return bool(outcome.findings)


class Report:
    """The totals of many outcomes."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._printed_at = self._began
        self.seed_count = 0
        self.simulated_seconds = 0.0
        self.counts: Counter[str] = Counter()
        self.failed: list[tuple[int, list[str]]] = []

    def add(self, outcome: Outcome) -> None:
        self.seed_count += 1
        self.simulated_seconds += outcome.simulated_seconds
        self.counts += outcome.counts
        if outcome.findings:
            self.failed.append((outcome.seed, outcome.findings))
            print(f"seed {outcome.seed}: {outcome.findings[0]}", flush=True)
        if time.perf_counter() - self._printed_at > PROGRESS_SECONDS:
            self._printed_at = time.perf_counter()
            print(self._summary(), flush=True)

    def _summary(self) -> str:
        seconds = time.perf_counter() - self._began
        return (
            f"{self.seed_count} seeds in {seconds:.0f} s ({self.seed_count / seconds:.1f} a second), "
            f"{self.simulated_seconds / 3600:.1f} simulated hours, {self.counts['clips']} clips, "
            f"{len(self.failed)} failed"
        )

    def _total(self, prefix: str) -> int:
        return sum(count for name, count in self.counts.items() if name.startswith(prefix))

    def finish(self) -> int:
        """Print everything; returns the exit code."""
        print(f"\n{self._summary()}")
        print(f"{self._total('killed: ')} killed, {self._total('paused: ')} paused, {self._total('fault: ')} faults")
        for name, count in sorted(self.counts.items()):
            print(f"{count:10,}  {name}")
        for seed, findings in self.failed:
            print(f"\nseed {seed}:", *findings[:5], sep="\n  ")
        for seed, _findings in self.failed:
            print(f"replay: python -m tests.simulation --seed {seed} --verbose")
        return bool(self.failed)


def _run(seeds: Sequence[int], *, jobs: int) -> int:
    report = Report()
    if jobs == 1:
        for outcome in run_seeds(seeds):
            report.add(outcome)
    else:
        results: multiprocessing.SimpleQueue[Outcome | None] = multiprocessing.SimpleQueue()
        workers = [multiprocessing.Process(target=_work, args=(seeds[number::jobs], results)) for number in range(jobs)]
        for worker in workers:
            worker.start()
        left = len(workers)
        while left:
            result = results.get()
            if result is None:
                left -= 1
            else:
                report.add(result)
        for worker in workers:
            worker.join()
        if report.seed_count < len(seeds):
            print(f"{len(seeds) - report.seed_count} seeds did not run.")
            report.finish()
            return 1
    return report.finish()


def _work(seeds: Sequence[int], results: "multiprocessing.SimpleQueue[Outcome | None]") -> None:
    try:
        for outcome in run_seeds(seeds):
            outcome.log.clear()
            results.put(outcome)
    finally:
        results.put(None)
