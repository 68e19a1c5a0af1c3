"""What the provider account allows right now: how many requests, and whether submissions are paused.

All pumps of the installation share one database row, and so one budget. The limits come from each answer's
`X-RateLimit-*` and `Retry-After` headers.
"""

import logging
import random
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tchavi_studio.engines.base import AccountRefusedError, Budget
from tchavi_studio.generations.failures import MODEL_REFUSED

from .models import AccountPause, UpstreamAccount

logger = logging.getLogger(__name__)

UNKNOWN_LIMIT_PER_MINUTE = 10
"""Assumed until the provider names its limit: the smallest it gives."""

BURST_SHARE = 0.1
MIN_BURST = 2
"""How many of a minute's requests may be made in one burst. The rest are spread over the minute, so that no window of
60 s exceeds the limit, however the provider counts."""

BREAK_AFTER_FAILURES = 5
FIRST_BREAK_SECONDS = 5.0
MAX_BREAK_SECONDS = 60.0
DEFAULT_RETRY_AFTER_SECONDS = 5.0
"""How long to wait after a 429 without Retry-After."""

MAX_RETRY_AFTER_SECONDS = 600.0
PAUSE_RETRY_SECONDS = 60.0


def upstream_account() -> UpstreamAccount:
    """The installation's single row, reset when the operator changes STUDIO_PROVIDER_URL."""
    account, _is_new = UpstreamAccount.objects.get_or_create(pk=1, defaults={"base_url": settings.STUDIO_PROVIDER_URL})
    if account.base_url != settings.STUDIO_PROVIDER_URL:
        account = UpstreamAccount(pk=1, base_url=settings.STUDIO_PROVIDER_URL)
        account.save()
        AccountPause.objects.all().delete()
    return account


def _locked_account() -> UpstreamAccount:
    upstream_account()
    return UpstreamAccount.objects.select_for_update().get(pk=1)


def requests_per_second(account: UpstreamAccount) -> float:
    """How fast the bucket of requests refills."""
    limit = _limit(account)
    return (limit - _capacity(account)) / 60


def _limit(account: UpstreamAccount) -> int:
    # Any less, and a burst would leave nothing for the rest of the minute.
    return max(account.limit_per_minute or UNKNOWN_LIMIT_PER_MINUTE, MIN_BURST + 1)


def _capacity(account: UpstreamAccount) -> int:
    return max(MIN_BURST, int(_limit(account) * BURST_SHARE))


@transaction.atomic
def take_requests(wanted: int) -> int:
    """Take up to `wanted` requests from the installation's budget; returns how many may be made now."""
    if wanted <= 0:
        return 0
    account = _locked_account()
    now = timezone.now()
    if account.blocked_until is not None and now < account.blocked_until:
        return 0
    is_half_open = account.failure_count >= BREAK_AFTER_FAILURES
    tokens = _tokens(account, now)
    granted = min(1 if is_half_open else wanted, int(tokens))
    if granted:
        changes: dict[str, object] = {"tokens": tokens - granted, "counted_at": now}
        if is_half_open:
            # One request tests the provider for everyone.
            changes["blocked_until"] = now + timedelta(seconds=FIRST_BREAK_SECONDS)
        UpstreamAccount.objects.filter(pk=1).update(**changes)
    return granted


def may_ask(account: UpstreamAccount, *, now: datetime) -> bool:
    """Whether the budget allows a request now. A submission must also wait for `is_healthy`."""
    return not (account.blocked_until and now < account.blocked_until) and _tokens(account, now) >= 1


def _tokens(account: UpstreamAccount, now: datetime) -> float:
    elapsed_seconds = max(0.0, (now - account.counted_at).total_seconds())
    return min(_capacity(account), account.tokens + elapsed_seconds * requests_per_second(account))


def note_takes_files(takes_files: bool) -> None:
    """Record whether the provider takes uploads of references."""
    UpstreamAccount.objects.filter(pk=1).update(takes_files=takes_files)


