"""Notices with figures, so that tests needn't repeat them."""

from uuid import UUID

from django.db import transaction

from tchavi_studio.notices.models import DETAILS, Notice, NoticeKind
from tchavi_studio.notices.services import notify
from tchavi_studio.workspaces.models import User, Workspace

FIGURES: dict[str, str | int | bool] = {
    "model": "Kling v3",
    "duration_seconds": 10,
    "refunded_credits": 1300,
    "price_credits": 2600,
    "clip_count": 2,
    "is_approved": True,
    "role": "creator",
    "spent_credits": 8000,
    "budget_credits": 10000,
    "balance_credits": 200,
    "finding_count": 2,
}


def tell(
    user: User,
    kind: NoticeKind,
    *,
    workspace: Workspace | None = None,
    actor: User | None = None,
    reference: UUID | None = None,
    dedupe_key: str = "",
    **figures: str | int | bool,
) -> Notice | None:
    """Tell `user`; returns their newest notice, which is another one if they are told already or don't want to be."""
    details = {name: value for name, value in {**FIGURES, **figures}.items() if name in DETAILS[kind]}
    with transaction.atomic():
        notify(
            user=user,
            kind=kind,
            workspace=workspace,
            actor=actor,
            reference=reference,
            details=details,
            dedupe_key=dedupe_key,
        )
    return user.notices.order_by("-pk").first()
