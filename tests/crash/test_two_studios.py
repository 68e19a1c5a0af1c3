"""Two complete studios on one SQLite file: every cluster twice, and never a "database is locked"."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_django import Settings

from tchavi_studio.generations.models import OPEN_STATES, Generation, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.ledger.models import Kind, Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.workspaces.models import User, Workspace
from tchavi_studio.workspaces.services import welcome_person
from tests.databases import Database
from tests.running_studio import RunningStudio, wait_for
from tests.upstream.running import RunningUpstream

pytestmark = [
    pytest.mark.own_database,
    pytest.mark.processes,
    pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="PostgreSQL locks rows, not the database"),
]

CLIPS_PER_PERSON = 15
MAX_SECONDS = 120.0


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[RunningUpstream]:
    """A provider that fails most jobs, because verifying a video takes a second."""
    with RunningUpstream(
        tmp_path / "upstream", seed=5, job_seconds=(0.2, 1.0), failure_rate=0.8, requests_per_minute=6_000
    ) as upstream:
        yield upstream


def test_two_studios_share_one_sqlite_file(
    own_database: Database, prepared_data: Path, upstream: RunningUpstream, tmp_path: Path, settings: Settings
) -> None:
    shutil.copytree(prepared_data, tmp_path / "data")
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    people = [_person(name) for name in ("Alice", "Bob", "Carol", "Dora")]
    live = {
        "STUDIO_PROVIDER_API_KEY": upstream.api_key,
        "STUDIO_PROVIDER_URL": upstream.base_url,
        "STUDIO_PUMPS": "2",
        "STUDIO_DATA": str(tmp_path / "data"),
    }
    with ExitStack() as stack:
        studios = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            studio = RunningStudio(tmp_path / name, own_database, **live)
            stack.callback(studio.clean_up)
            studio.start()
            studios.append(studio)
        for number in range(CLIPS_PER_PERSON):
            for user, workspace in people:
                params = validate({"model": "kling-v3", "prompt": f"{user.name} {number}", "duration": 1}).params
                assert params is not None
                start_generation(Order(workspace=workspace, creator=user, params=params, submission_id=uuid4()))
        wait_for(
            lambda: not Generation.objects.filter(state__in=OPEN_STATES).exists(),
            seconds=MAX_SECONDS,
            what=f"all clips to finish\n{studios[0].log}\n{studios[1].log}",
        )
        for studio in studios:
            assert studio.stop() == 0
            assert "locked" not in studio.log
            assert "Traceback" not in studio.log

    jobs = upstream.control.jobs()
    assert Counter(job.prompt for job in jobs) == dict.fromkeys(Generation.objects.values_list("prompt", flat=True), 1)
    assert upstream.control.audit().accepted_post_count == len(jobs) == 4 * CLIPS_PER_PERSON
    completed = {job.prompt for job in jobs if job.status == "completed"}
    assert {clip.prompt for clip in Generation.objects.filter(state=State.COMPLETED)} == completed
    assert Generation.objects.filter(state=State.FAILED, needs_review=False).count() == len(jobs) - len(completed)
    kinds = Counter(Transfer.objects.exclude(kind=Kind.GRANT).values_list("kind", flat=True))
    assert kinds == {Kind.CHARGE: len(jobs), Kind.REFUND: len(jobs) - len(completed)}
    assert list(verify_ledger()) == []


def _person(name: str) -> tuple[User, Workspace]:
    user = User.objects.create_user(f"{name.lower()}@example.org", None, name=name)
    workspace = welcome_person(user=user)
    grant_credits(workspace=workspace, book="live", amount_credits=50_000, reason="opening balance")
    return user, workspace
