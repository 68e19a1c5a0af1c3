"""A few worlds, as many as the test suite has time for; `python -m tests.simulation` runs thousands."""

import gc
from collections.abc import Iterator
from uuid import UUID

import pytest
from pytest_django import DjangoDbBlocker

from tests.databases import Template

from .database import MemoryDatabase, Move, memory_database
from .judgement import of_move
from .scenario import draw_scenario
from .world import simulate

pytestmark = [pytest.mark.processes, pytest.mark.one_database]

SEEDS = range(1, 13)


@pytest.fixture(scope="module")
def database(database_template: Template, django_db_blocker: DjangoDbBlocker) -> Iterator[MemoryDatabase]:
    with django_db_blocker.unblock(), database_template.copy() as copy, memory_database(copy) as database:
        gc.freeze()
        yield database
        gc.unfreeze()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_clip_ends_and_both_books_agree(seed: int, database: MemoryDatabase) -> None:
    outcome = simulate(draw_scenario(seed), database)

    assert outcome.findings == [], f"replay: python -m tests.simulation --seed {seed} --verbose"


def test_same_seed_gives_the_same_world(database: MemoryDatabase) -> None:
    first, second, other = (simulate(draw_scenario(seed), database) for seed in (6, 6, 7))

    assert len(first.log) > 20
    assert first.log == second.log
    assert first.log_sha256 == second.log_sha256 != other.log_sha256


@pytest.mark.parametrize(
    ("old_state", "state", "old_holder", "holder", "version", "finding"),
    [
        ("queued", "submitting", None, "b", 8, []),
        ("queued", "submitting", "a", "b", 8, []),
        ("saving", "saving", "a", "a", 7, []),
        ("failed", "completed", None, None, 8, ["failed became completed"]),
        ("queued", "processing", None, None, 8, ["queued became processing"]),
        ("saving", "saving", "a", "b", 8, ["taken 2.5 s too early"]),
        ("saving", "saving", None, "b", 8, ["taken 2.5 s too early"]),
        ("saving", "completed", "a", "a", 8, ["a worker holds it although it is completed"]),
        ("queued", "submitting", None, None, 8, ["submitting without a worker"]),
        ("queued", "cancelled", None, None, 7, ["version went from 7 to 7"]),
    ],
)
def test_illegal_writes_are_found(
    old_state: str, state: str, old_holder: str | None, holder: str | None, version: int, finding: list[str]
) -> None:
    move = Move(UUID(int=1), old_state, state, 7, version, old_holder, holder, old_leased_until=1002.5)

    assert list(of_move(move, now=1000)) == finding


def test_free_row_may_be_taken() -> None:
    move = Move(UUID(int=1), "saving", "saving", 7, 8, "a", "b", old_leased_until=1000)

    assert list(of_move(move, now=1000)) == []
