"""Why credits moved, where the studio itself moved them: stored in English for ever, shown in the reader's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

SIGNUP = "sign-up"
PLAY = "play-credits"
PROVISION = "provision"

LABELS: dict[str, Promise] = {
    SIGNUP: _("Welcome credits"),
    PLAY: _("Play credits"),
    PROVISION: _("Set up by the operator"),
    "cancelled": _("Cancelled before it began"),
    "reference_unreadable": _("A reference could not be read"),
    "render_failed": _("The preview could not be rendered"),
    "render_timed_out": _("Rendering took too long"),
    "render_interrupted": _("Rendering was interrupted again and again"),
    "output_unreadable": _("The finished clip was damaged"),
    "upstream_unknown": _("The provider's answer was lost"),
    "upstream_timeout": _("The provider did not finish it in time"),
    "upstream_failed": _("The provider could not make it"),
    "account_unavailable": _("The studio's account at the provider could not be used"),
    "reference_refused": _("The provider did not take a reference"),
    "references_unreachable": _("The provider could not get at a reference"),
    "request_not_sendable": _("The request could not be sent to the provider"),
    "invalid_request": _("The provider refused the request"),
}
"""For what the studio itself says. Providers have codes of their own besides, and people their own words."""

EXPOSURES: dict[str, Promise] = {
    "upstream_unknown": _("Answer lost"),
    "upstream_timeout": _("Too late"),
    "output_unreadable": _("Damaged"),
}
"""Why a clip was refunded here although the provider may have billed it, in a word or two."""


def reason_label(reason: str, *, is_refund: bool = False) -> str:
    """What people read: the translation of a reason that the studio gives, else the words that a person wrote.

    Nobody writes refunds by hand: there another reason is the provider's code for why it made no clip.
    """
    if is_refund and reason and reason not in LABELS:
        return _refused(reason)
    return str(LABELS.get(reason, reason))


def _refused(code: str) -> str:
    return gettext("The provider refused it: %(code)s") % {"code": code}


def exposure_label(error_code: str) -> str:
    """Why a clip is on the Exposure page."""
    return str(EXPOSURES.get(error_code, reason_label(error_code)))
