"""What every page tells the site's admins of the provider's account."""

import math
from dataclasses import dataclass

from django import template
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tchavi_studio.generations import queries
from tchavi_studio.generations.models import AccountPause
from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.upstream import account

register = template.Library()

CHECK_KEY = _("Check TCHAVI_API_KEY, and start the studio again if you change it.")
ADD_CREDITS = _("Add credits to the studio's account at the provider.")
ASK_FOR_MODEL = _("Ask the provider to allow the model for the studio's account.")
CHECK_ADDRESS = _("Check TCHAVI_BASE_URL: nothing takes clips at that address.")
CHECK_ALL = _("Check TCHAVI_API_KEY, the credits of the studio's account at the provider, and which models it may use.")

REMEDIES: dict[str, Promise] = {
    "invalid_api_key": CHECK_KEY,
    "http_401": CHECK_KEY,
    "insufficient_credits": ADD_CREDITS,
    "http_402": ADD_CREDITS,
    account.MODEL_REFUSED: ASK_FOR_MODEL,
    "http_404": CHECK_ADDRESS,
    "http_405": CHECK_ADDRESS,
}
"""What to do, by what the provider answered."""


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
            remedy=str(REMEDIES.get(pause.code, CHECK_ALL)),
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
