"""Changes to the files in the composer, the same for a plain button and for a script.

Each function changes `values` in place, the prompt's tokens included, and returns what to announce to people who can't
see it happen, "" if nothing did. A `key` names a file in its slot, "reference_images:<asset id>".
"""

import re
from collections.abc import Mapping

from django.utils.translation import gettext as _

from tchavi_studio.assets.models import Asset

from .media import SLOTS, Mode, Slot
from .values import SPACED_TOKEN, Values


class NoRoomError(Exception):
    """The file can't be put there; `message` tells people why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def mode_of(values: Values) -> Mode:
    mode = values.get("mode")
    return Mode(mode) if mode in Mode.values else Mode.TEXT


def place_file(values: Values, asset: Asset, *, key: str = "") -> str:
    """Put a file into a slot: the one that `key` names if it takes its kind, else where files of its kind go.

    A file that `key` names gives way to the new one, as does the file in a frame that is named. Raises NoRoomError.
    """
    field, _colon, replaced_id = key.partition(":")
    slot = _slot_for(values, asset.kind, field)
    asset_id, before = str(asset.pk), values.getlist(slot.field)
    if asset_id in before:
        raise NoRoomError(_("That file is here already."))
    if replaced_id in before:
        after = [asset_id if other == replaced_id else other for other in before]
    elif slot.field == field and not slot.is_list:
        after = [asset_id]
    elif len(before) < slot.capacity:
        after = [*before, asset_id]
    else:
        raise NoRoomError(slot.full_message)
    values.setlist(slot.field, after)
    if mode_of(values) not in slot.modes:
        values["mode"] = slot.modes[0].value
    return _("%(name)s added") % {"name": slot.name_at(after.index(asset_id) + 1)}


def remove_file(values: Values, key: str) -> str:
    """Take a file out; its token leaves the prompt and those behind it move up."""
    field, _colon, asset_id = key.partition(":")
    if field not in SLOTS or asset_id not in values.getlist(field):
        return ""
    before = values.getlist(field)
    _reorder(values, SLOTS[field], [other for other in before if other != asset_id])
    return _("%(name)s removed") % {"name": SLOTS[field].name_at(before.index(asset_id) + 1)}


def move_file(values: Values, key: str, *, by: int) -> str:
    """Move a file `by` places, negative towards the front, no further than to the end of its list."""
    field, _colon, asset_id = key.partition(":")
    if field not in SLOTS or asset_id not in values.getlist(field):
        return ""
    before = values.getlist(field)
    after = [other for other in before if other != asset_id]
    after.insert(max(0, before.index(asset_id) + by), asset_id)
    _reorder(values, SLOTS[field], after)
    return _("%(name)s is now %(position)s of %(count)s") % {
        "name": SLOTS[field].name_at(before.index(asset_id) + 1),
        "position": after.index(asset_id) + 1,
        "count": len(after),
    }


def swap_frames(values: Values) -> str:
    first, last = (slot.field for slot in SLOTS.values() if not slot.is_list)
    before = values.getlist(first)
    values.setlist(first, values.getlist(last))
    values.setlist(last, before)
    return _("First and last frame swapped")


def rename_tokens(prompt: str, word: str, positions: Mapping[int, int | None]) -> str:
    """The prompt after its references moved: {2: 1} makes [Image2] into [Image1], {2: None} takes it out."""

    def renamed(match: re.Match[str]) -> str:
        space, found, number = match.groups()
        if found != word or int(number) not in positions:
            return match[0]
        position = positions[int(number)]
        return "" if position is None else f"{space}[{word}{position}]"

    return SPACED_TOKEN.sub(renamed, prompt)


def _slot_for(values: Values, kind: str, wanted_field: str) -> Slot:
    """The slot that a new file goes to, the last one that takes its kind if all are full."""
    wanted = SLOTS.get(wanted_field)
    if wanted and wanted.kind == kind:
        return wanted
    open_slots = [slot for slot in SLOTS.values() if slot.kind == kind and mode_of(values) in slot.accepts_in]
    return next((slot for slot in open_slots if len(values.getlist(slot.field)) < slot.capacity), open_slots[-1])


def _reorder(values: Values, slot: Slot, after: list[str]) -> None:
    before = values.getlist(slot.field)
    values.setlist(slot.field, after)
    if slot.is_list:
        positions = {
            number: after.index(asset_id) + 1 if asset_id in after else None
            for number, asset_id in enumerate(before, start=1)
        }
        values["prompt"] = rename_tokens(values.get("prompt", ""), slot.word, positions)
