"""Every refusal names what was found and what the limit is, and says that nothing was stored."""

import re
from pathlib import Path

import pytest
from django.utils import translation

import tchavi_studio.assets
from tchavi_studio.assets.limits import RefusedFileError
from tchavi_studio.assets.refusals import upload_refused

CASES = [
    (
        RefusedFileError("side_too_short", kind="image", width=200, height=900),
        "The photo is 200 × 900 px. Its shorter side must be at least 300 px. Nothing was stored.",
    ),
    (
        RefusedFileError("side_too_long", kind="video", width=6001, height=2401),
        "The video is 6001 × 2401 px. Its longer side must be at most 6,000 px. Nothing was stored.",
    ),
    (
        RefusedFileError("ratio_out_of_range", kind="image", width=900, height=300),
        "The photo is 900 × 300 px. Its ratio of width to height is 3.000. It must be between 0.4 and 2.5. "
        "Nothing was stored.",
    ),
    (
        RefusedFileError("area_too_small", kind="video", width=640, height=480),
        "The video is 640 × 480 px. That makes 307,200 pixels. It must have at least 409,600, about 854 × 480. "
        "Nothing was stored.",
    ),
    (
        RefusedFileError("area_too_large", kind="video", width=3840, height=2160),
        "The video is 3840 × 2160 px. That makes 8,294,400 pixels. It can have up to 2,086,876, about 1920 × 1080. "
        "Nothing was stored.",
    ),
    (
        RefusedFileError("too_many_pixels", kind="image", width=50_000, height=50_000, max_pixels=64_999_999),
        "The photo is 50000 × 50000 px. That makes 2,500 megapixels. The limit for a file of its kind is 64, and 110 "
        "for a baseline JPEG. Nothing was stored.",
    ),
    (
        RefusedFileError("too_many_pixels", kind="image", width=50_000, height=50_000, max_pixels=110_000_000),
        "The photo is 50000 × 50000 px. That makes 2,500 megapixels. The limit is 110. Nothing was stored.",
    ),
    (
        RefusedFileError("too_short", kind="video", duration_seconds=1.958),
        "The video lasts 1.95 seconds. It must last at least 2 seconds. Nothing was stored.",
    ),
    (
        RefusedFileError("too_long", kind="audio", duration_seconds=1900.0),
        "The audio lasts 1,900.00 seconds. The limit is 30 minutes, from which you can trim up to 15 seconds. "
        "Nothing was stored.",
    ),
    (
        RefusedFileError("too_long", kind="audio", duration_seconds=1800.0, cut_off=True),
        "The audio lasts more than 1,800.00 seconds. The limit is 30 minutes, from which you can trim up to 15 "
        "seconds. Nothing was stored.",
    ),
    (
        RefusedFileError("studio_full"),
        "The studio's disk is almost full, so it takes no new files. Ask the site's admin to free space. "
        "Nothing was stored.",
    ),
    (
        RefusedFileError("sample_rate_too_low", sample_rate=100),
        "The audio has 100 samples per second. It must have at least 8,000. Nothing was stored.",
    ),
    (
        RefusedFileError("frame_rate_out_of_range", frame_rate=12.5),
        "The video has 12.50 frames per second. It must have 24 to 60. Nothing was stored.",
    ),
    (
        RefusedFileError("too_many_bytes", kind="image", byte_count=30_000_000),
        "The file is 30 MB. Photos must be under 30 MB. Nothing was stored.",
    ),
    (
        RefusedFileError("too_many_bytes", kind="video", byte_count=50_000_001),
        "The file is 50.1 MB. Videos can be up to 50 MB. Nothing was stored.",
    ),
    (
        RefusedFileError("too_many_bytes", kind="audio", byte_count=15_900_000),
        "The file is 15.9 MB. Audio files can be up to 15 MB. Nothing was stored.",
    ),
    (
        RefusedFileError("too_many_bytes", byte_count=50_000_000, cut_off=True),
        "The file is larger than 50 MB. Files can be up to 50 MB. Nothing was stored.",
    ),
    (RefusedFileError("empty_file"), "The file is empty. Nothing was stored."),
    (
        RefusedFileError("unsupported_type"),
        "This file type isn't supported. Add a JPEG, PNG, WebP, BMP, TIFF, GIF or HEIC photo, an MP4 or MOV video, or "
        "WAV or MP3 audio. Nothing was stored.",
    ),
    (
        RefusedFileError("unsupported_codec", kind="video", codec="prores"),
        "The video uses prores, which isn't supported. Save it as H.264 with AAC sound. Nothing was stored.",
    ),
    (
        RefusedFileError("unsupported_codec", kind="image", codec="F"),
        "The photo's colour format (F) isn't supported. Save it as JPEG or PNG. Nothing was stored.",
    ),
    (
        RefusedFileError("unsupported_codec", kind="audio", codec="adpcm_ms"),
        "The audio uses adpcm_ms, which isn't supported. Save it as standard WAV or MP3. Nothing was stored.",
    ),
    (
        RefusedFileError("no_video_stream"),
        "This video file has no picture. To add sound only, use a WAV or MP3 file. Nothing was stored.",
    ),
    (
        RefusedFileError("too_many_streams", count=20),
        "The file has 20 tracks. The limit is 16. Nothing was stored.",
    ),
    (
        RefusedFileError("truncated_file", kind="video"),
        "The video is incomplete, probably because its transfer was cut off. Send it again. Nothing was stored.",
    ),
    (
        RefusedFileError("broken_file", kind="image"),
        "The file is damaged and can't be read. Nothing was stored.",
    ),
    (
        RefusedFileError("too_complex"),
        "Reading this file takes more time or memory than the studio allows. Try a smaller file. Nothing was stored.",
    ),
    (
        RefusedFileError("address_refused"),
        "The file couldn't be fetched from this URL. It must be a public http or https URL that leads straight to the "
        "file. Nothing was stored.",
    ),
    (
        RefusedFileError("workspace_full", used_bytes=19_960_000_000, quota_bytes=20_000_000_000),
        "The workspace uses 19.9 GB of its 20.0 GB, so there's no room for this file. Delete references or clips you "
        "no longer need. Nothing was stored.",
    ),
    (
        RefusedFileError("trim_out_of_range", duration_seconds=16.5),
        "The trim must lie within the file and last 2 to 15 seconds. The file lasts 16.50 seconds. Nothing was stored.",
    ),
    (RefusedFileError("not_trimmable"), "A photo can't be trimmed. Nothing was stored."),
]


@pytest.mark.parametrize(("refusal", "message"), CASES, ids=lambda value: getattr(value, "code", ""))
def test_the_whole_message(refusal: RefusedFileError, message: str) -> None:
    with translation.override("en"):
        told = upload_refused(refusal)
    assert (told.code, told.message, str(told)) == (refusal.code, message, message)


def test_every_code_that_is_raised_has_a_message() -> None:
    sources = Path(tchavi_studio.assets.__file__).parent.glob("*.py")
    raised = {code for path in sources for code in re.findall(r'RefusedFileError\(\s*"(\w+)"', path.read_text())}
    assert raised == {refusal.code for refusal, _ in CASES}
