"""What a start prints, and what it refuses."""

import pytest
from pytest_django import Settings

from tchavi_studio.api.services import create_key
from tchavi_studio.generations.upstream.account import upstream_account
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.operations.start import OURS_BY_CLIENTS, StartRefusedError, check_start, start_lines
from tchavi_studio.workspaces.models import User, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for client, ours in OURS_BY_CLIENTS.items():
        monkeypatch.delenv(client, raising=False)
        monkeypatch.delenv(ours, raising=False)


@pytest.fixture
def live(settings: Settings) -> Settings:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_SIGNUP = "invite"
    settings.STUDIO_PROVIDER_API_KEY = "sk-tch_" + "0" * 55
    settings.STUDIO_PROVIDER_URL = "https://provider.example.org/v1"
    return settings


def refusal() -> str:
    with pytest.raises(StartRefusedError) as refused:
        check_start()
    return str(refused.value)


# --- The client's variables -------------------------------------------------------------------------------------------


def test_clients_variables_do_not_make_a_studio_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCHAVI_API_KEY", "sk-tch_1")
    monkeypatch.setenv("TCHAVI_BASE_URL", "http://127.0.0.1:8000/v1")
    check_start()
    mode, notice = start_lines()
    assert mode.startswith("Mode: sandbox. Provider: none. Database: ")
    assert notice == (
        "TCHAVI_API_KEY is for the client and changes nothing here; the server reads STUDIO_PROVIDER_API_KEY."
    )


@pytest.mark.parametrize("trace", ["account", "credits"])
def test_a_studio_that_was_live_does_not_become_a_sandbox(
    trace: str, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    if trace == "account":
        upstream_account()
    else:
        grant_credits(workspace=workspace, book="live", amount_credits=1, reason="")
    check_start()
    monkeypatch.setenv("TCHAVI_API_KEY", "sk-tch_1")
    monkeypatch.setenv("TCHAVI_BASE_URL", "https://provider.example.org/v1")
    assert refusal() == (
        "This studio has been live, but the server's variables have new names: set STUDIO_PROVIDER_API_KEY instead of "
        "TCHAVI_API_KEY, set STUDIO_PROVIDER_URL instead of TCHAVI_BASE_URL."
    )


def test_both_names_are_fine(live: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for client, ours in OURS_BY_CLIENTS.items():
        monkeypatch.setenv(client, "1")
        monkeypatch.setenv(ours, "1")
    check_start()
    [mode] = start_lines()
    assert mode.startswith("Mode: live. Provider: https://provider.example.org/v1. Database: ")


def test_a_live_studio_says_which_variable_it_ignores(live: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCHAVI_BASE_URL", "https://provider.example.org/v1")
    _mode, notice = start_lines()
    assert notice == "TCHAVI_BASE_URL is for the client and changes nothing here; the server reads STUDIO_PROVIDER_URL."


def test_the_databases_password_is_not_printed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connection

    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "s3cret")
    assert "s3cret" not in "".join(start_lines())


# --- Its own provider -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "changes"),
    [
        ("http://127.0.0.1:8000/v1", {}),
        ("http://localhost:8000/api/v1", {}),
        ("http://[::1]:8000/v1", {}),
        ("http://127.0.0.7/v1", {"PORT": 80}),
        ("http://10.0.0.5:8000/v1", {"HOST": "10.0.0.5"}),
        ("https://studio.example.org/v1", {"STUDIO_PUBLIC_URL": "https://studio.example.org"}),
        ("https://STUDIO.example.org:443/v1", {"STUDIO_PUBLIC_URL": "https://studio.example.org"}),
    ],
)
def test_own_address_is_refused_as_the_provider(url: str, changes: dict[str, object], live: Settings) -> None:
    live.STUDIO_PROVIDER_URL = url
    for name, value in {"PORT": 8000, **changes}.items():
        setattr(live, name, value)
    assert refusal() == f"STUDIO_PROVIDER_URL is {url}, which is this studio itself: it can't be its own provider."


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001/v1", "https://other.example.org/v1"])
def test_another_studio_may_be_the_provider(url: str, live: Settings) -> None:
    live.PORT, live.STUDIO_PROVIDER_URL, live.STUDIO_PUBLIC_URL = 8000, url, "https://studio.example.org"
    check_start()


def test_own_key_is_refused_as_the_providers(live: Settings, workspace: Workspace, alice: User) -> None:
    live.STUDIO_PROVIDER_API_KEY = create_key(workspace=workspace, user=alice, name="mine").key
    assert refusal() == "STUDIO_PROVIDER_API_KEY is a key of this studio itself: it can't be its own provider."


# --- Prices -----------------------------------------------------------------------------------------------------------


def test_start_names_prices_that_were_set_in_vain(db: None, settings: Settings) -> None:
    settings.STUDIO_PRICES = {"kling-v3": {"480p": 260}}
    assert len(list(start_lines())) == 1
    settings.STUDIO_PRICES = {"kling-v3": {"720p": 600}}
    assert list(start_lines())[1:] == [
        "Warning: STUDIO_PRICES differs from the prices in force (kling-v3.720p) and changes nothing. Prices are "
        "changed under Site, Prices; remove STUDIO_PRICES."
    ]


# --- Strangers --------------------------------------------------------------------------------------------------------


def test_start_says_that_strangers_get_real_credits(live: Settings) -> None:
    live.STUDIO_SIGNUP, live.STUDIO_SIGNUP_CREDITS = "open", 500
    assert list(start_lines())[1:] == [
        "Warning: anybody can sign up and gets 500 real credits, because of STUDIO_SIGNUP and STUDIO_SIGNUP_CREDITS."
    ]
    live.STUDIO_SIGNUP_CREDITS = 0
    assert len(list(start_lines())) == 1
    live.STUDIO_SIGNUP, live.STUDIO_SIGNUP_CREDITS = "invite", 500
    assert len(list(start_lines())) == 1
