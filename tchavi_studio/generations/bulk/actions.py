"""What can be done to many clips: a registry, so that apps with more to do to clips add to it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy, ngettext

from tchavi_studio.generations.library.entries import change_entries, entries_of
from tchavi_studio.generations.models import Generation, GenerationReference
from tchavi_studio.generations.references import note_shared_references
from tchavi_studio.generations.visibility import may_act_on, may_remove
from tchavi_studio.workspaces.activity import Kind
from tchavi_studio.workspaces.models import Membership, Permission

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

ROW_FIELDS = ("workspace_id", "creator_id", "state", "is_shared", "deleted_at", "dismissed_at")
"""What actions know of a clip."""


class Left(models.TextChoices):
    """Why a clip was left alone."""

    RUNNING = "running"
    NOT_ALLOWED = "not_allowed"
    UNCHANGED = "unchanged"
    FULL = "full"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some clips that the member may see, in the selection's order, locked and with ROW_FIELDS alone, and what the
    action was given."""

    membership: Membership
    clips: list[Generation]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Result:
    """The clips of a batch that were changed, and how many were left alone for which reason."""

    changed: list[UUID]
    left: Counter[Left]


@dataclass(frozen=True, kw_only=True)
class BulkAction:
    """Something that can be done to many clips.

    `doing` says what is under way, and `done` what came of it for so many clips, in the active language. `act` does it
    to a batch, in the caller's transaction, with a few statements however many clips there are. `kind` is what activity
    calls it, None if it isn't worth writing down. `undone_by` names the action that takes it back. `option_names` are
    the fields of the form that it needs besides the clips, and `prepare` makes of them, once, what `act` gets in every
    batch; it may raise UserFacingError.
    """

    name: str
    doing: "str | StrPromise"
    done: Callable[[int], str]
    act: Callable[[Batch], Result]
    permission: Permission = Permission.CREATE
    kind: Kind | None = None
    undone_by: str = ""
    option_names: tuple[str, ...] = ()
    prepare: Callable[[Membership, Mapping[str, str]], Mapping[str, str]] | None = None


bulk_actions: dict[str, BulkAction] = {}


def register(action: BulkAction) -> BulkAction:
    """Add an action. Call it when the app is ready."""
    bulk_actions[action.name] = action
    return action


def counted(count: int) -> dict[str, str]:
    """What fills in the number of a counted sentence."""
    return {"count": number_format(count)}


def left_text(left: Mapping[str, int]) -> str:
    """How many clips were left alone and why, a sentence for each reason, in the active language."""
    texts = {
        Left.RUNNING: lambda count: ngettext("%(count)s is still running.", "%(count)s are still running.", count),
        Left.NOT_ALLOWED: lambda count: ngettext(
            "%(count)s is somebody else's.", "%(count)s are other people's.", count
        ),
        Left.UNCHANGED: lambda count: ngettext(
            "%(count)s was like that already.", "%(count)s were like that already.", count
        ),
        Left.FULL: lambda count: ngettext(
            "%(count)s was left out, since there is no room for more.",
            "%(count)s were left out, since there is no room for more.",
            count,
        ),
        Left.GONE: lambda count: ngettext("%(count)s is no longer there.", "%(count)s are no longer there.", count),
    }
    return " ".join(texts[reason](left[reason]) % counted(left[reason]) for reason in texts if left.get(reason))


def sorted_out(clips: Iterable[Generation], why_left: Callable[[Generation], Left | None]) -> Result:
    """Which clips are to be changed, and why the others are left alone."""
    changed: list[UUID] = []
    left: Counter[Left] = Counter()
    for clip in clips:
        if reason := why_left(clip):
            left[reason] += 1
        else:
            changed.append(clip.pk)
    return Result(changed=changed, left=left)


def _change(clip_ids: list[UUID], **changes: object) -> None:
    rows = Generation.objects.filter(pk__in=clip_ids)
    rows.update(version=F("version") + 1, updated_at=timezone.now(), **changes)


def _delete(batch: Batch) -> Result:
    def why_left(clip: Generation) -> Left | None:
        if not may_remove(batch.membership, clip):
            return Left.NOT_ALLOWED
        if clip.is_open:
            return Left.RUNNING
        return Left.UNCHANGED if clip.deleted_at else None

    result = sorted_out(batch.clips, why_left)
    now = timezone.now()
    purge_at = now + timedelta(days=batch.membership.workspace.days_in_bin)
    _change(result.changed, deleted_at=now, purge_at=purge_at)
    change_entries(entries_of(result.changed), is_listed=False)
    return result


def _restore(batch: Batch) -> Result:
    def why_left(clip: Generation) -> Left | None:
        if not may_remove(batch.membership, clip):
            return Left.NOT_ALLOWED
        return None if clip.deleted_at else Left.UNCHANGED

    result = sorted_out(batch.clips, why_left)
    _change(result.changed, deleted_at=None, purge_at=None)
    dismissed = {clip.pk for clip in batch.clips if clip.dismissed_at}
    change_entries(entries_of(set(result.changed) - dismissed), is_listed=True)
    return result


def _share(batch: Batch) -> Result:
    def why_left(clip: Generation) -> Left | None:
        if clip.is_shared:
            return Left.UNCHANGED
        return None if may_act_on(batch.membership, clip) else Left.NOT_ALLOWED

    result = sorted_out(batch.clips, why_left)
    _change(result.changed, is_shared=True, shared_at=timezone.now())
    change_entries(entries_of(result.changed), is_shared=True)
    references = GenerationReference.objects.filter(generation__in=result.changed)
    note_shared_references(references.values_list("asset", flat=True))
    return result


def _make_private(batch: Batch) -> Result:
    def why_left(clip: Generation) -> Left | None:
        if not clip.is_shared:
            return Left.UNCHANGED
        return None if may_remove(batch.membership, clip) else Left.NOT_ALLOWED

    result = sorted_out(batch.clips, why_left)
    _change(result.changed, is_shared=False)
    change_entries(entries_of(result.changed), is_shared=False)
    return result


def _moved_to_bin(count: int) -> str:
    return ngettext("%(count)s clip moved to the bin.", "%(count)s clips moved to the bin.", count) % counted(count)


def _restored(count: int) -> str:
    return ngettext("%(count)s clip restored.", "%(count)s clips restored.", count) % counted(count)


def _shared(count: int) -> str:
    return ngettext(
        "%(count)s clip shared: everybody in the workspace sees it.",
        "%(count)s clips shared: everybody in the workspace sees them.",
        count,
    ) % counted(count)


def _made_private(count: int) -> str:
    return ngettext(
        "%(count)s clip made private: only its creator sees it.",
        "%(count)s clips made private: only their creators see them.",
        count,
    ) % counted(count)


DELETE = register(
    BulkAction(
        name="delete",
        doing=gettext_lazy("Moving clips to the bin"),
        done=_moved_to_bin,
        act=_delete,
        kind=Kind.CLIP_DELETED,
        undone_by="restore",
    )
)
RESTORE = register(
    BulkAction(
        name="restore",
        doing=gettext_lazy("Restoring clips"),
        done=_restored,
        act=_restore,
        kind=Kind.CLIP_RESTORED,
    )
)
SHARE = register(
    BulkAction(name="share", doing=gettext_lazy("Sharing clips"), done=_shared, act=_share, kind=Kind.CLIP_SHARED)
)
MAKE_PRIVATE = register(
    BulkAction(
        name="unshare",
        doing=gettext_lazy("Making clips private"),
        done=_made_private,
        act=_make_private,
        kind=Kind.CLIP_UNSHARED,
    )
)
