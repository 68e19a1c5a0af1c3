"""Adding many clips to a collection, and tagging them. Importing this makes the bulk actions known."""

from collections import Counter
from collections.abc import Collection as Ids
from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tchavi_studio.generations.bulk.actions import Batch, BulkAction, Left, Result, counted, register
from tchavi_studio.generations.models import Collection
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership

from .collections import collect_what_fits, create_collection, drop_clips
from .tags import make_room_for_tag, read_tag_name, tag_what_fits, untag_clips

MAX_DIGITS = 18


class NoCollectionError(UserFacingError):
    """The collection that was chosen is gone."""

    def __init__(self) -> None:
        super().__init__(_("This collection is gone, so nothing changed and no credits moved. Choose another one."))


def _chosen_collection(membership: Membership, options: Mapping[str, str]) -> Mapping[str, str]:
    """The collection by its id, or a new one by its name.

    Raises NoCollectionError, and what `create_collection` does.
    """
    chosen = options.get("collection", "")
    if not chosen:
        made = create_collection(membership=membership, name=options.get("collection_name", ""))
        return {"collection": str(made.pk)}
    is_number = chosen.isascii() and chosen.isdigit() and len(chosen) <= MAX_DIGITS
    if not (is_number and Collection.objects.filter(workspace=membership.workspace_id, pk=int(chosen)).exists()):
        raise NoCollectionError
    return {"collection": chosen}


def _collect(batch: Batch) -> Result:
    clip_ids = [clip.pk for clip in batch.clips]
    try:
        added, excess = collect_what_fits(
            membership=batch.membership, collection_id=int(batch.options["collection"]), generation_ids=clip_ids
        )
    except Collection.DoesNotExist:
        raise NoCollectionError from None
    return _result(batch, added, full=excess)


def _drop(batch: Batch) -> Result:
    try:
        dropped = drop_clips(
            membership=batch.membership,
            collection_id=int(batch.options["collection"]),
            generation_ids=[clip.pk for clip in batch.clips],
        )
    except Collection.DoesNotExist:
        raise NoCollectionError from None
    return _result(batch, dropped)


def _possible_tag(membership: Membership, options: Mapping[str, str]) -> Mapping[str, str]:
    """Raises what `make_room_for_tag` does."""
    return {"tag": make_room_for_tag(membership=membership, name=options.get("tag", ""))}


def _legible_tag(membership: Membership, options: Mapping[str, str]) -> Mapping[str, str]:
    """Raises TagRefusedError."""
    shown, _folded = read_tag_name(options.get("tag", ""))
    return {"tag": shown}


def _tag(batch: Batch) -> Result:
    clip_ids = [clip.pk for clip in batch.clips]
    tagged, full = tag_what_fits(membership=batch.membership, generation_ids=clip_ids, name=batch.options["tag"])
    return _result(batch, tagged, full=full)


def _untag(batch: Batch) -> Result:
    clip_ids = [clip.pk for clip in batch.clips]
    return _result(batch, untag_clips(membership=batch.membership, generation_ids=clip_ids, name=batch.options["tag"]))


def _result(batch: Batch, changed: list[UUID], full: Ids[UUID] = ()) -> Result:
    left = Counter({Left.FULL: len(full), Left.UNCHANGED: len(batch.clips) - len(changed) - len(full)})
    return Result(changed=changed, left=+left)


def _collected(count: int) -> str:
    return ngettext(
        "%(count)s clip added to the collection.", "%(count)s clips added to the collection.", count
    ) % counted(count)


def _dropped(count: int) -> str:
    return ngettext(
        "%(count)s clip taken out of the collection.", "%(count)s clips taken out of the collection.", count
    ) % counted(count)


def _tagged(count: int) -> str:
    return ngettext("%(count)s clip tagged.", "%(count)s clips tagged.", count) % counted(count)


def _untagged(count: int) -> str:
    return ngettext("The tag was taken off %(count)s clip.", "The tag was taken off %(count)s clips.", count) % counted(
        count
    )


COLLECT = register(
    BulkAction(
        name="collect",
        doing=gettext_lazy("Adding clips to a collection"),
        done=_collected,
        act=_collect,
        undone_by="uncollect",
        option_names=("collection", "collection_name"),
        prepare=_chosen_collection,
    )
)
UNCOLLECT = register(
    BulkAction(
        name="uncollect",
        doing=gettext_lazy("Taking clips out of a collection"),
        done=_dropped,
        act=_drop,
        option_names=("collection",),
        prepare=_chosen_collection,
    )
)
TAG = register(
    BulkAction(
        name="tag",
        doing=gettext_lazy("Tagging clips"),
        done=_tagged,
        act=_tag,
        undone_by="untag",
        option_names=("tag",),
        prepare=_possible_tag,
    )
)
UNTAG = register(
    BulkAction(
        name="untag",
        doing=gettext_lazy("Taking a tag off clips"),
        done=_untagged,
        act=_untag,
        option_names=("tag",),
        prepare=_legible_tag,
    )
)
