"""Videos are checked on the file that is kept, and lose what they tell of their maker."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tchavi_studio.assets import probe_video
from tchavi_studio.assets.limits import RefusedFileError
from tests.assets.media import GPS, make_mp3, make_video, streams


def take(path: Path, directory: Path) -> dict[str, Any]:
    directory.mkdir(exist_ok=True)
    return probe_video.take_video(path, directory)


def refusal_of(path: Path, directory: Path) -> RefusedFileError:
    with pytest.raises(RefusedFileError) as refused:
        take(path, directory)
    return refused.value


def test_a_video_is_copied_with_poster_and_thumbnail(video: Path, tmp_path: Path) -> None:
    facts = take(video, tmp_path)
    assert facts == {
        "kind": "video",
        "content_type": "video/mp4",
        "width": 640,
        "height": 640,
        "duration_seconds": 2.0,
        "frame_rate": 24.0,
        "has_audio": True,
        "file": "file.mp4",
        "needs_trim": False,
        "poster": "poster.webp",
        "thumbnail": "thumbnail.webp",
    }
    assert streams(tmp_path / "file.mp4") == [("video", "h264"), ("audio", "aac")]
    content = (tmp_path / "file.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with Image.open(tmp_path / "poster.webp") as poster, Image.open(tmp_path / "thumbnail.webp") as thumbnail:
        assert (poster.size, thumbnail.size) == ((640, 640), (320, 320))


def test_the_pictures_are_copied_bit_by_bit(video: Path, tmp_path: Path) -> None:
    take(video, tmp_path)

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(video=0) if packet.size]

    assert packets(tmp_path / "file.mp4") == packets(video)


@pytest.mark.parametrize("extension", ["mp4", "mov"])
def test_the_place_and_every_other_tag_are_gone(tmp_path: Path, extension: str) -> None:
    path = make_video(
        tmp_path / f"a.{extension}",
        metadata={"location": GPS, "title": "Secret title", "comment": "Secret comment", "artist": "Secret artist"},
        movflags="use_metadata_tags" if extension == "mov" else "",
    )
    assert (b"loci" if extension == "mp4" else b"+12.37") in path.read_bytes()
    take(path, tmp_path / "out")
    content = (tmp_path / "out" / "file.mp4").read_bytes()
    for word in (b"+12.37", b"loci", b"Secret", b"Lavf"):
        assert word not in content, word


def test_further_streams_stay_behind(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        streams_made: list[Any] = []
        for _ in range(2):
            stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
            stream.width = stream.height = 640
            stream.pix_fmt = "yuv420p"
            streams_made.append(stream)
        words = container.add_mux_stream("mov_text")
        for stream in streams_made:
            for number in range(48):
                frame = av.VideoFrame(640, 640, "yuv420p")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        packet = av.Packet(b"\x00\x06Secret")
        packet.stream, packet.pts, packet.dts, packet.duration = words, 0, 0, 1000
        packet.time_base = Fraction(1, 1000)
        container.mux(packet)
    assert b"Secret" in (tmp_path / "a.mov").read_bytes()
    take(tmp_path / "a.mov", tmp_path / "out")
    assert streams(tmp_path / "out" / "file.mp4") == [("video", "h264")]
    assert b"Secret" not in (tmp_path / "out" / "file.mp4").read_bytes()


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_a_turned_video_stays_turned(tmp_path: Path, rotation: int) -> None:
    path = make_video(tmp_path / "a.mp4", width=480, height=960, rotation=rotation)
    facts = take(path, tmp_path / "out")
    displayed = (480, 960) if rotation in (0, 180) else (960, 480)
    assert (facts["width"], facts["height"]) == displayed
    with av.open(str(tmp_path / "out" / "file.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.rotation % 360, frame.width, frame.height) == (rotation % 360, 480, 960)
    with Image.open(tmp_path / "out" / "poster.webp") as poster:
        width, height = poster.size
        assert abs(width / height - displayed[0] / displayed[1]) < 0.01
        # The stored frame is brightest at its bottom right; a turn to the left brings that to the top right.
        corner = {0: (-9, -9), 90: (-9, 8), 180: (8, 8), -90: (8, -9)}[rotation]
        red, green, _ = poster.getpixel((corner[0] % width, corner[1] % height))  # type: ignore[misc]
        assert red > 200
        assert green > 200


def test_sound_that_browsers_do_not_play_is_encoded_anew(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mov", audio="pcm_s16le")
    facts = take(path, tmp_path / "out")
    assert streams(tmp_path / "out" / "file.mp4") == [("video", "h264"), ("audio", "aac")]
    assert (facts["has_audio"], facts["duration_seconds"]) == (True, 2.0)
    with av.open(str(tmp_path / "out" / "file.mp4")) as container:
        seconds = sum(frame.samples / frame.rate for frame in container.decode(audio=0))
    assert 1.95 < seconds < 2.1


@pytest.mark.parametrize("codec", ["libx265", "mpeg4", "libvpx-vp9"])
def test_other_codecs_are_taken(tmp_path: Path, codec: str) -> None:
    facts = take(make_video(tmp_path / "a.mp4", codec=codec), tmp_path / "out")
    assert facts["duration_seconds"] == 2.0


def test_a_codec_for_the_cutting_room_is_refused_by_name(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("mjpeg", rate=24)
        stream.width, stream.height, stream.pix_fmt = 640, 640, "yuvj420p"
        for number in range(48):
            frame = av.VideoFrame(640, 640, "yuvj420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refusal = refusal_of(tmp_path / "a.mov", tmp_path / "out")
    assert (refusal.code, refusal.figures) == ("unsupported_codec", {"kind": "video", "codec": "mjpeg"})


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    make_mp3(tmp_path / "a.mp3")
    with av.open(str(tmp_path / "a.mp3")) as source, av.open(str(tmp_path / "a.mp4"), "w") as target:
        copy = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    assert refusal_of(tmp_path / "a.mp4", tmp_path / "out").code == "no_video_stream"


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (640, 640, None),
        (638, 640, "area_too_small"),
        (1920, 1080, None),
        (1920, 1088, "area_too_large"),
        (298, 700, "side_too_short"),
        (1100, 400, "ratio_out_of_range"),
    ],
)
def test_sides_and_area(tmp_path: Path, width: int, height: int, code: str | None) -> None:
    path = make_video(tmp_path / "a.mp4", width=width, height=height)
    if code is None:
        facts = take(path, tmp_path / "out")
        assert (facts["width"], facts["height"]) == (width, height)
    else:
        assert refusal_of(path, tmp_path / "out").code == code


@pytest.mark.parametrize(
    ("frame_rate", "frame_count", "code"),
    [
        (24, 48, None),
        (24, 47, "too_short"),
        (Fraction(24000, 1001), 48, None),
        (Fraction(30000, 1001), 60, None),
        (60, 120, None),
        (23, 46, "frame_rate_out_of_range"),
        (61, 122, "frame_rate_out_of_range"),
    ],
)
def test_rate_and_shortest_duration(
    tmp_path: Path, frame_rate: Fraction | int, frame_count: int, code: str | None
) -> None:
    path = make_video(tmp_path / "a.mp4", frame_rate=frame_rate, frame_count=frame_count)
    if code is None:
        facts = take(path, tmp_path / "out")
        assert facts["frame_rate"] == round(float(frame_rate), 3)
        assert facts["duration_seconds"] == round(float(frame_count / frame_rate), 3)
    else:
        assert refusal_of(path, tmp_path / "out").code == code


@pytest.mark.parametrize(("frame_count", "needs_trim"), [(360, False), (361, True)])
def test_fifteen_seconds_are_enough(tmp_path: Path, frame_count: int, needs_trim: bool) -> None:
    path = make_video(tmp_path / "a.mp4", frame_count=frame_count)
    assert take(path, tmp_path / "out")["needs_trim"] is needs_trim


@pytest.mark.parametrize("front", ["moov", "mdat"])
@pytest.mark.parametrize("missing", [1, 2000, 20_000])
def test_a_cut_off_video_is_refused(tmp_path: Path, front: str, missing: int) -> None:
    path = make_video(tmp_path / "a.mp4", audio="aac", movflags="faststart" if front == "moov" else "")
    content = path.read_bytes()
    assert (content.index(b"moov") < content.index(b"mdat")) is (front == "moov")
    path.write_bytes(content[:-missing])
    assert refusal_of(path, tmp_path / "out").code == "truncated_file"


def test_a_cut_off_video_whose_last_box_reaches_to_the_end_is_refused(tmp_path: Path) -> None:
    """A length of zero means "to the end", so only the frames that are missing tell."""
    path = make_video(tmp_path / "a.mp4", movflags="faststart")
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") - 4
    content[at : at + 4] = bytes(4)
    path.write_bytes(content[:-2000])
    assert refusal_of(path, tmp_path / "out").code == "truncated_file"


def test_noise_in_a_box_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00\x00\x00\x01\x00moov" + b"\x7f" * 248)
    assert refusal_of(tmp_path / "a.mp4", tmp_path / "out").code == "broken_file"


def test_a_video_that_opens_in_the_dark_shows_a_later_frame(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width = stream.height = 640
        stream.pix_fmt = "yuv420p"
        for number in range(48):
            image = Image.new("RGB", (640, 640), "black" if number < 12 else "orange")
            frame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    take(tmp_path / "a.mp4", tmp_path / "out")
    with Image.open(tmp_path / "out" / "poster.webp") as poster:
        red, _, _ = poster.getpixel((320, 320))  # type: ignore[misc]
    assert red > 240


# --- Outputs ----------------------------------------------------------------------------------------------------------


def test_a_finished_clip_may_break_the_models_limits(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", width=320, height=180, seconds=1, frame_rate=12)
    facts = probe_video.verify_output(path, tmp_path)
    assert (facts["width"], facts["height"], facts["duration_seconds"], facts["frame_rate"]) == (320, 180, 1.0, 12.0)
    assert (tmp_path / facts["poster"]).exists()
    assert "file" not in facts


def test_the_poster_of_a_finished_clip_is_the_frame_that_tells_most(tmp_path: Path) -> None:
    """Black, then an empty red picture, then a blue one with something in it, then that one brighter."""
    plain, full = Image.new("RGB", (320, 180), (200, 0, 0)), Image.new("RGB", (320, 180), (0, 0, 150))
    for left in range(20, 300, 60):
        full.paste((250, 250, 0), (left, 40, left + 30, 140))
    pictures = [Image.new("RGB", (320, 180)), plain, full, full.point(lambda level: min(255, level + 5))]
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream: Any = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(48):
            frame = av.VideoFrame.from_image(pictures[number // 12])  # type: ignore[no-untyped-call]
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    facts = probe_video.verify_output(tmp_path / "a.mp4", tmp_path)
    with Image.open(tmp_path / facts["poster"]) as poster:
        red, green, blue = poster.getpixel((5, 5))  # type: ignore[misc]
    assert (red < 8, green < 8, 145 <= blue <= 153) == (True, True, True)


def test_a_finished_clip_with_a_hole_in_its_data_is_refused(tmp_path: Path) -> None:
    """Its boxes are whole, but what the decoder finds in the middle is not video."""
    path = make_video(tmp_path / "a.mp4", movflags="faststart")
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    content[start : start + 4000] = b"\xff" * 4000
    path.write_bytes(content)
    with pytest.raises(RefusedFileError) as refused:
        probe_video.verify_output(path, tmp_path)
    assert refused.value.code == "broken_file"


@pytest.mark.parametrize("missing", [1, 5000])
def test_a_cut_off_clip_is_refused(video: Path, tmp_path: Path, missing: int) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(video.read_bytes()[:-missing])
    with pytest.raises(RefusedFileError) as refused:
        probe_video.verify_output(path, tmp_path)
    assert refused.value.code == "truncated_file"


def test_the_sound_of_a_finished_clip_is_drawn_by_80_peaks(tmp_path: Path) -> None:
    """The tone swells from silence to full."""
    facts = probe_video.verify_output(make_video(tmp_path / "a.mp4", audio="aac"), tmp_path)
    peaks = facts["peaks"]
    assert (len(peaks), peaks[0] <= 2, max(peaks)) == (80, True, 100)
    assert all(abs(peaks[at] - round(at / 0.8)) <= 5 for at in (20, 40, 60))  # AAC keeps no exact levels
    assert probe_video.measure_sound(tmp_path / "a.mp4")["peaks"] == peaks


def test_a_finished_clip_without_sound_has_no_peaks(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4")
    assert probe_video.verify_output(path, tmp_path)["peaks"] == []
    assert probe_video.measure_sound(path)["peaks"] == []
