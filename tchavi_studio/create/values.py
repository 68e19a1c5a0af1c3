"""What the composer holds: the form's fields and their values as text, whoever filled them in."""

from uuid import uuid4

from django.utils.datastructures import MultiValueDict

from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.params import DEFAULTS

from .media import SLOTS, Mode

Values = MultiValueDict[str, str]


def default_values() -> Values:
    """The composer as somebody finds it the first time."""
    return Values(
        {
            "mode": [Mode.TEXT.value],
            "prompt": [""],
            "model": [DEFAULTS["model"]],
            "duration": [str(DEFAULTS["duration"])],
            "resolution": [DEFAULTS["resolution"]],
            "aspect_ratio": [DEFAULTS["aspect_ratio"]],
            "generate_audio": ["on"] if DEFAULTS["generate_audio"] else [],
            "variations": ["1"],
        }
    )


def values_of_clip(clip: Generation, *, with_seed: bool) -> Values:
    """What the composer held when `clip` was asked for, with that clip as the new one's parent."""
    values = default_values()
    is_auto = clip.duration_seconds == AUTO_DURATION_SECONDS
    for name, value in {
        "mode": clip.mode,
        "prompt": clip.prompt,
        "model": clip.model,
        "resolution": clip.resolution,
        "aspect_ratio": clip.aspect_ratio,
        "seed": str(clip.seed) if with_seed else "",
        "parent": str(clip.pk),
        "duration": str(DEFAULTS["duration"] if is_auto else clip.duration_seconds),
    }.items():
        values[name] = value
    values.setlist("duration_auto", ["on"] if is_auto else [])
    values.setlist("generate_audio", ["on"] if clip.generate_audio else [])
    field_of = {str(slot.role): slot.field for slot in SLOTS.values()}
    for reference in clip.references.all():
        values.appendlist(field_of[reference.role], str(reference.asset_id))
    return values


def with_fresh_submission(values: Values) -> Values:
    """The same for one more submission, whose id tells it from the last one."""
    fresh = values.copy()
    fresh["submission_id"] = str(uuid4())
    return fresh
