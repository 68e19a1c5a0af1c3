"""The media in the composer: where each kind goes, what a chip shows, and how an order is changed with its tokens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db import models
from django.utils.datastructures import MultiValueDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tchavi_studio.assets.models import Asset, Kind
from tchavi_studio.generations.models import ReferenceRole
from tchavi_studio.generations.params import (
    MAX_REFERENCE_AUDIOS,
    MAX_REFERENCE_IMAGES,
    MAX_REFERENCE_VIDEOS,
)


class Mode(models.TextChoices):
    """What a clip starts from. The models' own modes, which exclude one another."""

    TEXT = "text", _("Text")
    FRAMES = "frames", _("Frames")
    REFERENCES = "references", _("References")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One of the contract's fields for media. `word` is what tokens call it; frames have none."""

    field: str
    kind: Kind
    role: ReferenceRole
    most: int
    label: str | Promise
    word: str = ""
    modes: tuple[Mode, ...] = (Mode.REFERENCES,)

    @property
    def is_list(self) -> bool:
        return bool(self.word)


SLOTS = {
    slot.field: slot
    for slot in (
        Slot(
            field="image_url",
            kind=Kind.IMAGE,
            role=ReferenceRole.FIRST_FRAME,
            most=1,
            label=_("First frame"),
            modes=(Mode.FRAMES,),
        ),
        Slot(
            field="last_frame_image_url",
            kind=Kind.IMAGE,
            role=ReferenceRole.LAST_FRAME,
            most=1,
            label=_("Last frame"),
            modes=(Mode.FRAMES,),
        ),
        Slot(
            field="reference_images",
            kind=Kind.IMAGE,
            role=ReferenceRole.IMAGE,
            most=MAX_REFERENCE_IMAGES,
            label=_("Images"),
            word="Image",
        ),
        Slot(
            field="reference_videos",
            kind=Kind.VIDEO,
            role=ReferenceRole.VIDEO,
            most=MAX_REFERENCE_VIDEOS,
            label=_("Videos"),
            word="Video",
            modes=(Mode.FRAMES, Mode.REFERENCES),
        ),
        Slot(
            field="reference_audios",
            kind=Kind.AUDIO,
            role=ReferenceRole.AUDIO,
            most=MAX_REFERENCE_AUDIOS,
            label=_("Audio"),
            word="Audio",
            modes=(Mode.FRAMES, Mode.REFERENCES),
        ),
    )
}
"""By the contract's field name, in the order they are shown in."""

SPACED_TOKEN = re.compile(r"(?P<space> ?)\[(?P<word>Image|Video|Audio)(?P<number>\d{1,2})\]")
"""A token with the space before it, which leaves the prompt together with it."""

BAR_COUNT = 16
"""How many bars draw a sound in a chip 72 pixels wide."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar of a drawn sound, in a view box of 100 × 100."""

    x: int
    y: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One file as the composer shows it. `position` counts from 1 within its field.

    `trim_seconds` is how much of a too long video or audio may be kept; None when there is nothing to trim.
    """

    slot: Slot
    position: int
    asset: Asset
    trim_seconds: float | None = None

    @property
    def token(self) -> str:
        """How the prompt names it, "Image1"; "" for frames, which are not named."""
        return f"{self.slot.word}{self.position}" if self.slot.word else ""

    @property
    def key(self) -> str:
        """What the buttons that act on this chip send."""
        return f"{self.slot.field}:{self.asset.pk}"

    @property
    def bars(self) -> list[Bar]:
        peaks = self.asset.peaks or [0]
        step = len(peaks) / BAR_COUNT
        loudest = [max(peaks[int(n * step) : max(int((n + 1) * step), int(n * step) + 1)]) for n in range(BAR_COUNT)]
        heights = [max(8, round(peak * 0.6)) for peak in loudest]
        return [Bar(x=n * 6 + 3, y=50 - height // 2, height=height) for n, height in enumerate(heights)]

    @property
    def length(self) -> str:
        return clock(self.asset.duration_seconds or 0)

    @property
    def trim_length(self) -> str:
        return clock(self.trim_seconds or 0)

    @property
    def last_start_seconds(self) -> float:
        """The latest moment a trim may begin at."""
        return max(0.0, round((self.asset.duration_seconds or 0) - (self.trim_seconds or 0), 1))

    def with_trim(self, trim_seconds: float) -> "Chip":
        return replace(self, trim_seconds=trim_seconds)


def clock(seconds: float) -> str:
    """A length as players show it: 0:07."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def slot_for(kind: str, wanted_field: str) -> Slot:
    """The slot a new file goes to: the one it was dropped on if that takes its kind, else the list of its kind."""
    wanted = SLOTS.get(wanted_field)
    if wanted and wanted.kind == kind:
        return wanted
    return next(slot for slot in SLOTS.values() if slot.kind == kind and slot.is_list)


# --- Changing the order, for browsers without JavaScript (composer-media.js does the same at once) --------------------


def rename_tokens(prompt: str, word: str, positions: Mapping[int, int | None]) -> str:
    """The prompt after its references moved: {2: 1} makes [Image2] into [Image1], {2: None} takes it out."""

    def renamed(match: re.Match[str]) -> str:
        number = int(match["number"])
        if match["word"] != word or number not in positions:
            return match[0]
        position = positions[number]
        return "" if position is None else f"{match['space']}[{word}{position}]"

    return SPACED_TOKEN.sub(renamed, prompt)


def remove_reference(values: MultiValueDict[str, str], field: str, asset_id: str) -> None:
    """Take a file out of the composer; its token leaves the prompt and the ones behind it move up."""
    before = values.getlist(field)
    _reorder(values, field, before, [kept for kept in before if kept != asset_id])


def move_reference(values: MultiValueDict[str, str], field: str, asset_id: str, *, by: int) -> None:
    """Move a file `by` places (−1 earlier, 1 later) within its list; the prompt's tokens follow."""
    before = values.getlist(field)
    if asset_id not in before:
        return
    after = [other for other in before if other != asset_id]
    after.insert(max(0, before.index(asset_id) + by), asset_id)
    _reorder(values, field, before, after)


def swap_frames(values: MultiValueDict[str, str]) -> None:
    first, last = values.getlist("image_url"), values.getlist("last_frame_image_url")
    values.setlist("image_url", last)
    values.setlist("last_frame_image_url", first)


def _reorder(values: MultiValueDict[str, str], field: str, before: list[str], after: list[str]) -> None:
    values.setlist(field, after)
    word = SLOTS[field].word
    if word:
        positions = {
            number: after.index(asset_id) + 1 if asset_id in after else None
            for number, asset_id in enumerate(before, start=1)
        }
        values["prompt"] = rename_tokens(values.get("prompt", ""), word, positions)
