"""Why a file was not taken, in words: what was found, what the limit is, and that nothing was stored."""

from math import ceil
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

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


class MediaRefusedError(Exception):
    """A file that the studio does not take. `code` is stable, `message` is complete and for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


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
                "The file is none that the models take. Photos may be JPEG, PNG, WebP, BMP, TIFF, GIF or HEIC, videos "
                "MP4 or MOV, audio WAV or MP3."
            )
        case "unsupported_codec":
            return _unsupported_codec(figures)
        case "too_many_bytes":
            return _too_many_bytes(figures)
        case "workspace_full":
            return _(
                "The workspace has %(used)s of its %(quota)s in use, and this file does not fit in. Delete references "
                "or clips that are no longer needed."
            ) % {"used": _gigabytes(figures["used_bytes"]), "quota": _gigabytes(figures["quota_bytes"])}
        case "too_short" | "too_long":
            return _duration(refusal.code, figures)
        case "frame_rate_out_of_range":
            return _(
                "The video has %(rate)s frames per second. The models take %(lowest)s to %(highest)s frames per second."
            ) % {
                "rate": _number(figures["frame_rate"], 2),
                "lowest": _number(MIN_FRAME_RATE),
                "highest": _number(MAX_FRAME_RATE),
            }
        case "no_video_stream":
            return _("The file has no picture. Audio may be WAV or MP3.")
        case "too_many_streams":
            return _("The file has %(count)s streams. The studio opens files of at most %(highest)s.") % {
                "count": _number(figures["count"]),
                "highest": _number(MAX_STREAM_COUNT),
            }
        case "truncated_file":
            return _("The video ends before it is complete. Its transfer was probably cut off: send it again.")
        case "broken_file":
            return _("The file is damaged and can't be read.")
        case "too_complex":
            return _("The file can't be read within the time and memory that the studio gives to one file.")
        case "address_refused":
            return _(
                "The address could not be fetched. It must be a public http or https address that answers with the "
                "file itself."
            )
        case "trim_out_of_range":
            return _(
                "A trim must lie within the file and last %(shortest)s to %(longest)s seconds. This file lasts "
                "%(duration)s seconds."
            ) % {
                "shortest": _number(MIN_DURATION_SECONDS),
                "longest": _number(MAX_DURATION_SECONDS),
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
        "side_too_short": _("Its shorter side must be at least %(lowest)s px.") % {"lowest": _number(MIN_SIDE_PIXELS)},
        "side_too_long": _("Its longer side may be at most %(highest)s px.") % {"highest": _number(MAX_SIDE_PIXELS)},
        "ratio_out_of_range": _(
            "Its width divided by its height is %(ratio)s and must be between %(lowest)s and %(highest)s."
        )
        % {
            "ratio": _number(figures["width"] / figures["height"], 3),
            "lowest": _number(MIN_RATIO, 1),
            "highest": _number(MAX_RATIO, 1),
        },
        "area_too_small": _("Its area of %(area)s px² must be at least %(lowest)s px², about 854 × 480.")
        % {"area": _area(figures), "lowest": _number(MIN_VIDEO_AREA_PIXELS)},
        "area_too_large": _("Its area of %(area)s px² may be at most %(highest)s px², about 1920 × 1080.")
        % {"area": _area(figures), "highest": _number(MAX_VIDEO_AREA_PIXELS)},
        "too_many_pixels": _("It has %(found)s megapixels; the studio opens at most %(highest)s, as JPEG %(jpeg)s.")
        % {
            "found": _number(ceil(figures["width"] * figures["height"] / 1_000_000)),
            "highest": _number(MAX_IMAGE_PIXELS / 1_000_000),
            "jpeg": _number(MAX_JPEG_PIXELS / 1_000_000),
        },
    }
    return f"{found % size} {rules[code]}"


def _duration(code: str, figures: dict[str, Any]) -> str:
    is_video = figures["kind"] == "video"
    found = _("The video lasts %(duration)s seconds.") if is_video else _("The audio lasts %(duration)s seconds.")
    if code == "too_short":
        rule = _("It must last at least %(lowest)s seconds.") % {"lowest": _number(MIN_DURATION_SECONDS)}
    else:
        rule = _("The studio opens at most %(highest)s minutes, to cut up to %(longest)s seconds out of them.") % {
            "highest": _number(MAX_SOURCE_DURATION_SECONDS / 60),
            "longest": _number(MAX_DURATION_SECONDS),
        }
    return f"{found % {'duration': _number(figures['duration_seconds'], 2)}} {rule}"


def _too_many_bytes(figures: dict[str, Any]) -> str:
    found = _("The file has more than %(found)s.") if figures.get("cut_off") else _("The file has %(found)s.")
    match figures.get("kind"):
        case "image":
            rule = _("A photo must be under %(highest)s.")
        case "video":
            rule = _("A video may have at most %(highest)s.")
        case "audio":
            rule = _("An audio file may have at most %(highest)s.")
        case _:
            rule = _("A file may have at most %(highest)s.")
    highest = MAX_BYTES.get(figures.get("kind", ""), max(MAX_BYTES.values()))
    return f"{found % {'found': _megabytes(figures['byte_count'])}} {rule % {'highest': _megabytes(highest)}}"


def _unsupported_codec(figures: dict[str, Any]) -> str:
    codec = {"codec": figures["codec"]}
    match figures["kind"]:
        case "image":
            return _("The photo's colours (%(codec)s) can't be read. Save it as JPEG or PNG.") % codec
        case "video":
            return _("The video holds %(codec)s, which can't be used. Save it as H.264 with AAC sound.") % codec
        case _:
            return _("The audio holds %(codec)s, which can't be used. Save it as plain WAV or MP3.") % codec


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
