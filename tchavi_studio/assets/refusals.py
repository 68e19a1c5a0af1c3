"""Why a file was not taken, in words: what was found, what the limit is, and that nothing was stored."""

from math import ceil
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.refusals import UserFacingError

from .limits import (
    MAX_BYTES,
    MAX_DURATION_SECONDS,
    MAX_FRAME_RATE,
    MAX_IMAGE_PIXELS,
    MAX_JPEG_PIXELS,
    MAX_RATIO,
    MAX_SIDE_PIXELS,
    MAX_SOURCE_DURATION_SECONDS,
    MAX_STREAM_COUNT,
    MAX_VIDEO_AREA_PIXELS,
    MIN_DURATION_SECONDS,
    MIN_FRAME_RATE,
    MIN_RATIO,
    MIN_SIDE_PIXELS,
    MIN_VIDEO_AREA_PIXELS,
    RefusedFileError,
)


class MediaRefusedError(UserFacingError):
    """A file that the studio does not take as a reference. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def upload_refused(refusal: RefusedFileError) -> MediaRefusedError:
    """What the sender of a reference is told."""
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
                "This workspace uses %(used)s of its %(quota)s, so there is no room for this file. Delete references "
                "or clips that you no longer need."
            ) % {"used": _gigabytes(figures["used_bytes"]), "quota": _gigabytes(figures["quota_bytes"])}
        case "too_short" | "too_long":
            return _duration(refusal.code, figures)
        case "frame_rate_out_of_range":
            return _("The video has %(rate)s frames per second. It must have %(min)s to %(max)s.") % {
                "rate": _number(figures["frame_rate"], 2),
                "min": _number(MIN_FRAME_RATE),
                "max": _number(MAX_FRAME_RATE),
            }
        case "no_video_stream":
            return _("The file has no picture. To add sound, use a WAV or MP3 file.")
        case "too_many_streams":
            return _("The file has %(count)s streams. It can have up to %(max)s.") % {
                "count": _number(figures["count"]),
                "max": _number(MAX_STREAM_COUNT),
            }
        case "truncated_file":
            return _("The video is cut short, probably because a transfer was interrupted. Send it again.")
        case "broken_file":
            return _("The file is damaged and can't be read.")
        case "too_complex":
            return _("Reading this file takes too much time or memory. Try a smaller or simpler one.")
        case "address_refused":
            return _(
                "This URL couldn't be fetched. It must be a public http or https URL that leads straight to the file."
            )
        case "trim_out_of_range":
            return _(
                "A trim must lie within the file and last %(min)s to %(max)s seconds. This file lasts %(duration)s "
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
    size = {"width": figures["width"], "height": figures["height"]}
    is_image = figures["kind"] == "image"
    found = _("The photo is %(width)s × %(height)s px.") if is_image else _("The video is %(width)s × %(height)s px.")
    rules = {
        "side_too_short": _("Its shorter side must be at least %(min)s px.") % {"min": _number(MIN_SIDE_PIXELS)},
        "side_too_long": _("Its longer side can be up to %(max)s px.") % {"max": _number(MAX_SIDE_PIXELS)},
        "ratio_out_of_range": _("Its width divided by its height is %(ratio)s and must be between %(min)s and %(max)s.")
        % {
            "ratio": _number(figures["width"] / figures["height"], 3),
            "min": _number(MIN_RATIO, 1),
            "max": _number(MAX_RATIO, 1),
        },
        "area_too_small": _("Its area is %(area)s px² and must be at least %(min)s px², about 854 × 480.")
        % {"area": _area(figures), "min": _number(MIN_VIDEO_AREA_PIXELS)},
        "area_too_large": _("Its area is %(area)s px² and can be up to %(max)s px², about 1920 × 1080.")
        % {"area": _area(figures), "max": _number(MAX_VIDEO_AREA_PIXELS)},
        "too_many_pixels": _("It has %(found)s megapixels. A photo can have up to %(max)s, or %(max_jpeg)s as a JPEG.")
        % {
            "found": _number(ceil(figures["width"] * figures["height"] / 1_000_000)),
            "max": _number(MAX_IMAGE_PIXELS / 1_000_000),
            "max_jpeg": _number(MAX_JPEG_PIXELS / 1_000_000),
        },
    }
    return f"{found % size} {rules[code]}"


def _duration(code: str, figures: dict[str, Any]) -> str:
    is_video = figures["kind"] == "video"
    found = _("The video lasts %(duration)s seconds.") if is_video else _("The audio lasts %(duration)s seconds.")
    if code == "too_short":
        rule = _("It must last at least %(min)s seconds.") % {"min": _number(MIN_DURATION_SECONDS)}
    else:
        rule = _("It can last up to %(max)s minutes, to be trimmed to %(max_trimmed)s seconds or less.") % {
            "max": _number(MAX_SOURCE_DURATION_SECONDS / 60),
            "max_trimmed": _number(MAX_DURATION_SECONDS),
        }
    return f"{found % {'duration': _number(figures['duration_seconds'], 2)}} {rule}"


def _too_many_bytes(figures: dict[str, Any]) -> str:
    found = _("The file is larger than %(found)s.") if figures.get("cut_off") else _("The file is %(found)s.")
    match figures.get("kind"):
        case "image":
            rule = _("A photo must be under %(max)s.")
        case "video":
            rule = _("A video can be up to %(max)s.")
        case "audio":
            rule = _("An audio file can be up to %(max)s.")
        case _:
            rule = _("A file can be up to %(max)s.")
    max_bytes = MAX_BYTES.get(figures.get("kind", ""), max(MAX_BYTES.values()))
    return f"{found % {'found': _megabytes(figures['byte_count'])}} {rule % {'max': _megabytes(max_bytes)}}"


def _unsupported_codec(figures: dict[str, Any]) -> str:
    codec = {"codec": figures["codec"]}
    match figures["kind"]:
        case "image":
            return _("The photo's colours (%(codec)s) can't be read. Save it as JPEG or PNG.") % codec
        case "video":
            return _("The video uses %(codec)s, which isn't supported. Save it as H.264 with AAC sound.") % codec
        case _:
            return _("The audio uses %(codec)s, which isn't supported. Save it as plain WAV or MP3.") % codec


def _area(figures: dict[str, Any]) -> str:
    return _number(figures["width"] * figures["height"])


def _number(value: float, decimals: int = 0) -> str:
    # Django cuts decimals off instead of rounding, so 1.999 seconds never read as the 2 that would be enough.
    return number_format(value, decimals)


def _megabytes(byte_count: int) -> str:
    tenths = ceil(byte_count / 100_000)  # rounded up, so that a file just over the limit never reads as just within
    return _("%(megabytes)s MB") % {"megabytes": _number(tenths / 10, 1 if tenths % 10 else 0)}


def _gigabytes(byte_count: int) -> str:
    return _("%(gigabytes)s GB") % {"gigabytes": _number(byte_count / 1_000_000_000, 1)}
