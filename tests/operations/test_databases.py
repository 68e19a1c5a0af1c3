"""The databases that tests run on."""

import subprocess
import sys
import threading

import pytest
from django.db import connection, connections, transaction

from tchavi_studio.workspaces.models import User
from tests.databases import Database

pytestmark = pytest.mark.own_database
ROUNDS = [1, 2]


@pytest.mark.parametrize("round_number", ROUNDS)
def test_own_database_starts_empty(own_database: Database, round_number: int) -> None:
    assert User.objects.count() == 0
    User.objects.create_user("alice@example.org")


def test_marked_tests_have_fixtures_in_their_own_database(alice: User, own_database: Database) -> None:
    assert connection.settings_dict["NAME"] == own_database.name
    assert not connection.in_atomic_block
    assert User.objects.get() == alice


def test_threads_see_committed_rows(own_database: Database, alice: User) -> None:
    seen: list[str] = []

    def look() -> None:
        try:
            with transaction.atomic():
                seen.extend(User.objects.values_list("email", flat=True))
        finally:
            connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == ["alice@example.org"]


def test_subprocesses_connect_by_url(own_database: Database, alice: User) -> None:
    code = "from tchavi_studio.workspaces.models import User; print(User.objects.get().email)"
    answer = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        env=own_database.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "alice@example.org\n"
