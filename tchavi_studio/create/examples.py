"""Scenes to begin with, for whoever has made nothing yet."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.prices import quote
from tchavi_studio.generations.validation import validate

from .values import Values, default_values


@dataclass(frozen=True, kw_only=True)
class Example:
    """A scene to begin with, for whoever has made nothing yet."""

    prompt: str | Promise
    model: str
    duration_seconds: int
    resolution: str
    aspect_ratio: str

    @property
    def model_label(self) -> str:
        return MODELS[self.model]

    @property
    def price_credits(self) -> int:
        params = validate(
            {
                "model": self.model,
                "prompt": str(self.prompt),
                "duration": self.duration_seconds,
                "resolution": self.resolution,
                "aspect_ratio": self.aspect_ratio,
            }
        ).params
        assert params is not None, "an example breaks the contract"
        return quote(params).total_credits

    @property
    def values(self) -> Values:
        values = default_values()
        values["prompt"] = str(self.prompt)
        values["model"] = self.model
        values["duration"] = str(self.duration_seconds)
        values["resolution"] = self.resolution
        values["aspect_ratio"] = self.aspect_ratio
        return values


EXAMPLES = (
    Example(
        prompt=gettext_lazy(
            "Golden hour on the lagoon: a wooden pirogue glides towards the sun, the paddle breaks the mirror of the "
            "water. Slow dolly forward, birds far away, soft percussion."
        ),
        model="seedance-2",
        duration_seconds=5,
        resolution="480p",
        aspect_ratio="16:9",
    ),
    Example(
        prompt=gettext_lazy(
            "A tailor's hands guide indigo wax cloth under the needle of a sewing machine, macro, dust in the window "
            "light, the rhythm of the pedal."
        ),
        model="kling-v3",
        duration_seconds=5,
        resolution="480p",
        aspect_ratio="9:16",
    ),
    Example(
        prompt=gettext_lazy(
            "Night market after the rain: neon in the puddles, steam over the grills, the camera drifts between the "
            "stalls at shoulder height. Distant highlife from a radio."
        ),
        model="seedance-2",
        duration_seconds=8,
        resolution="720p",
        aspect_ratio="16:9",
    ),
)
