"""Why a file was refused, in words: what was found, what the limit is, and that nothing was stored."""

from math import ceil
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.refusals import UserFacingError

from .limits import (
    MAX_BYTES,
    MAX_DURATION_SECONDS,
    MAX_FRAME_RATE,
    MAX_JPEG_PIXELS,
    MAX_RATIO,
    MAX_SIDE_PIXELS,
    MAX_SOURCE_DURATION_SECONDS,
    MAX_STREAM_COUNT,
    MAX_VIDEO_AREA_PIXELS,
    MIN_DURATION_SECONDS,
    MIN_FRAME_RATE,
    MIN_RATIO,
    MIN_SAMPLE_RATE,
    MIN_SIDE_PIXELS,
    MIN_VIDEO_AREA_PIXELS,
    RefusedFileError,
)


class MediaRefusedError(UserFacingError):
    """A file that the studio does not take as a reference. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StudioBusyError(MediaRefusedError):
    """As many files are being fetched or examined as may be. The same request may work `retry_after_seconds` later."""

    retry_after_seconds = 5

    def __init__(self, message: str) -> None:
        super().__init__("studio_busy", message)


def too_many_fetches() -> StudioBusyError:
    """The refusal of a link while too many are being fetched."""
    return StudioBusyError(
        _("Too many links are being fetched right now. Nothing was stored and no credits moved: try again in 5 s.")
    )


def too_many_probes() -> StudioBusyError:
    """The refusal of a file while too many are being examined."""
    return StudioBusyError(
        _("Too many files are being examined right now. Nothing was stored and no credits moved: try again in 5 s.")
    )


def upload_refused(refusal: RefusedFileError) -> MediaRefusedError:
    """The refusal as told to whoever sent a reference."""
    nothing_stored = _("Nothing was stored.")
    return MediaRefusedError(refusal.code, f"{_reason(refusal)} {nothing_stored}")


def _reason(refusal: RefusedFileError) -> str:
    figures = refusal.figures
    match refusal.code:
        case "empty_file":
            return _("The file is empty.")
        case "unsupported_type":
            return _(
                "This file type isn't supported. Add a JPEG, PNG, WebP, BMP, TIFF, GIF or HEIC photo, an MP4 or MOV "
                "video, or WAV or MP3 audio."
            )
        case "unsupported_codec":
            return _unsupported_codec(figures)
        case "too_many_bytes":
            return _too_many_bytes(figures)
        case "workspace_full":
            return _(
                "The workspace uses %(used)s of its %(quota)s, so there's no room for this file. Delete references or "
                "clips you no longer need."
            ) % {"used": _gigabytes(figures["used_bytes"]), "quota": _gigabytes(figures["quota_bytes"])}
        case "studio_full":
            return _("The studio's disk is almost full, so it takes no new files. Ask the site's admin to free space.")
        case "too_short" | "too_long":
            return _duration(refusal.code, figures)
        case "frame_rate_out_of_range":
            return _("The video has %(rate)s frames per second. It must have %(min)s to %(max)s.") % {
                "rate": _number(figures["frame_rate"], 2),
                "min": _number(MIN_FRAME_RATE),
                "max": _number(MAX_FRAME_RATE),
            }
        case "sample_rate_too_low":
            return _("The audio has %(rate)s samples per second. It must have at least %(min)s.") % {
                "rate": _number(figures["sample_rate"]),
                "min": _number(MIN_SAMPLE_RATE),
            }
        case "no_video_stream":
            return _("This video file has no picture. To add sound only, use a WAV or MP3 file.")
        case "too_many_streams":
            return _("The file has %(count)s tracks. The limit is %(max)s.") % {
                "count": _number(figures["count"]),
                "max": _number(MAX_STREAM_COUNT),
            }
        case "truncated_file":
            return _("The video is incomplete, probably because its transfer was cut off. Send it again.")
        case "broken_file":
            return _("The file is damaged and can't be read.")
        case "too_complex":
            return _("Reading this file takes more time or memory than the studio allows. Try a smaller file.")
        case "address_refused":
            return _(
                "The file couldn't be fetched from this URL. It must be a public http or https URL that leads straight "
                "to the file."
            )
        case "trim_out_of_range":
            return _(
                "The trim must lie within the file and last %(min)s to %(max)s seconds. The file lasts %(duration)s "
                "seconds."
            ) % {
                "min": _number(MIN_DURATION_SECONDS),
                "max": _number(MAX_DURATION_SECONDS),
                "duration": _number(figures["duration_seconds"], 2),
            }
        case "not_trimmable":
            return _("A photo can't be trimmed.")
        case _:
            return _frame(refusal.code, figures)


def _frame(code: str, figures: dict[str, Any]) -> str:
    width, height = figures["width"], figures["height"]
    is_image = figures["kind"] == "image"
    found = _("The photo is %(width)s × %(height)s px.") if is_image else _("The video is %(width)s × %(height)s px.")
    rules = {
        "side_too_short": _("Its shorter side must be at least %(min)s px.") % {"min": _number(MIN_SIDE_PIXELS)},
        "side_too_long": _("Its longer side must be at most %(max)s px.") % {"max": _number(MAX_SIDE_PIXELS)},
        "ratio_out_of_range": _("Its ratio of width to height is %(ratio)s. It must be between %(min)s and %(max)s.")
        % {
            "ratio": _number(width / height, 3),
            "min": _number(MIN_RATIO, 1),
            "max": _number(MAX_RATIO, 1),
        },
        "area_too_small": _("That makes %(area)s pixels. It must have at least %(min)s, about 854 × 480.")
        % {"area": _number(width * height), "min": _number(MIN_VIDEO_AREA_PIXELS)},
        "area_too_large": _("That makes %(area)s pixels. It can have up to %(max)s, about 1920 × 1080.")
        % {"area": _number(width * height), "max": _number(MAX_VIDEO_AREA_PIXELS)},
        "too_many_pixels": _too_many_pixels(figures),
    }
    return f"{found % {'width': width, 'height': height}} {rules[code]}"


def _too_many_pixels(figures: dict[str, Any]) -> str:
    max_pixels = figures.get("max_pixels", 0)
    if max_pixels == MAX_JPEG_PIXELS:
        rule = _("That makes %(found)s megapixels. The limit is %(max)s.")
    else:
        rule = _(
            "That makes %(found)s megapixels. The limit for a file of its kind is %(max)s, and %(jpeg)s for a baseline "
            "JPEG."
        )
    return rule % {
        "found": _number(ceil(figures["width"] * figures["height"] / 1_000_000)),
        "max": _number(max_pixels // 1_000_000),
        "jpeg": _number(MAX_JPEG_PIXELS // 1_000_000),
    }


def _duration(code: str, figures: dict[str, Any]) -> str:
    if figures.get("cut_off"):
        found = _("The audio lasts more than %(duration)s seconds.")
    elif figures["kind"] == "video":
        found = _("The video lasts %(duration)s seconds.")
    else:
        found = _("The audio lasts %(duration)s seconds.")
    if code == "too_short":
        rule = _("It must last at least %(min)s seconds.") % {"min": _number(MIN_DURATION_SECONDS)}
    else:
        rule = _("The limit is %(max)s minutes, from which you can trim up to %(trim)s seconds.") % {
            "max": _number(MAX_SOURCE_DURATION_SECONDS / 60),
            "trim": _number(MAX_DURATION_SECONDS),
        }
    return f"{found % {'duration': _number(figures['duration_seconds'], 2)}} {rule}"


def _too_many_bytes(figures: dict[str, Any]) -> str:
    found = _("The file is larger than %(found)s.") if figures.get("cut_off") else _("The file is %(found)s.")
    match figures.get("kind"):
        case "image":
            rule = _("Photos must be under %(max)s.")
        case "video":
            rule = _("Videos can be up to %(max)s.")
        case "audio":
            rule = _("Audio files can be up to %(max)s.")
        case _:
            rule = _("Files can be up to %(max)s.")
    max_bytes = MAX_BYTES.get(figures.get("kind", ""), max(MAX_BYTES.values()))
    return f"{found % {'found': _megabytes(figures['byte_count'])}} {rule % {'max': _megabytes(max_bytes)}}"


def _unsupported_codec(figures: dict[str, Any]) -> str:
    codec = {"codec": figures["codec"]}
    match figures["kind"]:
        case "image":
            return _("The photo's colour format (%(codec)s) isn't supported. Save it as JPEG or PNG.") % codec
        case "video":
            return _("The video uses %(codec)s, which isn't supported. Save it as H.264 with AAC sound.") % codec
        case _:
            return _("The audio uses %(codec)s, which isn't supported. Save it as standard WAV or MP3.") % codec


def _number(value: float, decimals: int = 0) -> str:
    # Django truncates decimals instead of rounding, so 1.999 seconds never reads as the 2 that would be enough.
    return number_format(value, decimals)


def _megabytes(byte_count: int) -> str:
    tenths = ceil(byte_count / 100_000)  # rounded up, so that a file just over the limit never seems to be within it
    return _("%(megabytes)s MB") % {"megabytes": _number(tenths / 10, 1 if tenths % 10 else 0)}


def _gigabytes(byte_count: int) -> str:
    return _("%(gigabytes)s GB") % {"gigabytes": _number(byte_count / 1_000_000_000, 1)}