@transaction.atomic
def record_answer(*budgets: Budget, is_question: bool) -> None:
    """Record one or more useful answers, and what they say about the budget.

    `is_question`: at least one of them answered a request that costs nothing.
    """
    account = _locked_account()
    now = timezone.now()
    changes: dict[str, object] = {}
    if account.failure_count or (is_question and not account.is_healthy):
        changes |= {"failure_count": 0, "is_healthy": account.is_healthy or is_question}
    limits = [budget.limit_per_minute for budget in budgets if budget.limit_per_minute]
    if limits and limits[-1] != account.limit_per_minute:
        # Keep only the tokens saved so far: a limit that varies from answer to answer must not grant a burst each time.
        tokens = _tokens(account, now)
        account.limit_per_minute = limits[-1]
        account.tokens, account.counted_at = min(tokens, float(_capacity(account))), now
        changes |= {"limit_per_minute": limits[-1], "tokens": account.tokens, "counted_at": now}
    remaining = [budget.remaining for budget in budgets if budget.remaining is not None]
    if remaining and min(remaining) < _tokens(account, now):
        # Somebody else uses the account too, or the provider counts differently.
        changes |= {"tokens": float(max(0, min(remaining))), "counted_at": now}
    if changes:
        UpstreamAccount.objects.filter(pk=1).update(**changes)


@transaction.atomic
def record_failure() -> None:
    """Record a request without a useful answer. After several in a row nothing is sent for a while."""
    account = _locked_account()
    changes: dict[str, object] = {"failure_count": account.failure_count + 1, "is_healthy": False}
    beyond = account.failure_count + 1 - BREAK_AFTER_FAILURES
    if beyond >= 0:
        seconds = min(MAX_BREAK_SECONDS, FIRST_BREAK_SECONDS * 2 ** min(beyond, 8)) * random.uniform(0.8, 1.2)  # noqa: S311
        changes["blocked_until"] = timezone.now() + timedelta(seconds=seconds)
    UpstreamAccount.objects.filter(pk=1).update(**changes)


@transaction.atomic
def record_too_many_requests(retry_after_seconds: float | None, budget: Budget) -> None:
    """Send nothing until the provider allows it again."""
    account = _locked_account()
    seconds = DEFAULT_RETRY_AFTER_SECONDS if retry_after_seconds is None else retry_after_seconds
    until = timezone.now() + timedelta(seconds=min(seconds, MAX_RETRY_AFTER_SECONDS))
    changes: dict[str, object] = {"tokens": 1.0, "counted_at": until}
    if account.blocked_until is None or account.blocked_until < until:
        changes["blocked_until"] = until
    if budget.limit_per_minute:
        changes["limit_per_minute"] = budget.limit_per_minute
    UpstreamAccount.objects.filter(pk=1).update(**changes)


# --- When the provider refuses the account ----------------------------------------------------------------------------


def pause_submissions(error: AccountRefusedError, *, model: str) -> None:
    """Pause submissions: for `model` if the account may not use it, else for every model."""
    scope = model if error.code == MODEL_REFUSED else ""
    try_again_at = timezone.now() + timedelta(seconds=PAUSE_RETRY_SECONDS)
    _pause, is_new = AccountPause.objects.update_or_create(
        model=scope,
        defaults={"code": error.code[:60], "message": error.message, "try_again_at": try_again_at},
        create_defaults={
            "model": scope,
            "code": error.code[:60],
            "message": error.message,
            "try_again_at": try_again_at,
        },
    )
    if is_new:
        logger.error("Submissions are paused (%s): the provider answered %s.", scope or "all models", error.code)


def end_pauses(*, model: str) -> None:
    """End the pauses of `model` and of the whole account, because a request for `model` got through."""
    AccountPause.objects.filter(model__in=["", model]).delete()


def paused_models(*, now: datetime) -> set[str]:
    """The models that are paused now, "" for all. A model whose time to try again has come isn't among them."""
    return set(AccountPause.objects.filter(try_again_at__gt=now).values_list("model", flat=True))


def account_pauses() -> list[AccountPause]:
    """Everything the provider refuses the provider account, oldest first, for the admins' banner."""
    return list(AccountPause.objects.order_by("since"))


def try_again_now() -> None:
    """Let paused submissions be tried again right away, because an admin says the account is fixed."""
    AccountPause.objects.update(try_again_at=timezone.now())
