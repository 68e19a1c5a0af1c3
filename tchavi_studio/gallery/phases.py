"""What an open clip is doing right now, in words for people; nothing is claimed that isn't known."""

import math
from dataclasses import dataclass

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.generations.models import Engine, Generation, RemoteJob, State
from tchavi_studio.generations.queries import Wait
from tchavi_studio.generations.upstream.submission import MAX_PLACE


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A clip's current phase: a title, and a note ("" if none is needed).

    A clip that `is_at_provider` can no longer be cancelled. While `is_stalled`, time estimates don't apply.
    """

    title: str
    note: str = ""
    is_at_provider: bool = False
    is_stalled: bool = False


def phase_of(clip: Generation, wait: Wait | None) -> Phase:
    """The phase of an open clip. Reads `clip.remote_job`, which the queries for cards prefetch."""
    if clip.engine != Engine.TCHAVI:
        return Phase(title=clip.get_state_display())
    if clip.state == State.QUEUED:
        return _waiting(wait)
    if clip.state == State.SUBMITTING:
        return Phase(title=_("Sending to the provider"), is_at_provider=True)
    if clip.state == State.UNKNOWN:
        return Phase(title=_("Checking with the provider"), note=_answer_lost(), is_at_provider=True, is_stalled=True)
    if clip.state == State.PROCESSING:
        # The row is missing only if somebody edited the clip's state by hand.
        job: RemoteJob | None = getattr(clip, "remote_job", None)
        is_running = job is not None and job.is_running
        title = _("Rendering at the provider") if is_running else _("In the provider's queue")
        return Phase(title=title, is_at_provider=True)
    return Phase(title=clip.get_state_display())


def _waiting(wait: Wait | None) -> Phase:
    if wait is None:
        return Phase(title=_("Waiting"))
    if wait.for_account:
        return Phase(
            title=_("Waiting for the studio's account at the provider"),
            note=_("No credits are lost, and there's nothing you need to do."),
            is_stalled=True,
        )
    ahead = wait.place - 1
    if not ahead:
        return Phase(title=_("Waiting"), note=_("Next in line"))
    if wait.place > MAX_PLACE:
        note = _("More than %(count)s clips ahead") % {"count": number_format(MAX_PLACE - 1)}
        return Phase(title=_("Waiting"), note=note)
    note = ngettext("%(count)s clip ahead", "%(count)s clips ahead", ahead) % {"count": number_format(ahead)}
    return Phase(title=_("Waiting"), note=note)


def _answer_lost() -> str:
    minutes = math.ceil(settings.STUDIO_UNKNOWN_DEADLINE_SECONDS / 60)
    return ngettext(
        "The answer was lost. If we can't find the clip within %(count)s minute of sending it, you'll be refunded.",
        "The answer was lost. If we can't find the clip within %(count)s minutes of sending it, you'll be refunded.",
        minutes,
    ) % {"count": number_format(minutes)}
