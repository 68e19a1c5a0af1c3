"""The banner that tells site admins when the provider is refusing the studio's account."""

import math
from dataclasses import dataclass

from django import template
from django.conf import settings

from tchavi_studio.generations import queries
from tchavi_studio.generations.failures import account_remedy
from tchavi_studio.generations.models import AccountPause
from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.upstream import account

register = template.Library()


@dataclass(frozen=True, kw_only=True)
class PauseNotice:
    """One refusal of the studio's account by the provider. `model_label` is "" if it covers every model."""

    pause: AccountPause
    model_label: str
    remedy: str


@register.simple_tag
def pause_notices() -> list[PauseNotice]:
    """The refusals in force, usually none. One query."""
    return [
        PauseNotice(
            pause=pause,
            model_label=MODELS.get(pause.model, pause.model),
            remedy=account_remedy(pause.code),
        )
        for pause in account.account_pauses()
    ]


@register.simple_tag
def max_wait_hours() -> int:
    """How many hours clips wait for the provider account before they are refunded, rounded up."""
    return math.ceil(settings.STUDIO_ACCOUNT_WAIT_SECONDS / 3600)


@register.simple_tag
def exposure_count() -> int:
    """How many clips are waiting for review on the Exposure page."""
    return queries.exposures().count()
