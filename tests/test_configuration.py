"""docs/configuration.md lists exactly the variables that the settings read. Each refuses nonsense in one sentence."""

import os
import re
import runpy
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import ConnectionHandler
from environs import EnvError
from pytest_django import DjangoDbBlocker

from tchavi_studio import settings
from tchavi_studio.configuration import sentence_of

READ = set(re.findall(r'(?:env\.\w+\(|\benv,)\s*"([A-Z_]+)"', Path(settings.__file__).read_text()))

HUGE = "9" * 30
NONSENSE: dict[str, list[str]] = {
    "SECRET_KEY": [" "],
    # Judged where the studio listens.
    "HOST": [],
    "PORT": ["", "http", "0", "65536", "-1", HUGE],
    "STUDIO_PUBLIC_URL": ["studio.example.org", "ftp://a.b", "https://", "https://a b", "https://a/studio", "https://a:x"],
    "STUDIO_ALLOWED_HOSTS": ["https://a.b", "a.b:80", "a.b,,c.d", "a b"],
    "STUDIO_PROXY_COUNT": ["", "one", "-1", "11"],
    "STUDIO_HSTS": ["", "yes", "HOST"],
    "STUDIO_DATA": ["", "/", "/tmp"],
    "DATABASE_URL": [
        "", "nope", "mysql://a/b", "postgres://", "postgres://a:x/b", "sqlite://", "sqlite:///:memory:",
        "sqlite:///a.sqlite3?timeout=0", "sqlite:///a.sqlite3?timeout=soon", "sqlite:///a.sqlite3?pragma=1",
        "sqlite:///a.sqlite3?transaction_mode=DEFERRED",
    ],
    "STUDIO_WORKSPACE_QUOTA_BYTES": ["", "20 GiB", "1", "-1", HUGE],
    "STUDIO_BIN_DAYS": ["", "a month", "0", "-1", HUGE],
    "STUDIO_WORKSPACES_PER_PERSON": ["", "few", "0", HUGE],
    "STUDIO_WORKSPACE_CREATION": ["", "nobody"],
    "STUDIO_PROVIDER_API_KEY": ["sk tch", "clé"],
    "STUDIO_PROVIDER_URL": ["", "tchavi.com", "ftp://tchavi.com", "https://", "https://a b", "https://a/v1?x=1"],
    "STUDIO_PROVIDER_EXCLUSIVE": ["", "perhaps"],
    "STUDIO_SIGNUP": ["", "closed"],
    "STUDIO_SIGNUP_CREDITS": ["", "many", "-1", "1.5", HUGE],
    "STUDIO_LOW_BALANCE_CREDITS": ["", "-1", "none", HUGE],
    "STUDIO_PLAY_CREDITS": ["", "many", "0", HUGE],
    "STUDIO_PLAY_CREDITS_PER_DAY": ["", "many", "-1", HUGE],
    "STUDIO_PRICES": ["", "nope", "[]", "7", '{"sora": {"480p": 1}}', '{"kling-v3": {"480p": -1}}', '{"kling-v3": 1}'],
    "EMAIL_URL": ["nope", "pigeon://a", "smtp://a:x"],
    "DEFAULT_FROM_EMAIL": ["", "studio", "Studio <>", "a@b\nBcc: c@d"],
    "STUDIO_MIN_FREE_BYTES": ["", "2 GB", "-1", HUGE],
    "STUDIO_MAX_FREE_PER_WORKSPACE": ["", "all", "3", HUGE],
    "STUDIO_MAX_OPEN_PER_WORKSPACE": ["", "all", "0", HUGE],
    "STUDIO_UNKNOWN_DEADLINE_SECONDS": ["", "soon", "0", HUGE],
    "STUDIO_JOB_DEADLINE_SECONDS": ["", "soon", "0", HUGE],
    "STUDIO_ACCOUNT_WAIT_SECONDS": ["", "soon", "0", HUGE],
    "STUDIO_LEASE_SECONDS": ["", "soon", "0", HUGE],
    "STUDIO_PUMPS": ["", "two", "0", "17"],
    "STUDIO_API_RPM_PER_KEY": ["", "few", "0", HUGE],
    "STUDIO_API_RPM_PER_ADDRESS": ["", "few", "0", HUGE],
    "STUDIO_OUTBOUND_ALLOW": ["*", "*:80", "localhost", "10.0.0.0/8:80", "a:0", "a:70000", "http://a:80", "a:80,,b:80"],
    "STUDIO_LOG_LEVEL": ["", "LOUD"],
}  # fmt: skip
"""Values that each variable refuses."""


