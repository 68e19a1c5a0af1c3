"""Play credits: added by a click, capped per day, in the sandbox only."""

import threading
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.contrib.messages import get_messages
from django.db import connections
from django.test import Client
from pytest_django import Settings

from tchavi_studio.accounting.queries import play_allowance
from tchavi_studio.accounting.services import PlayCreditsSpentError, add_play_credits
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import User, Workspace
from tests.databases import Database

CREDITS = "/w/alices-studio/credits/"
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
"""Tomorrow: nothing is dated before the welcome credits, and nobody is signed out by then."""


def click(browser: Client) -> tuple[str, str]:
    """Press "Add play credits"; the toast's level and text."""
    response = browser.post(f"{CREDITS}play/")
    assert (response.status_code, response["Location"]) == (302, CREDITS)
    (message,) = get_messages(response.wsgi_request)
    return message.level_tag, str(message)


def test_click_adds_the_set_amount_up_to_the_daily_cap(
    alice_browser: Client, workspace: Workspace, settings: Settings
) -> None:
    settings.STUDIO_PLAY_CREDITS_PER_DAY = 25_000
    with patch("django.utils.timezone.now", return_value=NOON):
        assert click(alice_browser) == ("success", "10,000 play credits added. You can add 15,000 more today.")
        alice_browser.get(CREDITS)
        assert click(alice_browser) == ("success", "10,000 play credits added. You can add 5,000 more today.")
        alice_browser.get(CREDITS)
        assert click(alice_browser) == ("success", "5,000 play credits added. You can add 0 more today.")
        page = alice_browser.get(CREDITS).content.decode()
        assert "Today's 25,000 have all been added. You can add more in 12\xa0hours." in page
        assert '<button class="btn small" disabled>' in page
        assert click(alice_browser) == (
            "error",
            "No credits were added: this workspace has already had today's 25,000 play credits. You can add more at "
            "midnight (UTC), in 12\xa0hours.",
        )
    assert wallet_balance(workspace=workspace, book="sandbox") == 35_000


def test_cap_applies_to_each_day(workspace: Workspace, alice: User, settings: Settings) -> None:
    settings.STUDIO_PLAY_CREDITS_PER_DAY = 10_000
    for moment in (NOON, NOON + timedelta(days=1)):
        with patch("django.utils.timezone.now", return_value=moment):
            add_play_credits(workspace=workspace, actor=alice)
            with pytest.raises(PlayCreditsSpentError):
                add_play_credits(workspace=workspace, actor=alice)
    assert wallet_balance(workspace=workspace, book="sandbox") == 30_000


def test_day_ends_at_midnight(workspace: Workspace, alice: User) -> None:
    late = datetime(2036, 11, 23, 23, 59, 59, tzinfo=UTC)
    with patch("django.utils.timezone.now", return_value=late):
        add_play_credits(workspace=workspace, actor=alice)
        allowance = play_allowance(workspace=workspace)
        assert (allowance.left_credits, allowance.next_credits) == (40_000, 10_000)
        assert allowance.resets_at == datetime(2036, 11, 24, tzinfo=UTC)
    with patch("django.utils.timezone.now", return_value=late + timedelta(seconds=1)):
        assert play_allowance(workspace=workspace).left_credits == 50_000


def test_other_grants_do_not_count_towards_the_cap(workspace: Workspace) -> None:
    grant_credits(workspace=workspace, book="sandbox", amount_credits=50_000, reason="gift")
    assert play_allowance(workspace=workspace).left_credits == 50_000


def test_play_credits_can_be_switched_off(
    alice_browser: Client, workspace: Workspace, alice: User, settings: Settings
) -> None:
    settings.STUDIO_PLAY_CREDITS_PER_DAY = 0
    assert "credits/play/" not in alice_browser.get(CREDITS).content.decode()
    with pytest.raises(PlayCreditsSpentError):
        add_play_credits(workspace=workspace, actor=alice)


def test_no_play_credits_in_live_mode(
    alice_browser: Client, workspace: Workspace, alice: User, settings: Settings
) -> None:
    settings.STUDIO_BOOK = settings.STUDIO_MODE = "live"
    assert "credits/play/" not in alice_browser.get(CREDITS).content.decode()
    assert alice_browser.post(f"{CREDITS}play/").status_code == 404
    with pytest.raises(PlayCreditsSpentError):
        add_play_credits(workspace=workspace, actor=alice)
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000


@pytest.mark.own_database
def test_simultaneous_clicks_do_not_exceed_the_cap(own_database: Database, workspace: Workspace, alice: User) -> None:
    outcomes: list[str] = []

    def add() -> None:
        try:
            add_play_credits(workspace=workspace, actor=alice)
            outcomes.append("added")
        except PlayCreditsSpentError:
            outcomes.append("spent")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=add, daemon=True) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["added"] * 5 + ["spent"] * 5
    assert wallet_balance(workspace=workspace, book="sandbox") == 60_000
