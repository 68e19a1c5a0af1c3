"""What a form selects, and what that adds up to."""

from dataclasses import dataclass
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

from tchavi_studio.gallery.library.address import read_browse
from tchavi_studio.generations.bulk.selection import BIN, MAX_NAMED, Binned, Listed, Named, Selection, clips_of
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.visibility import may_act_on, may_remove
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership

SELECTION_FIELDS = ("clips", "all", "list", "query")
"""What a form says a selection with."""


class NothingSelectedError(UserFacingError):
    """A form without any clips."""

    def __init__(self) -> None:
        super().__init__(_("No clips are selected, so nothing changed. Select some first."))


class TooManySelectedError(UserFacingError):
    """More clips than can be named one by one."""

    def __init__(self) -> None:
        super().__init__(
            _("Up to 1,000 clips can be selected one by one, so nothing changed. For more, select all results.")
        )


def read_selection(form: QueryDict, *, user_id: int) -> Selection:
    """The clips named by `clips`, or with `all=1` those of the list whose address's query is `query`, or of the bin.

    Raises NothingSelectedError, TooManySelectedError, and ValueError for what no page sends.
    """
    if form.get("all") == "1" and form.get("list") == BIN:
        return Binned()
    if form.get("all") == "1":
        browse = read_browse(QueryDict(form.get("query", "")), user_id=user_id)
        return Listed(scope=browse.scope, filters=browse.filters)
    # A stack's tick has the ids of all its takes.
    named = list(dict.fromkeys(UUID(text) for texts in form.getlist("clips") for text in texts.split(",")))
    if not named:
        raise NothingSelectedError
    if len(named) > MAX_NAMED:
        raise TooManySelectedError
    return Named(named)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a selection adds up to, and what the viewer may do to some of it at least.

    If there are more than were looked at (`has_more`), the sums are of those that were, and not to be shown.
    """

    count: int
    has_more: bool
    spent_credits: int
    seconds: int
    byte_count: int
    may_download: bool
    may_delete: bool
    may_restore: bool
    may_share: bool
    may_make_private: bool


def summary_for_viewer(selection: Selection, *, membership: Membership) -> Summary:
    """What the selected clips add up to that the viewer may see, of MAX_NAMED at most."""
    page = selection.page(membership, after=None, length=MAX_NAMED)
    found = clips_of(page.clip_ids, membership=membership).select_related("output")
    clips = list(
        found.only(
            "workspace_id",
            "creator_id",
            "state",
            "is_shared",
            "deleted_at",
            "price_credits",
            "duration_seconds",
            "output__byte_count",
        )
    )
    return Summary(
        count=len(clips),
        has_more=page.next_position is not None,
        spent_credits=sum(map(_spent, clips)),
        seconds=sum(clip.billed_seconds for clip in clips),
        byte_count=sum(clip.output.byte_count for clip in clips if clip.output),
        may_download=any(clip.output for clip in clips),
        may_delete=any(not clip.deleted_at and not clip.is_open and may_remove(membership, clip) for clip in clips),
        may_restore=any(clip.deleted_at and may_remove(membership, clip) for clip in clips),
        may_share=any(not clip.is_shared and may_act_on(membership, clip) for clip in clips),
        may_make_private=any(clip.is_shared and may_remove(membership, clip) for clip in clips),
    )


def _spent(clip: Generation) -> int:
    """What a clip cost in the end: what fails is refunded."""
    return 0 if clip.state in (State.FAILED, State.CANCELLED) else clip.price_credits
