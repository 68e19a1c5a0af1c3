"""Why credits moved, where the studio itself moved them: stored in English for ever, shown in the reader's language."""

from django.utils.functional import Promise
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
}


def reason_label(reason: str) -> str:
    """What people read: the translation of a reason that the studio gives, else the words that a person wrote."""
    return str(LABELS.get(reason, reason))
