"""Throttles and used codes: shared by all processes, and not to be flushed or piled up by strangers."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from subprocess import PIPE

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from tchavi_studio.workspaces import guards
from tchavi_studio.workspaces.models import Guard, User
from tchavi_studio.workspaces.services import delete_ended_guards
from tests.databases import Database
from tests.plans import listed_by_index

CODE_SECONDS = 30


def attempts_key(address: str) -> str:
    """The key under which allauth counts an address's failed attempts to sign in."""
    return f"allauth:rl:allauth.account:login_failed:10/60/ip:ip:{address}"


def test_of_several_additions_one_wins_until_its_end(db: None) -> None:
    assert cache.add("lock", True, 10) is True
    assert cache.add("lock", True, 10) is False
    Guard.objects.update(expires_at=timezone.now())
    assert cache.get("lock") is None
    assert cache.add("lock", False, 10) is True
    assert cache.get("lock") is False
    assert (cache.delete("lock"), cache.delete("lock")) == (True, False)
    assert cache.get("lock", "none") == "none"


def test_a_value_replaces_another(db: None) -> None:
    cache.set("attempts", [3.5], 60)
    cache.set("attempts", [4.25, 3.5], 60)
    assert cache.get("attempts") == [4.25, 3.5]


def test_guards_have_an_end_and_count_nothing(db: None) -> None:
    with pytest.raises(ValueError, match="needs an end"):
        cache.set("for ever", 1, None)
    with pytest.raises(NotImplementedError):
        cache.incr("count")


def test_an_address_and_its_lock_have_rows_of_their_own(db: None) -> None:
    keys = [
        guards.row_key(attempts_key(address) + lock) for address in ("192.0.2.1", "192.0.2.2") for lock in ("", ":lock")
    ]
    assert len(set(keys)) == 4
    assert all(key.startswith("allauth:rl:allauth.account:login_failed:10/60/ip:") for key in keys)
    assert not any("192.0.2" in key for key in keys)


@pytest.mark.parametrize("crowd", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_strangers_neither_flush_nor_pile_up_guards(db: None, monkeypatch: pytest.MonkeyPatch, crowd: int) -> None:
    monkeypatch.setattr(guards, "BUCKETS", 256)
    cache.add("allauth.mfa.totp.used?user=1&code=123456", "y", 30)
    cache.set(attempts_key("192.0.2.1"), [1.0] * 10, 60)
    for number in range(crowd):
        cache.add(attempts_key(f"2001:db8:{number:x}::"), [], 60)
    assert not cache.add("allauth.mfa.totp.used?user=1&code=123456", "y", 30)
    assert len(cache.get(attempts_key("192.0.2.1"))) == 10
    # Of 1,000 in 256 buckets, a few stay empty.
    assert 240 < Guard.objects.count() <= 256 + 1


def test_ended_guards_are_deleted_by_their_index(db: None) -> None:
    now = timezone.now()
    for number in range(3):
        Guard.objects.create(key=f"old {number}", value=1, expires_at=now - timedelta(minutes=number + 1))
    Guard.objects.create(key="new", value=1, expires_at=now + timedelta(minutes=1))
    with listed_by_index(Guard):
        assert delete_ended_guards(max_count=2) == 2
    assert sorted(Guard.objects.values_list("pk", flat=True)) == ["new", "old 0"]


def test_wrong_passwords_are_counted_in_the_database(client: Client, alice: User) -> None:
    answers = [
        client.post("/accounts/login/", {"login": alice.email, "password": "no"}).content.decode()
        for _attempt in range(6)
    ]
    assert ["Too many failed login attempts" in answer for answer in answers] == [False] * 5 + [True]
    assert Guard.objects.filter(key__contains=":login_failed:5/300").count() == 1


@contextmanager
def two_guessers(database: Database, user: User) -> Iterator[Callable[[list[str]], Counter[str]]]:
    """Two processes that try half of the given codes each, at the same time. Counts the answers."""
    environment = {**database.environment, "TEST_DATABASE_URL": database.url, "SECRET_KEY": settings.SECRET_KEY}
    command = [sys.executable, "-m", "tests.workspaces.guesser", str(user.pk)]
    start = partial(subprocess.Popen[str], command, env=environment, stdin=PIPE, stdout=PIPE, text=True)
    with ExitStack() as stack:
        guessers = [stack.enter_context(start()) for _process in range(2)]
        streams = [(guesser.stdin, guesser.stdout) for guesser in guessers]
        assert [answers.readline() for _codes, answers in streams if answers] == ["ready\n"] * 2

        def guess(codes: list[str]) -> Counter[str]:
            for number, (wanted, _answers) in enumerate(streams):
                assert wanted is not None
                wanted.write(" ".join(codes[number::2]) + "\n")
                wanted.flush()
            return Counter(
                answer for _codes, answers in streams if answers for answer in json.loads(answers.readline())
            )

        yield guess


@pytest.mark.own_database
@pytest.mark.processes
def test_guesses_from_two_processes_count_together(own_database: Database, alice: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    with two_guessers(own_database, alice) as guess:
        left_seconds = CODE_SECONDS - time.time() % CODE_SECONDS
        if left_seconds < 3:
            # Otherwise the code might change between the two.
            time.sleep(left_seconds)
        code = format_hotp_value(hotp_value(secret, int(time.time()) // CODE_SECONDS))
        assert guess([code] * 2) == {"": 1, "Incorrect code.": 1}
        Guard.objects.filter(key__startswith="allauth:rl:").delete()
        answers = guess([f"{number:06}" for number in range(50)])
    assert answers == {"Incorrect code.": 5, "Too many failed login attempts. Try again later.": 45}
