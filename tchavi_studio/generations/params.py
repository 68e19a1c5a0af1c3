"""The request: every parameter of the API's contract, and the one place that says which values are allowed together.

The browser form and the `/v1` door both hand a mapping of the contract's field names to `validate()`; neither adds a
rule. Errors stop a request. Hints never do: they say what a model may do differently from what was asked.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import (
    ADAPTIVE,
    ASPECT_RATIOS,
    RESOLUTIONS,
    billed_seconds,
    nearest_aspect_ratio,
    pixel_size,
)

MODELS = {"seedance-2": "Seedance 2", "kling-v3": "Kling v3"}
"""The contract's models, with the names that people know them by."""

DEFAULT_DURATION_SECONDS = 5
DEFAULTS: dict[str, Any] = {
    "model": "seedance-2",
    "duration": DEFAULT_DURATION_SECONDS,
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "generate_audio": True,
}
MIN_DURATION_SECONDS, MAX_DURATION_SECONDS = 1, 15
PROMPT_MAX_LENGTH = 10_000
SEED_MAX = 2**32 - 1
MAX_REFERENCE_IMAGES, MAX_REFERENCE_VIDEOS, MAX_REFERENCE_AUDIOS = 9, 3, 3
MIN_REFERENCE_SECONDS = 2
MAX_REFERENCE_VIDEO_SECONDS = MAX_NATIVE_AUDIO_SECONDS = 15

KLING_PROMPT_MAX_LENGTH = 2_500
KLING_MIN_DURATION_SECONDS = 3
KLING_ASPECT_RATIOS = ("16:9", "9:16", "1:1")
SEEDANCE_PROMPT_MAX_WORDS = 1_000
CROP_TOLERANCE = 1.02

TOKEN = re.compile(r"\[(Image|Video|Audio)(\d{1,2})\]")
"""How a prompt names a reference: [Image1], [Video2], [Audio1]; counted from 1."""