@pytest.fixture(autouse=True)
def only_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in READ:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))


def loaded() -> dict[str, Any]:
    """The settings, as the environment has them now."""
    return runpy.run_path(settings.__file__)


def test_documented_variables_are_those_read() -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "configuration.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, flags=re.MULTILINE))
    assert documented == READ == set(NONSENSE)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in NONSENSE for value in NONSENSE[name]])
def test_nonsense_is_refused_with_one_sentence_that_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    # What manage.py turns into an exit.
    with pytest.raises((ImproperlyConfigured, EnvError)) as refused:
        loaded()
    sentence = sentence_of(refused.value)
    assert re.fullmatch(rf'Environment variable "{name}" invalid: [A-Za-z][^\n\[]*\.', sentence), sentence


def test_options_of_the_database_url_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(
        "DATABASE_URL", f"sqlite:///{tmp_path}/a.sqlite3?timeout=5&init_command=PRAGMA%20cache_size%3D-64000"
    )
    options = loaded()["DATABASES"]["default"]["OPTIONS"]
    assert (options["timeout"], options["transaction_mode"]) == (5, "IMMEDIATE")
    assert options["init_command"].startswith("PRAGMA cache_size=-64000;PRAGMA journal_mode=WAL;")

    monkeypatch.setenv("DATABASE_URL", "postgres://a@b/c?sslmode=require&options=-c%20search_path%3Dstudio")
    assert loaded()["DATABASES"]["default"]["OPTIONS"] == {
        "sslmode": "require",
        "options": "-c search_path=studio -c idle_in_transaction_session_timeout=20s",
    }


def test_data_folder_and_database_become_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    found = [data / name for name in ("secret.key", "studio.sqlite3", "studio.sqlite3-wal", "studio.sqlite3-shm")]
    for path in found:
        path.write_text("x")
        path.chmod(0o666)
    loaded()
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (data, *found)} == {
        "data": "0o700",
        "secret.key": "0o600",
        "studio.sqlite3": "0o600",
        "studio.sqlite3-wal": "0o600",
        "studio.sqlite3-shm": "0o600",
    }


def test_new_database_is_private_from_its_first_moment(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        loaded()
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "data" / "studio.sqlite3").stat().st_mode) == 0o600


def test_empty_secret_key_file_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.key").write_text("\n")
    with pytest.raises(ImproperlyConfigured) as refused:
        loaded()
    assert sentence_of(refused.value) == (
        f"{tmp_path}/data/secret.key is empty. Restore it from a backup, or delete it to get a new key."
    )


def test_folder_that_cannot_be_made_private_ends_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(self))

    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(EnvError) as refused:
        loaded()
    assert sentence_of(refused.value) == (
        f'Environment variable "STUDIO_DATA" invalid: {tmp_path}/data can\'t be used (Operation not permitted).'
    )


@pytest.mark.parametrize(
    ("hsts", "subdomains", "preload"), [("host", False, False), ("subdomains", True, False), ("preload", True, True)]
)
def test_hsts_reaches_as_far_as_the_operator_says(
    hsts: str, subdomains: bool, preload: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_PUBLIC_URL", "https://studio.example.org/")
    assert loaded()["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is False, "by default, only the studio's own host"
    monkeypatch.setenv("STUDIO_HSTS", hsts)
    found = loaded()
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000
    assert (found["SECURE_HSTS_INCLUDE_SUBDOMAINS"], found["SECURE_HSTS_PRELOAD"]) == (subdomains, preload)


@pytest.mark.parametrize(("key", "synchronous"), [("sk-tch_live", 2), ("", 1)])
def test_in_live_mode_what_is_committed_is_on_the_disk(
    key: str, synchronous: int, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> None:
    monkeypatch.setenv("STUDIO_PROVIDER_API_KEY", key)
    connection = ConnectionHandler(loaded()["DATABASES"])["default"]
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # 1 is NORMAL, 2 is FULL.
        assert cursor.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    connection.close()
