"""`manage.py provision` sets up a person, a workspace and credits, and can be run again."""

import io
import json
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from tchavi_studio.api.services import create_key
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.services import charge_credits
from tchavi_studio.workspaces.models import User, Workspace

PASSWORD = "  dawn over the lagoon "
CLIP = UUID("11111111-1111-4111-8111-111111111111")


@pytest.fixture
def provision(db: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command with a password on stdin; returns the printed JSON."""

    def run(email: str = "Awa@Example.org", password: str = PASSWORD, credits: str = "50000", *more: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        call_command("provision", "--email", email, "--password-stdin", "--credits", credits, *more)
        return json.loads(capsys.readouterr().out)

    return run


def grants() -> list[tuple[str, int]]:
    return list(Transfer.objects.order_by("pk").values_list("reason", "amount_credits"))


def test_first_run_creates_everything(provision: Any) -> None:
    assert provision() == {"email": "awa@example.org", "workspace": "awas-studio", "balance": 50_000}
    user = User.objects.get()
    assert user.check_password(PASSWORD)
    assert (user.is_staff, user.is_founder) == (True, True)
    assert grants() == [("sign-up", 10_000), ("provision", 40_000)]


def test_the_person_can_sign_in_where_others_confirm_their_address(
    provision: Any, client: Client, settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    provision()
    answer = client.post("/accounts/login/", {"login": "awa@example.org", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_second_run_changes_nothing(provision: Any) -> None:
    first = provision()
    kept = User.objects.values().get()
    assert provision() == first
    assert User.objects.values().get() == kept
    assert Workspace.objects.count() == 1
    assert len(grants()) == 2


def test_later_run_sets_password_and_tops_up(provision: Any) -> None:
    provision()
    workspace = Workspace.objects.get()
    charge_credits(workspace=workspace, book="sandbox", amount_credits=1300, reference=CLIP)
    assert provision(password="another golden hour")["balance"] == 50_000
    assert User.objects.get().check_password("another golden hour")
    assert Transfer.objects.latest("pk").amount_credits == 1300


def test_credits_are_never_taken_away(provision: Any) -> None:
    assert provision(credits="0")["balance"] == 10_000
    assert grants() == [("sign-up", 10_000)]


def test_only_first_person_is_site_admin(provision: Any) -> None:
    provision()
    provision(email="bob@example.org")
    assert User.objects.get(email="bob@example.org").is_staff is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"email": "awa"}, r"^'awa' isn't a valid email address\.$"),
        ({"password": "short"}, r"^The password was refused\. This password is too short\."),
        ({"password": ""}, r"^The password was refused\. This password is too short\."),
        ({"credits": "-1"}, "credits must be a whole number"),
        ({"credits": "1e3"}, "credits must be a whole number"),
        ({"credits": str(10**12 + 1)}, "credits must be a whole number"),
    ],
    ids=str,
)
def test_bad_input_changes_nothing(provision: Any, changes: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        provision(**changes)
    assert User.objects.count() == 0
    assert Transfer.objects.count() == 0


def test_new_keys_replace_earlier_ones(provision: Any) -> None:
    def answers(printed: dict[str, str]) -> list[int]:
        keys = (printed["api_key"], printed["test_api_key"])
        return [Client().get("/v1/jobs", headers={"Authorization": f"Bearer {key}"}).status_code for key in keys]

    first = provision("awa@example.org", PASSWORD, "50000", "--api-key")
    assert first["api_key"].startswith("sk-tch_")
    assert first["test_api_key"].startswith("sk-tch_test_")
    assert answers(first) == [200, 200]
    second = provision("awa@example.org", PASSWORD, "50000", "--api-key")
    assert (answers(first), answers(second)) == ([401, 401], [200, 200])
    provision()
    assert answers(second) == [200, 200]


def test_own_keys_are_kept(provision: Any) -> None:
    provision()
    own = create_key(workspace=Workspace.objects.get(), user=User.objects.get(), name="Nightly").row
    provision("awa@example.org", PASSWORD, "50000", "--api-key")
    own.refresh_from_db()
    assert own.revoked_at is None
