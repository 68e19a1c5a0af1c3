"""Why clips fail, in words: one table for cards, the statement, the exposure page, `/v1` and webhooks.

A failed clip stores a code and the figures for its sentence, never the sentence: the reader's language isn't known
until it is shown. A provider's own words are stored as they came, and shown instead of anything from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

Text = Promise | str

MODEL_REFUSED = "model_not_allowed"
"""The provider account may not use this model."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The words for one code: what happened, what to do next, and short forms for the statement and exposure page."""

    reason: Text
    label: Text
    remedy: Text = ""
    exposure: Text = ""


UNREADABLE = _("A reference couldn't be read")
OTHER_FILE = _("Try again with another file.")
KEEPS_FAILING = _("Try again. If it keeps failing, tell the site's admin.")

FAILURES: dict[str, Failure] = {
    "cancelled": Failure(
        reason=_("Cancelled before work on it began."),
        label=_("Cancelled before it began"),
    ),
    # From the preview engine.
    "first_frame_unreadable": Failure(
        reason=_("The first frame couldn't be read."), label=UNREADABLE, remedy=OTHER_FILE
    ),
    "last_frame_unreadable": Failure(reason=_("The last frame couldn't be read."), label=UNREADABLE, remedy=OTHER_FILE),
    "reference_image_unreadable": Failure(
        reason=_("Reference image %(number)s couldn't be read."), label=UNREADABLE, remedy=OTHER_FILE
    ),
    "reference_video_unreadable": Failure(
        reason=_("Reference video %(number)s couldn't be read."), label=UNREADABLE, remedy=OTHER_FILE
    ),
    "reference_audio_unreadable": Failure(
        reason=_("Reference audio %(number)s couldn't be read."), label=UNREADABLE, remedy=OTHER_FILE
    ),
    "render_failed": Failure(
        reason=_("The preview engine couldn't render this clip."),
        label=_("The preview couldn't be rendered"),
        remedy=KEEPS_FAILING,
    ),
    "render_not_started": Failure(
        reason=_("The preview engine couldn't be started."),
        label=_("The preview couldn't be rendered"),
        remedy=KEEPS_FAILING,
    ),
    "render_stopped": Failure(
        reason=_("The preview engine stopped before the clip was done."),
        label=_("The preview couldn't be rendered"),
        remedy=KEEPS_FAILING,
    ),
    "render_timed_out": Failure(
        reason=_("Rendering the preview took too long."),
        label=_("Rendering took too long"),
        remedy=_("Try again with a shorter clip or a lower resolution."),
    ),
    "render_interrupted": Failure(
        reason=_("Rendering was interrupted %(count)s times."),
        label=_("Rendering kept being interrupted"),
        remedy=KEEPS_FAILING,
    ),
    # From sending a clip to the provider, following it and fetching it.
    "output_unreadable": Failure(
        reason=_("The finished clip arrived damaged or incomplete, so it wasn't kept."),
        label=_("The finished clip was damaged"),
        exposure=_("Damaged"),
    ),
    "output_unchecked": Failure(
        reason=_("The finished clip couldn't be checked within the time and memory allowed, so it wasn't kept."),
        label=_("The finished clip couldn't be checked"),
        remedy=KEEPS_FAILING,
        exposure=_("Not checked"),
    ),
    "upstream_unknown": Failure(
        reason=_("The provider's answer was lost, so we don't know whether the clip was made."),
        label=_("The provider's answer was lost"),
        exposure=_("Answer lost"),
    ),
    "upstream_timeout": Failure(
        reason=_("The provider didn't finish this clip in time."),
        label=_("The provider didn't finish in time"),
        exposure=_("Too late"),
    ),
    "upstream_failed": Failure(
        reason=_("The provider couldn't make this clip and gave no reason."),
        label=_("The provider couldn't make it"),
        remedy=_("Try again, or change the prompt or the references."),
    ),
    "account_unavailable": Failure(
        reason=_("The provider kept refusing the studio's account, so this clip was never sent."),
        label=_("The provider refused the studio's account"),
        remedy=_("Ask the site's admin, then try again."),
    ),
    "reference_refused": Failure(
        reason=_("The provider didn't accept a reference."),
        label=_("The provider didn't accept a reference"),
        remedy=OTHER_FILE,
    ),
    "request_not_sendable": Failure(
        reason=_("The request couldn't be sent to the provider."),
        label=_("The request couldn't be sent to the provider"),
        remedy=_("Change the prompt or the references, then try again."),
    ),
    # Codes from the provider's API, which come with its own words.
    "references_unreachable": Failure(
        reason=_("The provider couldn't fetch a reference."),
        label=_("The provider couldn't fetch a reference"),
    ),
    "invalid_request": Failure(
        reason=_("The provider refused the request."),
        label=_("The provider refused the request"),
    ),
    # No longer used, but the ledger keeps it forever.
    "reference_unreadable": Failure(reason=_("A reference couldn't be read."), label=UNREADABLE, remedy=OTHER_FILE),
}

CHECK_KEY = _("Check STUDIO_PROVIDER_API_KEY. If you change it, restart the studio.")
ADD_CREDITS = _("Add credits to the studio's provider account.")
CHECK_ADDRESS = _("Check STUDIO_PROVIDER_URL: nothing at that address accepts clips.")
CHECK_ALL = _("Check STUDIO_PROVIDER_API_KEY, the credits in the studio's provider account and the models it may use.")

ACCOUNT_REMEDIES: dict[str, Promise] = {
    "invalid_api_key": CHECK_KEY,
    "http_401": CHECK_KEY,
    "insufficient_credits": ADD_CREDITS,
    "http_402": ADD_CREDITS,
    MODEL_REFUSED: _("Ask the provider to enable this model for the studio's account."),
    "http_404": CHECK_ADDRESS,
    "http_405": CHECK_ADDRESS,
}
"""What site admins can do when the provider refuses the provider account. Clips wait for it instead of failing."""


OUTPUT_FAILURES = {"too_complex": "output_unchecked"}
"""Codes of clips whose file was refused, by the refusal's code; any other makes it `output_unreadable`."""


def output_failure_code(refusal_code: str) -> str:
    """The failure code of a clip whose file was refused: a file that couldn't be checked isn't called damaged."""
    return OUTPUT_FAILURES.get(refusal_code, "output_unreadable")


def failure_reason(code: str, *, figures: Mapping[str, object], provider_message: str) -> str:
    """Why a clip failed, as a sentence: the provider's own words if it gave any. "" without a code."""
    if provider_message or not code:
        return provider_message
    try:
        return str(FAILURES[code].reason) % figures
    except KeyError:
        # A provider's code; it may even match one of ours, but comes without our figures.
        return gettext("The provider couldn't make this clip. It gave no reason, only the code %(code)s.") % {
            "code": code
        }


def failure_remedy(code: str, *, provider_message: str) -> str:
    """What to do next, as a sentence; "" if nothing is known to help, or the provider gave its own words."""
    return str(FAILURES[code].remedy) if code in FAILURES and not provider_message else ""


def failure_label(code: str) -> str:
    """Why a clip failed in a few words, without a full stop."""
    if code in FAILURES:
        return str(FAILURES[code].label)
    return gettext("The provider refused it: %(code)s") % {"code": code}


def exposure_label(code: str) -> str:
    """Why a clip was refunded although the provider may have billed it, in a word or two."""
    known = FAILURES.get(code)
    return str(known.exposure) if known and known.exposure else failure_label(code)


def account_remedy(code: str) -> str:
    """What site admins can do when the provider refuses the provider account with this code."""
    return str(ACCOUNT_REMEDIES.get(code, CHECK_ALL))
