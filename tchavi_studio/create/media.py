"""The files in the composer as plain data: which slots there are, what goes into each, and what a chip shows."""

from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tchavi_studio.assets.models import Asset, Kind
from tchavi_studio.gallery.sound_shape import Bar, bars_of
from tchavi_studio.generations.models import ReferenceRole
from tchavi_studio.generations.params import MAX_REFERENCE_AUDIOS, MAX_REFERENCE_IMAGES, MAX_REFERENCE_VIDEOS


class Mode(models.TextChoices):
    """What a clip starts from. The modes exclude one another, as the models' own do."""

    TEXT = "text", _("Text")
    FRAMES = "frames", _("Frames")
    REFERENCES = "references", _("References")


EXTENSIONS = {
    Kind.IMAGE: ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif", "heic", "heif"),
    Kind.VIDEO: ("mp4", "mov", "m4v"),
    Kind.AUDIO: ("wav", "mp3"),
}
"""How a browser tells a file's kind by its name. What the file really is, probing finds out."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One of the contract's media fields. `word` is what tokens call its files; frames have no tokens.

    `modes` are those that use the slot. A file that arrives in another mode switches the composer to the first of them.
    """

    field: str
    kind: Kind
    role: ReferenceRole
    capacity: int
    label: str | Promise
    word: str = ""
    modes: tuple[Mode, ...]

    @property
    def is_list(self) -> bool:
        return bool(self.word)

    @property
    def accepts_in(self) -> tuple[Mode, ...]:
        """The modes in which new files of this kind go here. The first file makes a text a scene with references."""
        return (*self.modes, Mode.TEXT) if self.is_list else self.modes

    @property
    def extensions(self) -> tuple[str, ...]:
        return EXTENSIONS[self.kind]

    @property
    def full_message(self) -> str:
        if not self.is_list:
            return str(_("Both frames are set. Remove one first."))
        return str(_("No more than %(count)s files fit here. Remove one first.") % {"count": self.capacity})

    def name_at(self, position: int) -> str | Promise:
        """What the file at `position` (from 1) is called: "Image1", "First frame"."""
        return f"{self.word}{position}" if self.is_list else self.label


SLOTS = {
    slot.field: slot
    for slot in (
        Slot(
            field="image_url",
            kind=Kind.IMAGE,
            role=ReferenceRole.FIRST_FRAME,
            capacity=1,
            label=_("First frame"),
            modes=(Mode.FRAMES,),
        ),
        Slot(
            field="last_frame_image_url",
            kind=Kind.IMAGE,
            role=ReferenceRole.LAST_FRAME,
            capacity=1,
            label=_("Last frame"),
            modes=(Mode.FRAMES,),
        ),
        Slot(
            field="reference_images",
            kind=Kind.IMAGE,
            role=ReferenceRole.IMAGE,
            capacity=MAX_REFERENCE_IMAGES,
            label=_("Images"),
            word="Image",
            modes=(Mode.REFERENCES,),
        ),
        Slot(
            field="reference_videos",
            kind=Kind.VIDEO,
            role=ReferenceRole.VIDEO,
            capacity=MAX_REFERENCE_VIDEOS,
            label=_("Videos"),
            word="Video",
            modes=(Mode.REFERENCES, Mode.FRAMES),
        ),
        Slot(
            field="reference_audios",
            kind=Kind.AUDIO,
            role=ReferenceRole.AUDIO,
            capacity=MAX_REFERENCE_AUDIOS,
            label=_("Audio"),
            word="Audio",
            modes=(Mode.REFERENCES, Mode.FRAMES),
        ),
    )
}
"""By the contract's field name, in the order they are shown in."""


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One file as the composer shows it. `position` counts from 1 within its slot.

    `trim_seconds` is how much of a file that is too long may be kept; None when there is nothing to trim.
    """

    slot: Slot
    position: int
    asset: Asset
    trim_seconds: float | None = None

    @property
    def name(self) -> str | Promise:
        return self.slot.name_at(self.position)

    @property
    def token(self) -> str:
        """How the prompt names it, "[Image1]"; "" for frames, which it can't name."""
        return f"[{self.name}]" if self.slot.is_list else ""

    @property
    def key(self) -> str:
        """What the buttons that act on this chip send."""
        return f"{self.slot.field}:{self.asset.pk}"

    @property
    def bars(self) -> list[Bar]:
        return bars_of(self.asset)

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


def clock(seconds: float) -> str:
    """A length as players show it: 0:07."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
