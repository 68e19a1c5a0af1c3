"""Hints: what a model may do differently from what was asked. They never stop a request."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.engines.formats import ADAPTIVE, nearest_aspect_ratio

from .params import TOKEN, GenerationParams, Problem

KLING_PROMPT_MAX_LENGTH = 2_500
KLING_MIN_DURATION_SECONDS = 3
KLING_ASPECT_RATIOS = ("16:9", "9:16", "1:1")
SEEDANCE_PROMPT_MAX_WORDS = 1_000
MAX_NATIVE_AUDIO_SECONDS = 15
CROP_TOLERANCE = 1.02


def hints_for(params: GenerationParams) -> list[Problem]:
    """Hints for a valid request: about its tokens, the model's native range and its frames."""
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
            message=_("[%(token)s] doesn't exist.") % {"token": f"{kind}{number}"},
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
            "%(tokens)s isn't mentioned in the prompt.",
            "%(tokens)s aren't mentioned in the prompt.",
            len(unmentioned),
        ) % {"tokens": ", ".join(unmentioned)}
        hints.append(Problem(field="prompt", code="unmentioned_reference", message=message))
    return hints


def _model_hints(params: GenerationParams) -> list[Problem]:
    hints = []
    if params.model == "kling-v3":
        if len(params.prompt) > KLING_PROMPT_MAX_LENGTH:
            hints.append(
                ("prompt", "beyond_native", _("Kling v3 natively supports prompts of up to 2,500 characters."))
            )
        if 0 < params.duration_seconds < KLING_MIN_DURATION_SECONDS:
            hints.append(("duration", "beyond_native", _("Kling v3 natively supports 3–15 s.")))
        if params.aspect_ratio not in (*KLING_ASPECT_RATIOS, ADAPTIVE):
            hints.append(("aspect_ratio", "beyond_native", _("Kling v3 natively supports 16:9, 9:16 and 1:1.")))
    elif len(params.prompt.split()) > SEEDANCE_PROMPT_MAX_WORDS:
        hints.append(("prompt", "beyond_native", _("Seedance 2 works best with prompts of up to 1,000 words.")))
    audio_seconds = sum(audio.duration_seconds or 0 for audio in params.reference_audios)
    if round(audio_seconds, 1) > MAX_NATIVE_AUDIO_SECONDS:
        hints.append(
            ("reference_audios", "beyond_native", _("The models natively support 15 s of reference audio in total."))
        )
    return [Problem(field=field, code=code, message=message) for field, code, message in hints]


def _frame_hints(params: GenerationParams) -> list[Problem]:
    hints = []
    if params.first_frame and (params.reference_videos or params.reference_audios):
        message = _("Models may not use frames and references together: some of what you added may be ignored.")
        hints.append(Problem(field="image_url", code="mixed_modes", message=message))
    frame = params.first_frame
    if frame and frame.pixels and params.aspect_ratio != ADAPTIVE:
        width, height = params.pixel_size
        if _is_cropped(frame.pixels, (width, height)):
            message = _("The first frame will be centre-cropped to %(ratio)s.") % {"ratio": params.aspect_ratio}
            hints.append(Problem(field="image_url", code="cropped", message=message))
    last = params.last_frame
    if frame and last and frame.pixels and last.pixels and _is_cropped(last.pixels, frame.pixels):
        message = _("The last frame's shape differs from the first, so it will be cropped to match.")
        hints.append(Problem(field="last_frame_image_url", code="cropped", message=message))
    return hints


def _is_cropped(picture: tuple[int, int], target: tuple[int, int]) -> bool:
    shapes = sorted((picture[0] / picture[1], target[0] / target[1]))
    # The table's pixel sizes only approximate their ratios (864 × 496 is 1.742); those few rows don't count as a crop.
    return shapes[1] / shapes[0] > CROP_TOLERANCE and nearest_aspect_ratio(*picture) != nearest_aspect_ratio(*target)
