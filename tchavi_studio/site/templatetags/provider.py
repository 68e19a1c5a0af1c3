"""What every page tells the site's admins of the provider's account."""

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
    """One refusal of the operator's account. `model_label` is "" where it holds for every model."""

    pause: AccountPause
    model_label: str
    remedy: str


@register.simple_tag
def account_pauses() -> list[PauseNotice]:
    """What the provider refuses the operator's account right now; usually nothing. One query."""
    return [
        PauseNotice(
            pause=pause,
            model_label=MODELS.get(pause.model, pause.model),
            remedy=account_remedy(pause.code),
        )
        for pause in account.account_pauses()
    ]


@register.simple_tag
def account_wait_hours() -> int:
    """How long clips wait for the account before they are refunded."""
    return math.ceil(settings.STUDIO_ACCOUNT_WAIT_SECONDS / 3600)


@register.simple_tag
def exposure_count() -> int:
    """How many clips are to be reviewed on the Exposure page."""
    return queries.exposures().count()
