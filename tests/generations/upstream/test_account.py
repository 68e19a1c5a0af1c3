"""The provider account: never more requests than it allows, whatever the clock and the provider do."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from tchavi_studio.engines.base import AccountRefusedError, Budget
from tchavi_studio.generations.models import AccountPause, UpstreamAccount
from tchavi_studio.generations.upstream import account

from .conftest import START, Clock

LIMITS = [10, 30, 120, 300, 500]
pytestmark = pytest.mark.django_db


def set_account(**fields: Any) -> None:
    account.upstream_account()
    UpstreamAccount.objects.update(**fields)


def the_account() -> UpstreamAccount:
    return UpstreamAccount.objects.get()


# --- The budget -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "burst", "per_second"),
    [(10, 2, 8 / 60), (30, 3, 27 / 60), (120, 12, 108 / 60), (300, 30, 4.5), (500, 50, 7.5), (None, 2, 8 / 60)],
)
def test_requests_after_a_burst_are_spread_over_the_minute(
    clock: Clock, limit: int | None, burst: int, per_second: float
) -> None:
    set_account(limit_per_minute=limit, tokens=1000)
    assert account.requests_per_second(the_account()) == per_second
    assert [account.take_requests(1000), account.take_requests(1)] == [burst, 0]
    clock.shift(60)
    assert account.take_requests(1000) == burst
    if limit:
        clock.shift(1 / per_second + 0.001)
        assert [account.take_requests(5), account.take_requests(5)] == [1, 0]


@pytest.mark.parametrize("wanted", [0, -1, -50])
def test_taking_no_requests_costs_nothing(clock: Clock, wanted: int) -> None:
    set_account(tokens=2)
    assert account.take_requests(wanted) == 0
    assert the_account().tokens == 2


@pytest.mark.parametrize("limit", LIMITS)
@given(data=st.data())
@hypothesis_settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_no_minute_exceeds_the_limit(limit: int, data: st.DataObject) -> None:
    """For any demand and any pauses, even if the clock is set back."""
    steps = data.draw(
        st.lists(
            st.tuples(
                st.one_of(st.sampled_from([0.0, 0.2, 1.0, 7.5, 59.9, 60.0, 60.1]), st.floats(0, 90)),
                st.sampled_from([0.0, 0.0, 0.0, 0.0, -0.5, -10.0, -60.0]),
                st.sampled_from([1, 2, 5, 20, 1000]),
            ),
            min_size=5,
            max_size=30,
        )
    )
    UpstreamAccount.objects.all().delete()
    elapsed_seconds = 0.0
    grants: list[tuple[float, int]] = []
    with time_machine.travel(START, tick=False) as clock:
        set_account(limit_per_minute=limit, tokens=data.draw(st.sampled_from([0.0, 2.0, 1000.0])))
        for passed, set_back, wanted in steps:
            elapsed_seconds += passed
            clock.shift(passed + set_back)
            granted = account.take_requests(wanted)
            assert 0 <= granted <= wanted
            grants.append((elapsed_seconds, granted))
    for begin, _granted in grants:
        assert sum(granted for at, granted in grants if begin <= at < begin + 60) <= limit


@pytest.mark.parametrize("limit", LIMITS)
def test_constant_demand_uses_the_whole_limit(clock: Clock, limit: int) -> None:
    set_account(limit_per_minute=limit, tokens=1000)
    taken = 0
    for elapsed_seconds in [*range(60), 59.9]:
        clock.move_to(START + timedelta(seconds=elapsed_seconds))
        taken += account.take_requests(20)
    assert taken in (limit - 1, limit)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_an_absurdly_small_limit_still_lets_requests_through(clock: Clock, limit: int) -> None:
    set_account(limit_per_minute=limit, tokens=2)
    assert [account.take_requests(10), account.take_requests(10)] == [2, 0]
    clock.shift(59)
    assert account.take_requests(10) == 0
    clock.shift(1.1)
    assert account.take_requests(10) == 1
    clock.shift(3600)
    assert account.take_requests(10) == 2


def test_setting_the_clock_back_changes_nothing(clock: Clock) -> None:
    set_account(limit_per_minute=120, tokens=5, counted_at=timezone.now())
    clock.shift(-300)
    assert account.take_requests(3) == 3
    assert account.take_requests(3) == 2
    assert account.take_requests(3) == 0


# --- What the provider says of it -------------------------------------------------------------------------------------


def test_a_new_limit_applies_without_a_burst(clock: Clock) -> None:
    set_account(tokens=2)
    account.take_requests(1)
    account.record_answer(Budget(limit_per_minute=300, remaining=299), is_question=True)
    row = the_account()
    assert (row.limit_per_minute, row.tokens) == (300, 1.0)
    clock.shift(2)
    assert account.take_requests(1000) == 10
    account.record_answer(Budget(limit_per_minute=10), is_question=True)
    clock.shift(600)
    assert account.take_requests(1000) == 2


def test_alternating_limits_do_not_fill_the_bucket(clock: Clock) -> None:
    """Endpoints may have different limits; a changed limit must not refill the bucket."""
    set_account(limit_per_minute=300, tokens=30)
    taken = 0
    for answer in range(60):
        taken += account.take_requests(1000)
        account.record_answer(Budget(limit_per_minute=500 if answer % 2 else 300), is_question=True)
        clock.shift(0.01)
    assert taken <= 30 + 0.6 * 7.5


def test_the_providers_remaining_count_only_lowers_ours(clock: Clock) -> None:
    set_account(limit_per_minute=120, tokens=10, counted_at=timezone.now())
    account.record_answer(Budget(limit_per_minute=120, remaining=100), is_question=True)
    assert the_account().tokens == 10
    account.record_answer(Budget(limit_per_minute=120, remaining=4), is_question=True)
    assert account.take_requests(1000) == 4
    account.record_answer(Budget(remaining=0), Budget(remaining=3), is_question=False)
    clock.shift(1.2)
    assert account.take_requests(1000) == 2


def test_missing_headers_change_nothing(clock: Clock) -> None:
    set_account(limit_per_minute=30, tokens=1.5, counted_at=timezone.now())
    before = vars(the_account())
    account.record_answer(Budget(), is_question=True)
    after = vars(the_account())
    assert {name: after[name] for name in before if name != "_state"} == {
        name: before[name] for name in before if name != "_state"
    }


@pytest.mark.parametrize(("retry_after", "seconds"), [(17.0, 17), (None, 5), (0.0, 0), (86_400.0, 600)])
def test_a_429_blocks_all_requests_for_its_retry_after(clock: Clock, retry_after: float | None, seconds: int) -> None:
    set_account(limit_per_minute=300, tokens=30)
    account.record_too_many_requests(retry_after, Budget(limit_per_minute=120))
    row = the_account()
    assert (row.blocked_until, row.limit_per_minute) == (START + timedelta(seconds=seconds), 120)
    assert (row.failure_count, row.is_healthy) == (0, True)
    if seconds:
        clock.shift(seconds - 0.1)
        assert account.may_ask(the_account(), now=timezone.now()) is False
        assert account.take_requests(1000) == 0
        clock.shift(0.1)
    assert account.may_ask(the_account(), now=timezone.now()) is True
    assert account.take_requests(1000) == 1, "then there is one to begin with, not a burst"


def test_a_shorter_retry_after_does_not_end_a_longer_one(clock: Clock) -> None:
    account.record_too_many_requests(60, Budget())
    account.record_too_many_requests(5, Budget())
    assert the_account().blocked_until == START + timedelta(seconds=60)


def test_a_useful_answer_does_not_end_a_block(clock: Clock) -> None:
    account.record_too_many_requests(60, Budget())
    account.record_answer(Budget(limit_per_minute=300, remaining=300), is_question=True)
    clock.shift(59)
    assert account.take_requests(1) == 0


# --- Failures ---------------------------------------------------------------------------------------------------------


def test_the_circuit_opens_after_five_failures_for_longer_each_time(clock: Clock) -> None:
    set_account(limit_per_minute=300, tokens=30)
    waits = []
    for count in range(1, 11):
        account.record_failure()
        row = the_account()
        assert (row.failure_count, row.is_healthy) == (count, False)
        waits.append(row.blocked_until and (row.blocked_until - timezone.now()).total_seconds())
    assert waits == [None, None, None, None, 5, 10, 20, 40, 60, 60]
    for _failure in range(300):
        account.record_failure()
    assert the_account().blocked_until == START + timedelta(seconds=60)


def test_a_half_open_circuit_lets_one_request_through(clock: Clock) -> None:
    set_account(limit_per_minute=300, tokens=30)
    for _failure in range(5):
        account.record_failure()
    assert account.take_requests(10) == 0
    clock.shift(5)
    assert [account.take_requests(10), account.take_requests(10)] == [1, 0]
    clock.shift(5)
    assert account.take_requests(10) == 1, "its answer may have been lost"
    account.record_answer(Budget(), is_question=True)
    row = the_account()
    assert (row.failure_count, row.is_healthy) == (0, True)
    clock.shift(5)
    assert account.take_requests(10) == 10


def test_a_failure_while_half_open_reopens_it_for_longer(clock: Clock) -> None:
    set_account(limit_per_minute=300, tokens=30)
    for _failure in range(5):
        account.record_failure()
    clock.shift(5)
    assert account.take_requests(1) == 1
    account.record_failure()
    assert the_account().blocked_until == timezone.now() + timedelta(seconds=10)


def test_only_a_free_request_makes_it_healthy_again(clock: Clock) -> None:
    """A submission could test the connection too, but a failed one would be lost."""
    account.record_failure()
    account.record_answer(Budget(), is_question=False)
    row = the_account()
    assert (row.failure_count, row.is_healthy) == (0, False)
    account.record_answer(Budget(), is_question=True)
    assert the_account().is_healthy is True


# --- One row ----------------------------------------------------------------------------------------------------------


def test_changing_the_base_url_resets_the_account(clock: Clock, settings: Settings) -> None:
    set_account(limit_per_minute=300, tokens=30, takes_files=True, blocked_until=START + timedelta(seconds=60))
    account.record_failure()
    settings.STUDIO_PROVIDER_URL = "https://elsewhere.example.org/v1"
    row = account.upstream_account()
    assert (row.base_url, row.limit_per_minute, row.tokens) == ("https://elsewhere.example.org/v1", None, 2)
    assert (row.blocked_until, row.failure_count, row.is_healthy, row.takes_files) == (None, 0, True, None)
    assert UpstreamAccount.objects.count() == 1
    account.note_takes_files(True)
    assert account.upstream_account().takes_files is True


def test_there_is_only_one_account_row(clock: Clock) -> None:
    account.upstream_account()
    with pytest.raises(IntegrityError), transaction.atomic():
        UpstreamAccount.objects.create(pk=2, base_url="https://elsewhere.example.org/v1")


def test_everything_works_without_a_row(clock: Clock) -> None:
    for write in (
        lambda: account.record_answer(Budget(limit_per_minute=30), is_question=True),
        account.record_failure,
        lambda: account.record_too_many_requests(1, Budget()),
        lambda: account.take_requests(1),
    ):
        UpstreamAccount.objects.all().delete()
        write()
        assert the_account().base_url


# --- Pauses -----------------------------------------------------------------------------------------------------------


def refused(code: str) -> AccountRefusedError:
    return AccountRefusedError(f"No: {code}", code=code)


def paused() -> set[str]:
    return account.paused_models(now=timezone.now())


@pytest.mark.parametrize("code", ["invalid_api_key", "insufficient_credits", "http_404", "something_new"])
def test_a_refused_account_pauses_everything(clock: Clock, code: str) -> None:
    account.pause_submissions(refused(code), model="kling-v3")
    assert paused() == {""}
    assert [(pause.model, pause.code, pause.message) for pause in account.account_pauses()] == [
        ("", code, f"No: {code}")
    ]


def test_a_refused_model_pauses_that_model(clock: Clock) -> None:
    account.pause_submissions(refused("model_not_allowed"), model="kling-v3")
    assert paused() == {"kling-v3"}


def test_a_pause_is_retried_after_a_minute_and_extended_if_refused(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    account.pause_submissions(refused("insufficient_credits"), model="kling-v3")
    clock.shift(59.9)
    assert paused() == {""}
    clock.shift(0.1)
    assert paused() == set()
    account.pause_submissions(refused("invalid_api_key"), model="seedance-2")
    assert paused() == {""}
    pause = AccountPause.objects.get()
    assert (pause.since, pause.try_again_at, pause.code) == (START, START + timedelta(seconds=120), "invalid_api_key")
    assert [record.levelname for record in caplog.records] == ["ERROR"], "once for each pause, not for each refusal"


def test_an_accepted_request_ends_its_models_pauses(clock: Clock) -> None:
    account.pause_submissions(refused("insufficient_credits"), model="kling-v3")
    for model in ("kling-v3", "seedance-2"):
        account.pause_submissions(refused("model_not_allowed"), model=model)
    account.end_pauses(model="seedance-2")
    assert paused() == {"kling-v3"}


def test_an_admin_can_retry_immediately(clock: Clock) -> None:
    account.pause_submissions(refused("insufficient_credits"), model="kling-v3")
    account.try_again_now()
    assert paused() == set()
    assert len(account.account_pauses()) == 1, "the banner stays until a request has passed"


def test_codes_of_any_length_are_kept(clock: Clock) -> None:
    account.pause_submissions(refused("x" * 500), model="kling-v3")
    assert AccountPause.objects.get().code == "x" * 60
