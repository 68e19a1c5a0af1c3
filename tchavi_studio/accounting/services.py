"""How credits come into wallets: at sign-up, as play credits, from an admin, from the operator."""

import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.generations.upstream.account import try_again_now
from tchavi_studio.generations.wakeups import wake_pump
from tchavi_studio.ledger.models import Book, Kind, Transfer
from tchavi_studio.ledger.services import grant_credits, lock_wallet
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace

from .queries import PlayAllowance, play_allowance
from .reasons import PLAY, PROVISION, SIGNUP

REPEAT_WINDOW = datetime.timedelta(minutes=1)
"""An admin's equal grant within this time is taken for a double click."""


class PlayCreditsSpentError(UserFacingError):
    """Today's play credits are all added."""

    def __init__(self, allowance: PlayAllowance) -> None:
        super().__init__(
            _(
                "No credits were added: this workspace has had all %(cap)s of today's play credits. You can add more "
                "from midnight (%(zone)s), in %(wait)s."
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
                "again, give a different reason."
            )
        )


def grant_signup_credits(*, workspace: Workspace, owner: User) -> Transfer | None:
    """Give a person's first own workspace its welcome credits (STUDIO_SIGNUP_CREDITS); later ones get none."""
    owned = Membership.objects.filter(user=owner, role=Role.OWNER).exclude(workspace=workspace)
    # The ledger remembers also when the first workspace has meanwhile been handed to somebody else.
    welcomed = Transfer.objects.filter(actor=owner, kind=Kind.GRANT, reason=SIGNUP)
    if owned.exists() or welcomed.exists():
        return None
    return grant_credits(
        workspace=workspace,
        book=settings.STUDIO_BOOK,
        amount_credits=settings.STUDIO_SIGNUP_CREDITS,
        reason=SIGNUP,
        actor=owner,
    )


def welcome_with_credits(*, workspace: Workspace, owner: User, **signal: Any) -> None:
    """Receive `workspace_created`."""
    grant_signup_credits(workspace=workspace, owner=owner)


@transaction.atomic
def add_play_credits(*, workspace: Workspace, actor: User) -> Transfer:
    """Add STUDIO_PLAY_CREDITS to a sandbox wallet, or what is left of today's STUDIO_PLAY_CREDITS_PER_DAY.

    Raises PlayCreditsSpentError when nothing is left.
    """
    # Many clicks at once queue here, so each counts what the ones before it added.
    lock_wallet(workspace=workspace, book=Book.SANDBOX)
    allowance = play_allowance(workspace=workspace)
    transfer = grant_credits(
        workspace=workspace, book=Book.SANDBOX, amount_credits=allowance.next_credits, reason=PLAY, actor=actor
    )
    if transfer is None:
        raise PlayCreditsSpentError(allowance)
    return transfer


@transaction.atomic
def grant_by_admin(*, workspace: Workspace, amount_credits: int, reason: str, admin: User) -> Transfer:
    """Give credits in the book in force to any workspace, on a site admin's word.

    Raises RepeatedGrantError when the same admin gave the same amount for the same reason a moment ago.
    """
    assert admin.is_staff
    assert amount_credits > 0
    lock_wallet(workspace=workspace, book=settings.STUDIO_BOOK)
    same = Transfer.objects.filter(
        workspace=workspace,
        book=settings.STUDIO_BOOK,
        kind=Kind.GRANT,
        amount_credits=amount_credits,
        reason=reason,
        actor=admin,
        created_at__gt=timezone.now() - REPEAT_WINDOW,
    )
    if same.exists():
        raise RepeatedGrantError
    transfer = grant_credits(
        workspace=workspace, book=settings.STUDIO_BOOK, amount_credits=amount_credits, reason=reason, actor=admin
    )
    assert transfer is not None
    return transfer


@transaction.atomic
def top_up_wallet(*, workspace: Workspace, target_credits: int) -> int:
    """Grant what a wallet lacks of `target_credits` in the book in force, never taking away; returns the balance."""
    wallet = lock_wallet(workspace=workspace, book=settings.STUDIO_BOOK)
    lacking = max(0, target_credits - wallet.balance_credits)
    grant_credits(workspace=workspace, book=settings.STUDIO_BOOK, amount_credits=lacking, reason=PROVISION)
    return wallet.balance_credits + lacking


def retry_provider_account() -> None:
    """The provider's account is in order again, an admin says: send what waits at once, not at the next attempt."""
    try_again_now()
    wake_pump()
