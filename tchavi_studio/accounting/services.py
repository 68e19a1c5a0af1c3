"""Ways credits get into wallets: at sign-up, as play credits, from a site admin, from the operator."""

import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.generations.upstream.account import try_again_now
from tchavi_studio.generations.wakeups import wake_pump
from tchavi_studio.ledger.models import Book, Transfer
from tchavi_studio.ledger.queries import grants_for
from tchavi_studio.ledger.services import grant_credits, lock_wallet
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import User, Workspace

from .queries import PlayAllowance, play_allowance
from .reasons import PLAY, PROVISION, SIGNUP

REPEAT_WINDOW = datetime.timedelta(minutes=1)
"""The same grant by the same admin within this time is treated as a double click."""


class PlayCreditsSpentError(UserFacingError):
    """Today's play credits have all been added."""

    def __init__(self, allowance: PlayAllowance) -> None:
        super().__init__(
            _(
                "No credits were added: this workspace has already had today's %(cap)s play credits. You can add more "
                "at midnight (%(zone)s), in %(wait)s."
            )
            % {
                "cap": number_format(allowance.per_day_credits),
                "zone": timezone.get_current_timezone_name(),
                "wait": allowance.wait,
            }
        )


class RepeatedGrantError(UserFacingError):
    """The same grant was made a moment ago."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "You made the same grant less than a minute ago, so no credits were added this time. To grant them "
                "again, enter a different reason."
            )
        )


def welcome_with_credits(*, workspace: Workspace, owner: User, **signal: Any) -> None:
    """Handle the signal `person_welcomed`: the workspace that sign-up gives a person gets STUDIO_SIGNUP_CREDITS."""
    grant_credits(
        workspace=workspace,
        book=settings.STUDIO_BOOK,
        amount_credits=settings.STUDIO_SIGNUP_CREDITS,
        reason=SIGNUP,
        actor=owner,
    )


@transaction.atomic
def add_play_credits(*, workspace: Workspace, actor: User) -> Transfer:
    """Add STUDIO_PLAY_CREDITS to a sandbox wallet, or whatever is left of today's STUDIO_PLAY_CREDITS_PER_DAY.

    Raises PlayCreditsSpentError when nothing is left.
    """
    # Simultaneous clicks queue here, so that each counts those before it.
    lock_wallet(workspace=workspace, book=Book.SANDBOX)
    allowance = play_allowance(workspace=workspace)
    transfer = grant_credits(
        workspace=workspace, book=Book.SANDBOX, amount_credits=allowance.next_credits, reason=PLAY, actor=actor
    )
    if transfer is None:
        raise PlayCreditsSpentError(allowance)
    _record(workspace, transfer, actor)
    return transfer


@transaction.atomic
def grant_by_admin(*, workspace: Workspace, amount_credits: int, reason: str, admin: User) -> Transfer:
    """Grant credits in the current book to any workspace, on behalf of a site admin.

    Raises RepeatedGrantError if the same admin made the same grant less than REPEAT_WINDOW ago.
    """
    assert admin.is_staff
    assert amount_credits > 0
    lock_wallet(workspace=workspace, book=settings.STUDIO_BOOK)
    same = grants_for(reason, workspace=workspace, book=settings.STUDIO_BOOK).filter(
        amount_credits=amount_credits, actor=admin, created_at__gt=timezone.now() - REPEAT_WINDOW
    )
    if same.exists():
        raise RepeatedGrantError
    transfer = grant_credits(
        workspace=workspace, book=settings.STUDIO_BOOK, amount_credits=amount_credits, reason=reason, actor=admin
    )
    assert transfer is not None
    _record(workspace, transfer, admin, reason=reason)
    return transfer


def _record(workspace: Workspace, transfer: Transfer, actor: User, **details: str) -> None:
    record_activity(
        workspace=workspace,
        kind=Kind.CREDITS_GRANTED,
        actor=actor,
        details={"amount_credits": transfer.amount_credits, **details},
    )


@transaction.atomic
def top_up_wallet(*, workspace: Workspace, target_credits: int) -> int:
    """Top the wallet of the current book up to `target_credits`, never taking credits away; returns the balance."""
    wallet = lock_wallet(workspace=workspace, book=settings.STUDIO_BOOK)
    lacking = max(0, target_credits - wallet.balance_credits)
    grant_credits(workspace=workspace, book=settings.STUDIO_BOOK, amount_credits=lacking, reason=PROVISION)
    return wallet.balance_credits + lacking


def retry_provider_account() -> None:
    """Send waiting clips now instead of at the next attempt: an admin says the provider account works again."""
    try_again_now()
    wake_pump()
