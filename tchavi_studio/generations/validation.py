"""The one validator: it says which values are allowed, alone and together.

The browser form and `/v1` both pass it a mapping of the contract's field names; neither adds a rule. Errors stop a
request; hints (`hints.py`) never do.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS

from .hints import hints_for
from .params import (
    DEFAULT_DURATION_SECONDS,
    DEFAULTS,
    FIELDS,
    MAX_DURATION_SECONDS,
    MAX_REFERENCE_AUDIOS,
    MAX_REFERENCE_IMAGES,
    MAX_REFERENCE_VIDEO_SECONDS,
    MAX_REFERENCE_VIDEOS,
    MIN_DURATION_SECONDS,
    MIN_REFERENCE_SECONDS,
    MODELS,
    PROMPT_MAX_LENGTH,
    SEED_MAX,
    GenerationParams,
    MediaReference,
    Problem,
)


@dataclass(frozen=True, kw_only=True)
class Validated:
    """The result of `validate()`. `params` is None if there are errors.

    `unchecked` is the request as far as it could be read: a field with an error may hold anything. Hints are given as
    soon as nothing is wrong, even while the prompt is still missing. `ignored_fields` are unknown names that resemble
    no field of the contract.
    """

    params: GenerationParams | None
    unchecked: GenerationParams
    errors: tuple[Problem, ...] = ()
    hints: tuple[Problem, ...] = ()
    ignored_fields: tuple[str, ...] = ()


def validate(raw: Mapping[str, Any], *, allowed_models: Collection[str] = ()) -> Validated:
    """Check a whole request and report all its problems together.

    `allowed_models` are those that the workspace allows (`Workspace.allowed_models`), none meaning all.

    `raw` maps the contract's field names to values of the contract's types, as in JSON: `true`, `"5"` and `2.5` aren't
    integers. A field that is missing or None takes its default. References are `MediaReference`s.
    """
    check = _Check(raw)
    # Built even from invalid fields, so that every problem is found.
    unchecked = GenerationParams(
        model=check.choice("model", models_among(allowed_models)),
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


def models_among(allowed_models: Collection[str]) -> list[str]:
    """The models that a workspace may use if it allows these, none meaning all."""
    return [model for model in MODELS if model in allowed_models] or list(MODELS)


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
                _("%(value)s isn't available. Choose one of: %(allowed)s.")
                % {"value": _shown(value), "allowed": ", ".join(allowed)},
            )
        return str(value)

    def prompt(self) -> str:
        value = self.value("prompt")
        if value is None or (isinstance(value, str) and not value.strip()):
            self.refuse("prompt", "required", _("Describe the scene: the prompt is empty."))
            return ""
        if not isinstance(value, str):
            self.refuse("prompt", "not_a_string", _("The prompt must be text."))
            return ""
        if len(value) > PROMPT_MAX_LENGTH:
            self.refuse(
                "prompt",
                "too_long",
                _("The prompt has %(found)s characters. The limit is %(limit)s.")
                % {"found": number_format(len(value)), "limit": number_format(PROMPT_MAX_LENGTH)},
            )
        if "\0" in value:
            self.refuse("prompt", "null_character", _("The prompt contains a NUL character. Remove it."))
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
        message = _("The duration must be a whole number of seconds from %(min)s to %(max)s, or −1 for auto.") % {
            "min": MIN_DURATION_SECONDS,
            "max": MAX_DURATION_SECONDS,
        }
        value = self.integer("duration", message)
        if value is None:
            return DEFAULT_DURATION_SECONDS
        if value != AUTO_DURATION_SECONDS and not MIN_DURATION_SECONDS <= value <= MAX_DURATION_SECONDS:
            self.refuse("duration", "out_of_range", message)
        return value

    def seed(self) -> int | None:
        message = _("The seed must be a whole number from 0 to %(max)s.") % {"max": SEED_MAX}
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
            self.refuse(field, "not_a_reference", _("Add a single file or URL here."))
            return None
        self._kind(field, value, kind)
        return value

    def references(self, field: str, kind: str, max_count: int) -> tuple[MediaReference, ...]:
        value = self.value(field)
        if value is None:
            return ()
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.refuse(field, "not_a_list", _("Add a list of files or URLs here."))
            return ()
        if not all(isinstance(item, MediaReference) for item in value):
            self.refuse(field, "not_a_reference", _("Each item of this list must be a file or a URL."))
            return ()
        if len(value) > max_count:
            self.refuse(field, "too_many", _TOO_MANY[kind] % {"max": max_count, "found": len(value)})
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
        # Uploads were checked on arrival, but the studio's own clips can be references too.
        elif reference.duration_seconds is not None and round(reference.duration_seconds, 1) < MIN_REFERENCE_SECONDS:
            self.refuse(
                field,
                "too_short",
                _("%(name)s is %(found)s s long. References must be at least %(limit)s s long.")
                % {
                    **where,
                    "found": number_format(reference.duration_seconds, decimal_pos=1),
                    "limit": MIN_REFERENCE_SECONDS,
                },
            )

    def combinations(self) -> None:
        """Check rules between fields, on the raw values: even a field with an error counts as given."""
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
                _("The reference videos are %(found)s s long in total. The limit is %(limit)s s: trim or remove one.")
                % {"found": number_format(seconds, decimal_pos=1), "limit": MAX_REFERENCE_VIDEO_SECONDS},
            )

    def unknown_fields(self) -> tuple[str, ...]:
        """Refuse misspelled fields; return the other unknown names, which are ignored."""
        ignored = []
        for name in self.raw:
            if name in FIELDS:
                continue
            meant = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.8)
            if meant:
                self.refuse(
                    name,
                    "unknown_field",
                    _("Unknown field %(name)s. Did you mean %(meant)s?") % {"name": _shown(name), "meant": meant[0]},
                )
            else:
                ignored.append(name)
        return tuple(ignored)


def _shown(value: object) -> str:
    """A caller's value for a message: shortened, and in quotation marks."""
    text = str(value)
    return _("“%(value)s”") % {"value": f"{text[:40]}…" if len(text) > 40 else text}


_NUMBERED = {"image": gettext_lazy("Image %d"), "video": gettext_lazy("Video %d"), "audio": gettext_lazy("Audio %d")}
_WRONG_KIND = {
    "image": gettext_lazy("%(name)s isn't an image. Only images can be used here."),
    "video": gettext_lazy("%(name)s isn't a video. Only videos can be used here."),
    "audio": gettext_lazy("%(name)s isn't an audio file. Only audio can be used here."),
}
_TOO_MANY = {
    "image": gettext_lazy("You can use up to %(max)s reference images; there are %(found)s."),
    "video": gettext_lazy("You can use up to %(max)s reference videos; there are %(found)s."),
    "audio": gettext_lazy("You can use up to %(max)s reference audio files; there are %(found)s."),
}
