"""The published prices, and what an operator may put in their place.

No Django: the settings use it to check STUDIO_PRICES.

Source: the API's published prices (480p 260 credits a second, 720p 580, for both models; auto is billed as 10 s). An
operator may override them with STUDIO_PRICES, for instance if the provider charges extra for audio:
`{"kling-v3": {"480p": 260, "720p": 580, "audio_surcharge": 40}}`, all in credits per second.
"""

from typing import Any

from environs import ValidationError

from tchavi_studio.engines.formats import RESOLUTIONS

from .params import MODELS

PUBLISHED_CREDITS_PER_SECOND = {"480p": 260, "720p": 580}
AUDIO_SURCHARGE = "audio_surcharge"
MAX_CREDITS_PER_SECOND = 1_000_000
PRICED = (*RESOLUTIONS, AUDIO_SURCHARGE)


def require_prices(overrides: Any) -> None:
    """Refuse unknown models and resolutions, and anything but whole credits. Raises ValidationError."""
    if not isinstance(overrides, dict):
        raise ValidationError("Must be a JSON object, with models as its keys.")
    for model, changed in overrides.items():
        if model not in MODELS:
            raise ValidationError(f"Unknown model {model!r}; choose from {', '.join(MODELS)}.")
        if not isinstance(changed, dict):
            raise ValidationError(f"{model} must be a JSON object, with resolutions as its keys.")
        for name, credits in changed.items():
            if name not in PRICED:
                raise ValidationError(f"Unknown price {model}.{name}; choose from {', '.join(PRICED)}.")
            # True is a whole number to Python.
            if type(credits) is not int or not 0 <= credits <= MAX_CREDITS_PER_SECOND:
                raise ValidationError(f"{model}.{name} must be whole credits from 0 to {MAX_CREDITS_PER_SECOND}.")