@dataclass(frozen=True, kw_only=True)
class MediaReference:
    """One reference of a request: an asset of the workspace, or a URL that is not fetched yet.

    `kind` is "image", "video" or "audio", and "" for a URL not looked into yet. Sizes are pixels as displayed.
    `needs_trim` marks an asset longer than the models take, which is stored only to be trimmed.
    """

    kind: str
    asset_id: UUID | None = None
    url: str = ""
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    needs_trim: bool = False
    name: str = ""

    @property
    def pixels(self) -> tuple[int, int] | None:
        return (self.width, self.height) if self.width and self.height else None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something about one field (the contract's name for it): a stable `code`, and a `message` for people."""

    field: str
    code: str
    message: str

    @property
    def is_missing_prompt(self) -> bool:
        return (self.field, self.code) == ("prompt", "required")


@dataclass(frozen=True, kw_only=True)
class GenerationParams:
    """A request that keeps every rule of the contract. Only `validate()` makes one.

    `duration_seconds` is 1–15 or −1 (the model chooses). `seed` is None when it is to be drawn.
    """

    model: str
    prompt: str
    duration_seconds: int
    resolution: str
    aspect_ratio: str
    generate_audio: bool
    seed: int | None = None
    first_frame: MediaReference | None = None
    last_frame: MediaReference | None = None
    reference_images: tuple[MediaReference, ...] = ()
    reference_videos: tuple[MediaReference, ...] = ()
    reference_audios: tuple[MediaReference, ...] = ()

    @property
    def billed_seconds(self) -> int:
        """The seconds that are paid for: auto is billed as 10."""
        return billed_seconds(self.duration_seconds)

    @property
    def pixel_size(self) -> tuple[int, int]:
        """Width and height of the clip. Adaptive follows the first frame, else the first visual reference."""
        seen = [self.first_frame, *self.reference_images, *self.reference_videos]
        adapt_to = next((reference.pixels for reference in seen if reference and reference.pixels), None)
        return pixel_size(resolution=self.resolution, aspect_ratio=self.aspect_ratio, adapt_to_pixels=adapt_to)


@dataclass(frozen=True, kw_only=True)
class Validated:
    """The answer of `validate()`. `params` is there exactly when `errors` is empty.

    `unchecked` is the request as far as it could be read: a field that an error names may hold anything. Hints are
    given as soon as nothing is wrong, even while the prompt is still missing. `ignored_fields` are names that the
    contract does not know and that look like none that it does.
    """

    params: GenerationParams | None
    unchecked: GenerationParams
    errors: tuple[Problem, ...] = ()
    hints: tuple[Problem, ...] = ()
    ignored_fields: tuple[str, ...] = ()


FIELDS = (
    "model",
    "prompt",
    "duration",
    "resolution",
    "aspect_ratio",
    "generate_audio",
    "seed",
    "image_url",
    "last_frame_image_url",
    "reference_images",
    "reference_videos",
    "reference_audios",
)
"""The contract's names, in its order; problems are reported in this order too."""


def validate(raw: Mapping[str, Any]) -> Validated:
    """Check a whole request and report all its problems at once.

    `raw` maps the contract's field names to values of the contract's types, as JSON would give them: `true`, `"5"` and
    `2.5` are no integers. A field that is missing or None takes its default. References are `MediaReference`s.
    """
    check = _Check(raw)
    # Built in any case, so that every field is read and every problem found.
    unchecked = GenerationParams(
        model=check.choice("model", tuple(MODELS)),
        prompt=check.prompt(),
        duration_seconds=check.duration(),
        resolution=check.choice("resolution", RESOLUTIONS),
        aspect_ratio=check.choice("aspect_ratio", ASPECT_RATIOS),
        generate_audio=check.boolean("generate_audio"),
        seed=check.seed(),
        first_frame=check.reference("image_url", "image"),
        last_frame=check.reference("last_frame_image_url", "image"),
        reference_images=check.references("reference_images", "image", MAX_REFERENCE_IMAGES),
        reference_videos=check.references("reference_videos", "video", MAX_REFERENCE_VIDEOS),
        reference_audios=check.references("reference_audios", "audio", MAX_REFERENCE_AUDIOS),
    )
    check.combinations()
    ignored = check.unknown_fields()
    order = {name: position for position, name in enumerate(FIELDS)}
    errors = sorted(check.errors, key=lambda problem: order.get(problem.field, len(order)))
    is_well_formed = all(error.is_missing_prompt for error in errors)
    return Validated(
        params=None if errors else unchecked,
        unchecked=unchecked,
        errors=tuple(errors),
        hints=tuple(hints_for(unchecked)) if is_well_formed else (),
        ignored_fields=ignored,
    )


class _Check:
    """Collects the errors of one request while its fields are read."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.errors: list[Problem] = []

    def refuse(self, field: str, code: str, message: object) -> None:
        self.errors.append(Problem(field=field, code=code, message=str(message)))

    def value(self, field: str) -> Any:
        given = self.raw.get(field)
        return DEFAULTS.get(field) if given is None and field != "model" else given

    def choice(self, field: str, allowed: Sequence[str]) -> str:
        value = self.value(field)
        if value is None:
            self.refuse(field, "required", _("Choose one of: %(allowed)s.") % {"allowed": ", ".join(allowed)})
        elif not isinstance(value, str) or value not in allowed:
            self.refuse(
                field,
                "not_a_choice",
                _("%(value)s is not available. Choose one of: %(allowed)s.")
                % {"value": _shown(value), "allowed": ", ".join(allowed)},
            )
        return str(value)

    def prompt(self) -> str:
        value = self.value("prompt")
        if value is None or (isinstance(value, str) and not value.strip()):
            self.refuse("prompt", "required", _("Describe the scene: the prompt is empty."))
            return ""
        if not isinstance(value, str):
            self.refuse("prompt", "not_a_string", _("The prompt must be a text."))
            return ""
        if len(value) > PROMPT_MAX_LENGTH:
            self.refuse(
                "prompt",
                "too_long",
                _("The prompt has %(found)s characters; at most %(limit)s are possible.")
                % {"found": number_format(len(value)), "limit": number_format(PROMPT_MAX_LENGTH)},
            )
        if "\0" in value:
            self.refuse("prompt", "null_character", _("The prompt contains a NUL character; take it out."))
        return value

    def integer(self, field: str, message: str) -> int | None:
        value = self.value(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(field, "not_an_integer", message)
            return None
        return value

    def duration(self) -> int:
        message = _("The duration must be a whole number of seconds from %(least)s to %(most)s, or −1 for auto.") % {
            "least": MIN_DURATION_SECONDS,
            "most": MAX_DURATION_SECONDS,
        }
        value = self.integer("duration", message)
        if value is None:
            return DEFAULT_DURATION_SECONDS
        if value != AUTO_DURATION_SECONDS and not MIN_DURATION_SECONDS <= value <= MAX_DURATION_SECONDS:
            self.refuse("duration", "out_of_range", message)
        return value

    def seed(self) -> int | None:
        message = _("The seed must be a whole number from 0 to %(most)s.") % {"most": SEED_MAX}
        value = self.integer("seed", message)
        if value is not None and not 0 <= value <= SEED_MAX:
            self.refuse("seed", "out_of_range", message)
        return value

    def boolean(self, field: str) -> bool:
        value = self.value(field)
        if not isinstance(value, bool):
            self.refuse(field, "not_a_boolean", _("Choose on or off (true or false)."))
        return bool(value)

    def reference(self, field: str, kind: str) -> MediaReference | None:
        value = self.value(field)
        if value is None:
            return None
        if not isinstance(value, MediaReference):
            self.refuse(field, "not_a_reference", _("Give one file or URL here."))
            return None
        self._kind(field, value, kind)
        return value

    def references(self, field: str, kind: str, most: int) -> tuple[MediaReference, ...]:
        value = self.value(field)
        if value is None:
            return ()
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.refuse(field, "not_a_list", _("Give a list of files or URLs here."))
            return ()
        if not all(isinstance(item, MediaReference) for item in value):
            self.refuse(field, "not_a_reference", _("Each item of this list must be a file or a URL."))
            return ()
        if len(value) > most:
            self.refuse(field, "too_many", _TOO_MANY[kind] % {"most": most, "found": len(value)})
        for position, item in enumerate(value, start=1):
            self._kind(field, item, kind, position)
        return tuple(value)

    def _kind(self, field: str, reference: MediaReference, kind: str, position: int | None = None) -> None:
        where = {"name": reference.name or _NUMBERED[kind] % (position or 1)}
        if reference.kind and reference.kind != kind:
            self.refuse(field, "wrong_kind", _WRONG_KIND[kind] % where)
        elif reference.needs_trim:
            self.refuse(
                field,
                "too_long",
                _("%(name)s is longer than %(limit)s s. Trim it first.")
                % {**where, "limit": MAX_REFERENCE_VIDEO_SECONDS},
            )
        # Uploads were checked when they came; a clip of the studio's own, used as a reference, was not.
        elif reference.duration_seconds is not None and round(reference.duration_seconds, 1) < MIN_REFERENCE_SECONDS:
            self.refuse(
                field,
                "too_short",
                _("%(name)s lasts %(found)s s; a reference needs at least %(limit)s s.")
                % {
                    **where,
                    "found": number_format(reference.duration_seconds, decimal_pos=1),
                    "limit": MIN_REFERENCE_SECONDS,
                },
            )

    def combinations(self) -> None:
        """What the contract says of fields together. Reads what was asked, also where a single value was refused."""
        has = {field: bool(self.raw.get(field)) for field in FIELDS}
        if has["last_frame_image_url"] and not has["image_url"]:
            self.refuse("last_frame_image_url", "requires_first_frame", _("A last frame needs a first frame."))
        if has["image_url"] and has["reference_images"]:
            self.refuse(
                "reference_images",
                "excluded_by_first_frame",
                _("Reference images can't be combined with a first frame: remove one or the other."),
            )
        if has["reference_audios"] and not (has["image_url"] or has["reference_images"]):
            self.refuse(
                "reference_audios",
                "requires_image",
                _("Reference audio needs a first frame or at least one reference image."),
            )
        self._video_seconds()

    def _video_seconds(self) -> None:
        videos = self.raw.get("reference_videos")
        if not isinstance(videos, Sequence) or isinstance(videos, str):
            return
        seconds = sum(video.duration_seconds or 0 for video in videos if isinstance(video, MediaReference))
        # A file's duration is measured to its last frame: 15 s cut to the frame may read as 15.02 s.
        if round(seconds, 1) > MAX_REFERENCE_VIDEO_SECONDS:
            self.refuse(
                "reference_videos",
                "too_long_together",
                _("The reference videos last %(found)s s together; at most %(limit)s s fit. Trim or remove one.")
                % {"found": number_format(seconds, decimal_pos=1), "limit": MAX_REFERENCE_VIDEO_SECONDS},
            )

    def unknown_fields(self) -> tuple[str, ...]:
        """Refuse near misses of known fields; return the other unknown names, which are ignored."""
        ignored = []
        for name in self.raw:
            if name in FIELDS:
                continue
            meant = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.8)
            if meant:
                self.refuse(
                    name,
                    "unknown_field",
                    _("There is no field %(name)s. Did you mean %(meant)s?")
                    % {"name": _shown(name), "meant": meant[0]},
                )
            else:
                ignored.append(name)
        return tuple(ignored)


def _shown(value: object) -> str:
    """A caller's value as it may stand in a message: short, and in quotation marks."""
    text = str(value)
    return _("“%(value)s”") % {"value": f"{text[:40]}…" if len(text) > 40 else text}


_NUMBERED = {"image": gettext_lazy("Image %d"), "video": gettext_lazy("Video %d"), "audio": gettext_lazy("Audio %d")}
_WRONG_KIND = {
    "image": gettext_lazy("%(name)s is not an image; only images can be used here."),
    "video": gettext_lazy("%(name)s is not a video; only videos can be used here."),
    "audio": gettext_lazy("%(name)s is not an audio file; only audio can be used here."),
}
_TOO_MANY = {
    "image": gettext_lazy("At most %(most)s reference images; there are %(found)s."),
    "video": gettext_lazy("At most %(most)s reference videos; there are %(found)s."),
    "audio": gettext_lazy("At most %(most)s reference audios; there are %(found)s."),
}


def hints_for(params: GenerationParams) -> list[Problem]:
    """What a valid request should know: tokens that name nothing, and where a model's native range ends."""
    return [*_token_hints(params), *_model_hints(params), *_frame_hints(params)]


def _token_hints(params: GenerationParams) -> list[Problem]:
    given = {
        "Image": len(params.reference_images),
        "Video": len(params.reference_videos),
        "Audio": len(params.reference_audios),
    }
    mentioned = {(kind, int(number)) for kind, number in TOKEN.findall(params.prompt)}
    hints = [
        Problem(
            field="prompt",
            code="unknown_token",
            message=_("[%(token)s] does not exist.") % {"token": f"{kind}{number}"},
        )
        for kind, number in sorted(mentioned)
        if not 1 <= number <= given[kind]
    ]
    unmentioned = [
        f"[{kind}{number}]"
        for kind, count in given.items()
        for number in range(1, count + 1)
        if (kind, number) not in mentioned
    ]
    if unmentioned:
        message = ngettext(
            "%(tokens)s is not mentioned in the prompt.",
            "%(tokens)s are not mentioned in the prompt.",
            len(unmentioned),
        ) % {"tokens": ", ".join(unmentioned)}
        hints.append(Problem(field="prompt", code="unmentioned_reference", message=message))
    return hints


def _model_hints(params: GenerationParams) -> list[Problem]:
    hints = []
    if params.model == "kling-v3":
        if len(params.prompt) > KLING_PROMPT_MAX_LENGTH:
            hints.append(("prompt", "beyond_native", _("Kling v3 natively reads prompts of up to 2,500 characters.")))
        if 0 < params.duration_seconds < KLING_MIN_DURATION_SECONDS:
            hints.append(("duration", "beyond_native", _("Kling v3 natively makes 3–15 s.")))
        if params.aspect_ratio not in (*KLING_ASPECT_RATIOS, ADAPTIVE):
            hints.append(("aspect_ratio", "beyond_native", _("Kling v3 natively makes 16:9, 9:16 and 1:1.")))
    elif len(params.prompt.split()) > SEEDANCE_PROMPT_MAX_WORDS:
        hints.append(("prompt", "beyond_native", _("Seedance 2 is best with prompts of up to 1,000 words.")))
    audio_seconds = sum(audio.duration_seconds or 0 for audio in params.reference_audios)
    if round(audio_seconds, 1) > MAX_NATIVE_AUDIO_SECONDS:
        hints.append(
            ("reference_audios", "beyond_native", _("The models natively take 15 s of reference audio in all."))
        )
    return [Problem(field=field, code=code, message=message) for field, code, message in hints]


def _frame_hints(params: GenerationParams) -> list[Problem]:
    hints = []
    if params.first_frame and (params.reference_videos or params.reference_audios):
        message = _("Models may not follow frames and references at once: some of what you added may be ignored.")
        hints.append(Problem(field="image_url", code="mixed_modes", message=message))
    frame = params.first_frame
    if frame and frame.pixels and params.aspect_ratio != ADAPTIVE:
        width, height = params.pixel_size
        if _is_cropped(frame.pixels, (width, height)):
            message = _("The first frame will be cropped at its centre to %(ratio)s.") % {"ratio": params.aspect_ratio}
            hints.append(Problem(field="image_url", code="cropped", message=message))
    last = params.last_frame
    if frame and last and frame.pixels and last.pixels and _is_cropped(last.pixels, frame.pixels):
        message = _("The last frame has another shape than the first and will be cropped to it.")
        hints.append(Problem(field="last_frame_image_url", code="cropped", message=message))
    return hints


def _is_cropped(picture: tuple[int, int], target: tuple[int, int]) -> bool:
    shapes = sorted((picture[0] / picture[1], target[0] / target[1]))
    # The table's pixel sizes are themselves only near their ratios (864 × 496 is 1.742): those few rows are no crop.
    return shapes[1] / shapes[0] > CROP_TOLERANCE and nearest_aspect_ratio(*picture) != nearest_aspect_ratio(*target)
