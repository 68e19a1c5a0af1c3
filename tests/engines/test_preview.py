"""The preview engine from the outside: requests in, files and facts out."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from tchavi_studio.engines.base import (
    EngineReference,
    EngineRequest,
    LocalEngine,
    RenderCancelledError,
    RenderedClip,
    RenderFailedError,
)
from tchavi_studio.engines.preview import PreviewEngine
from tchavi_studio.engines.preview.engine import RENDER
from tchavi_studio.engines.preview.render import render_clip
from tchavi_studio.engines.preview.wire import Failure, decode_answer
from tchavi_studio.sandbox import SandboxedProcess
from tests.engines import media
from tests.probing import InThisProcess

REQUEST = EngineRequest(
    generation_id="5f0c",
    model="seedance-2",
    prompt="A ball in a studio, static shot",
    duration_seconds=1,
    resolution="480p",
    aspect_ratio="16:9",
    generate_audio=False,
    seed=7,
)


def render(request: EngineRequest, folder: Path) -> RenderedClip:
    """The way the studio renders: in a sandboxed process."""
    engine: LocalEngine = PreviewEngine()
    return engine.render(request, output_path=folder / "clip.mp4", on_progress=lambda _: True)


def draw(request: EngineRequest, folder: Path) -> RenderedClip:
    """The same without the process, for tests of pictures and sound alone."""
    return render_clip(request, folder / "clip.mp4", lambda _: None)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine works without a sandboxed process, for tests of what it makes of an answer."""
    monkeypatch.setattr("tchavi_studio.engines.preview.engine.SandboxedProcess", InThisProcess)


def difference(frame: np.ndarray, image: Image.Image) -> float:
    """Mean difference of two pictures of one size, in levels of 255, outside the mark's corner."""
    other = np.asarray(image.convert("RGB"), np.int16)
    return float(np.abs(frame - other)[60:].mean())


def box_types(path: Path) -> list[str]:
    """The top-level boxes of an MP4 in their order."""
    content, at, types = path.read_bytes(), 0, []
    while at < len(content):
        types.append(content[at + 4 : at + 8].decode("ascii"))
        at += int.from_bytes(content[at : at + 4])
    return types


# --- The file ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "pixels"),
    [("480p", "9:16", (496, 864)), ("480p", "4:3", (752, 560)), ("720p", "3:4", (834, 1112))],
)
def test_the_file_is_what_browsers_play(
    tmp_path: Path, resolution: str, aspect_ratio: str, pixels: tuple[int, int]
) -> None:
    request = replace(REQUEST, resolution=resolution, aspect_ratio=aspect_ratio, generate_audio=True)
    clip = render(request, tmp_path)
    with av.open(str(clip.path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height) == pixels == (clip.width, clip.height)
        context = video.codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert video.average_rate == 24
        assert video.frames == clip.frame_count == 24
        assert (audio.codec_context.name, audio.rate, audio.layout.name) == ("aac", 48_000, "stereo")
        assert container.duration == 1_000_000
        assert audio.duration is not None
        assert audio.time_base is not None
        assert float(audio.duration * audio.time_base) == pytest.approx(1, abs=0.001)
    assert (clip.duration_seconds, clip.has_audio) == (1.0, True)
    assert box_types(clip.path).index("moov") < box_types(clip.path).index("mdat")


def test_a_silent_request_gives_no_audio_track(tmp_path: Path) -> None:
    clip = draw(REQUEST, tmp_path)
    with av.open(str(clip.path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    assert clip.has_audio is False


def test_auto_lasts_ten_seconds(tmp_path: Path) -> None:
    clip = draw(replace(REQUEST, duration_seconds=-1), tmp_path)
    with av.open(str(clip.path)) as container:
        assert (container.streams.video[0].frames, container.duration) == (240, 10_000_000)
    assert (clip.duration_seconds, clip.frame_count) == (10.0, 240)


def test_the_file_says_what_it_is_and_keeps_the_prompt_to_itself(tmp_path: Path) -> None:
    clip = draw(replace(REQUEST, prompt="Zanzibar by night", seed=4294967295), tmp_path)
    with av.open(str(clip.path)) as container:
        assert container.metadata["title"] == "PREVIEW rendered by Tchavi Studio's preview engine"
        assert container.metadata["comment"] == (
            "PREVIEW rendered by Tchavi Studio's preview engine. Model: seedance-2. Seed: 4294967295."
        )
    assert b"Zanzibar" not in clip.path.read_bytes()


def test_every_frame_carries_the_mark(tmp_path: Path) -> None:
    black = media.photo(tmp_path / "black.png", Image.new("RGB", (864, 496)))
    frames = media.frames_of(draw(replace(REQUEST, first_frame=black), tmp_path).path)
    assert {int(frame[:60, :160].max()) > 120 and int(frame[60:].max()) < 12 for frame in frames} == {True}


# --- What people gave is seen and heard ------------------------------------------------------------------------------


def test_the_first_frame_opens_and_the_last_closes(tmp_path: Path) -> None:
    first, last = media.textured((900, 700), 1), media.textured((400, 800), 2)
    request = replace(
        REQUEST,
        first_frame=media.photo(tmp_path / "first.png", first),
        last_frame=media.photo(tmp_path / "last.png", last),
    )
    frames = media.frames_of(draw(request, tmp_path).path)
    opening, closing = (ImageOps.fit(image, (864, 496), Image.Resampling.LANCZOS) for image in (first, last))
    assert difference(frames[0], opening) < 3
    assert difference(frames[-1], closing) < 3
    assert difference(frames[0], closing) > 20
    # The way between them is gradual: no single step is a cut.
    steps = [float(np.abs(after - before).mean()) for before, after in pairwise(frames)]
    assert max(steps) < difference(frames[0], closing) / 4


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photo_is_shown_upright(tmp_path: Path, orientation: int) -> None:
    image = media.textured((640, 360), 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    reference = EngineReference(content_type="image/jpeg", path=tmp_path / "turned.jpg")
    clip = draw(replace(REQUEST, aspect_ratio="adaptive", first_frame=reference), tmp_path)
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}[orientation]
    upright = image.transpose(turn)
    assert (clip.width, clip.height) == ((864, 496) if orientation == 3 else (496, 864))
    frame = media.frames_of(clip.path)[0]
    assert difference(frame, ImageOps.fit(upright, (clip.width, clip.height), Image.Resampling.LANCZOS)) < 4


def test_every_reference_image_and_video_is_seen(tmp_path: Path) -> None:
    red, green, blue, yellow = (230, 20, 20), (20, 200, 30), (20, 30, 230), (220, 210, 20)
    request = replace(
        REQUEST,
        reference_images=[
            media.photo(tmp_path / "red.png", Image.new("RGB", (400, 300), red)),
            media.photo(tmp_path / "green.png", Image.new("RGB", (300, 400), green)),
        ],
        reference_videos=[media.video(tmp_path / "blue then yellow.mp4", [blue, yellow])],
        duration_seconds=2,
    )
    frames = media.frames_of(draw(request, tmp_path).path)
    shown = [tuple(int(level) for level in np.median(frame.reshape(-1, 3), axis=0)) for frame in frames]

    def first_near(colour: tuple[int, int, int]) -> int:
        return next(
            index for index, seen in enumerate(shown) if max(abs(a - b) for a, b in zip(seen, colour, strict=True)) < 25
        )

    order = [first_near(colour) for colour in (red, green, blue, yellow)]
    assert order[0] == 0
    assert order == sorted(set(order))
    # The video runs at its own speed: half a second from its first colour to its second.
    assert 40 <= order[3] <= 44


def test_a_short_video_starts_again(tmp_path: Path) -> None:
    blue, yellow = (20, 30, 230), (220, 210, 20)
    clip_of_two = media.video(tmp_path / "short.mp4", [blue, yellow])
    frames = media.frames_of(draw(replace(REQUEST, reference_videos=[clip_of_two], duration_seconds=2), tmp_path).path)
    blueness = [bool(frame[60:, :, 2].mean() > 128) for frame in frames]
    assert blueness == [True] * 12 + [False] * 12 + [True] * 12 + [False] * 12


def test_twelve_references_fit_into_one_second(tmp_path: Path) -> None:
    images = [media.photo(tmp_path / f"{n}.png", Image.new("RGB", (300, 300), (25 * n, 0, 128))) for n in range(9)]
    videos = [media.video(tmp_path / f"{n}.mp4", [(0, 80 * n, 0)]) for n in range(3)]
    clip = draw(replace(REQUEST, reference_images=images, reference_videos=videos), tmp_path)
    reds = {round(float(np.median(frame[..., 0])) / 25) for frame in media.frames_of(clip.path)}
    assert reds >= set(range(9))


@pytest.mark.parametrize(
    ("image_size", "video_size", "pixels"),
    [((500, 500), (320, 240), (640, 640)), (None, (240, 320), (560, 752)), (None, None, (864, 496))],
)
def test_adaptive_follows_the_first_visual_reference(
    tmp_path: Path,
    image_size: tuple[int, int] | None,
    video_size: tuple[int, int] | None,
    pixels: tuple[int, int],
) -> None:
    images = [media.photo(tmp_path / "a.png", media.textured(image_size, 1))] if image_size else []
    videos = [media.video(tmp_path / "a.mp4", [(9, 9, 9)], size=video_size)] if video_size else []
    clip = draw(replace(REQUEST, aspect_ratio="adaptive", reference_images=images, reference_videos=videos), tmp_path)
    assert (clip.width, clip.height) == pixels


def test_reference_audio_is_heard(tmp_path: Path) -> None:
    tones = [
        media.wav(tmp_path / "a.wav", hertz=1000, seconds=0.8),
        media.wav(tmp_path / "b.wav", hertz=3000, seconds=0.8),
    ]
    image = media.photo(tmp_path / "a.png", media.textured((400, 300), 1))
    request = replace(REQUEST, generate_audio=True, duration_seconds=2, reference_images=[image])
    plain = media.sound_of(draw(request, tmp_path).path)
    mixed = media.sound_of(draw(replace(request, reference_audios=tones), tmp_path).path)
    first, second = slice(9_600, 33_600), slice(43_200, 67_200)
    assert media.strength_at(mixed[:, first], 1000) > 0.15 > 20 * media.strength_at(plain[:, first], 1000)
    assert media.strength_at(mixed[:, second], 3000) > 0.15 > 20 * media.strength_at(plain[:, second], 3000)
    assert media.strength_at(mixed[:, first], 3000) < 0.01
    # Both soundtracks are alive, and neither clips.
    assert [0.05 < float(np.abs(samples).max()) < 1 for samples in (plain, mixed)] == [True, True]


def test_a_reference_videos_sound_lies_low_in_the_mix(tmp_path: Path) -> None:
    reference = media.video(tmp_path / "a.mp4", [(9, 9, 9), (99, 99, 99)], hertz=2000)
    clip = draw(replace(REQUEST, generate_audio=True, reference_videos=[reference]), tmp_path)
    assert 0.02 < media.strength_at(media.sound_of(clip.path)[:, 12_000:36_000], 2000) < 0.1


# --- The same again ---------------------------------------------------------------------------------------------------


def test_the_same_request_gives_the_same_frames_and_samples(tmp_path: Path) -> None:
    hashes = set()
    for folder in (tmp_path / "here", tmp_path / "there"):
        folder.mkdir()
        image = media.photo(folder / f"{folder.name}.png", media.textured((400, 300), 1))
        voice = media.wav(folder / f"{folder.name}.wav", hertz=440, seconds=0.5)
        request = replace(REQUEST, generate_audio=True, first_frame=image, reference_audios=[voice])
        hashes.add(render(request, folder).content_hash)
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64


def test_whatever_is_asked_differently_gives_another_clip(tmp_path: Path) -> None:
    requests = [
        REQUEST,
        replace(REQUEST, seed=8),
        replace(REQUEST, prompt="Morning on the lagoon"),
        replace(REQUEST, generate_audio=True),
        replace(REQUEST, first_frame=media.photo(tmp_path / "a.png", media.textured((400, 300), 1))),
        replace(REQUEST, first_frame=media.photo(tmp_path / "b.png", media.textured((400, 300), 2))),
    ]
    requests.append(replace(requests[-1], seed=8))
    assert len({draw(request, tmp_path).content_hash for request in requests}) == len(requests)


@pytest.mark.parametrize("colour", ["black", "grey", "white"])
def test_a_plain_picture_still_tells_one_seed_from_another(tmp_path: Path, colour: str) -> None:
    plain = media.photo(tmp_path / "plain.png", Image.new("RGB", (864, 496), colour))
    clips = [draw(replace(REQUEST, seed=seed, first_frame=plain), tmp_path) for seed in (1, 2)]
    assert clips[0].content_hash != clips[1].content_hash
    frame = media.frames_of(clips[1].path)[12]
    assert float(np.abs(frame[60:] - np.asarray(Image.new("RGB", (1, 1), colour), np.int16)).max()) <= 8


# --- Progress and stopping --------------------------------------------------------------------------------------------


def test_progress_rises_to_one(tmp_path: Path) -> None:
    told: list[float] = []

    def on_progress(done: float) -> bool:
        told.append(done)
        return True

    PreviewEngine().render(REQUEST, output_path=tmp_path / "clip.mp4", on_progress=on_progress)
    assert told == sorted(told)
    assert (told[0], told[-1], told.count(1.0)) == (0.0, 1.0, 1)
    assert any(0 < done < 1 for done in told)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("stop_at", [0.0, 0.1, 1.0])
def test_a_stopped_render_ends_at_once_and_leaves_nothing(tmp_path: Path, stop_at: float) -> None:
    stopped_at = 0.0

    def on_progress(done: float) -> bool:
        nonlocal stopped_at
        stopped_at = time.monotonic()
        return done < stop_at

    with pytest.raises(RenderCancelledError):
        PreviewEngine().render(REQUEST, output_path=tmp_path / "clip.mp4", on_progress=on_progress)
    assert time.monotonic() - stopped_at < 0.5
    assert list(tmp_path.iterdir()) == []


def test_a_render_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    engine = PreviewEngine(profile=replace(RENDER, max_wall_seconds=0.3))
    with pytest.raises(RenderFailedError) as caught:
        engine.render(
            replace(REQUEST, duration_seconds=15), output_path=tmp_path / "clip.mp4", on_progress=lambda _: True
        )
    assert caught.value.code == "render_timed_out"
    assert list(tmp_path.iterdir()) == []


def test_an_older_clip_survives_a_failed_render(tmp_path: Path) -> None:
    older = tmp_path / "clip.mp4"
    older.write_bytes(b"older")
    missing = EngineReference(content_type="image/png", path=tmp_path / "missing.png")
    with pytest.raises(RenderFailedError):
        render(replace(REQUEST, first_frame=missing), tmp_path)
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(older, b"older")]


# --- Broken and hostile files -----------------------------------------------------------------------------------------


def broken(path: Path, content_type: str, content: bytes) -> EngineReference:
    path.write_bytes(content)
    return EngineReference(content_type=content_type, path=path)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("field", "content_type", "code", "figures"),
    [
        ("first_frame", "image/png", "first_frame_unreadable", {}),
        ("last_frame", "image/jpeg", "last_frame_unreadable", {}),
        ("reference_images", "image/webp", "reference_image_unreadable", {"number": 2}),
        ("reference_videos", "video/mp4", "reference_video_unreadable", {"number": 2}),
        ("reference_audios", "audio/wav", "reference_audio_unreadable", {"number": 2}),
    ],
)
def test_a_broken_reference_is_named(
    tmp_path: Path, field: str, content_type: str, code: str, figures: dict[str, int]
) -> None:
    good: dict[str, EngineReference] = {
        "image": media.photo(tmp_path / "good.png", media.textured((400, 300), 1)),
        "video": media.video(tmp_path / "good.mp4", [(9, 9, 9)]),
        "audio": media.wav(tmp_path / "good.wav", hertz=440, seconds=0.3),
    }
    bad = broken(tmp_path / "bad", content_type, b"neither this nor that" * 50)
    request = replace(REQUEST, generate_audio=True)
    request = replace(request, first_frame=good["image"]) if field in ("last_frame", "reference_audios") else request
    value: Any = (good[content_type.split("/")[0]], bad) if field.startswith("reference") else bad
    with pytest.raises(RenderFailedError) as caught:
        render(replace(request, **{field: value}), tmp_path)
    assert (caught.value.code, caught.value.figures, caught.value.message) == (code, figures, "")
    assert {path.name for path in tmp_path.iterdir()} == {"good.png", "good.mp4", "good.wav", "bad"}


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("fault", ["no path", "no file", "half a file", "wrong type", "unknown type", "sliver", "bomb"])
def test_a_first_frame_that_is_no_photo_is_refused(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "photo.png"
    media.textured((400, 300), 1).save(path)
    content_type = {"wrong type": "image/jpeg", "unknown type": "image/svg+xml"}.get(fault, "image/png")
    match fault:
        case "no file":
            path.unlink()
        case "half a file":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "sliver":
            Image.new("L", (3000, 300)).save(path)
        case "bomb":
            Image.new("1", (7000, 6000)).save(path)
    reference = EngineReference(content_type=content_type, path=None if fault == "no path" else path)
    with pytest.raises(RenderFailedError) as caught:
        render(replace(REQUEST, first_frame=reference), tmp_path)
    assert (caught.value.code, caught.value.figures) == ("first_frame_unreadable", {})


def test_a_playlist_dressed_as_a_video_reaches_nothing(tmp_path: Path) -> None:
    secret = media.video(tmp_path / "secret.mp4", [(200, 0, 0)])
    for name, playlist in {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret.path}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile '{secret.path}'\n",
    }.items():
        disguised = broken(tmp_path / f"{name}.mp4", "video/mp4", playlist.encode())
        with pytest.raises(RenderFailedError) as caught:
            render(replace(REQUEST, reference_videos=[disguised]), tmp_path)
        assert (caught.value.code, caught.value.figures) == ("reference_video_unreadable", {"number": 1})


def test_a_truncated_video_is_named(tmp_path: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", [(9, 9, 9), (200, 0, 0)])
    assert whole.path is not None
    cut = broken(tmp_path / "cut.mp4", "video/mp4", whole.path.read_bytes()[:-200])
    with pytest.raises(RenderFailedError) as caught:
        render(replace(REQUEST, reference_videos=[cut]), tmp_path)
    assert (caught.value.code, caught.value.figures) == ("reference_video_unreadable", {"number": 1})


# --- The child process ------------------------------------------------------------------------------------------------


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: object, *, seconds: float = 20) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ({"code": "first_frame_unreadable", "figures": {}}, Failure(code="first_frame_unreadable")),
        (
            {"code": "reference_image_unreadable", "figures": {"number": 2, "\0": 3}},
            Failure(code="reference_image_unreadable", figures={"number": 2}),
        ),
        ({"code": "upstream_failed", "figures": {"number": 2}}, Failure(code="render_failed")),
    ],
)
def test_a_child_can_say_only_what_an_engine_may_say(error: dict[str, Any], failure: Failure) -> None:
    assert decode_answer({"error": error}) == failure


@pytest.mark.parametrize(
    "error", [{}, {"code": "render_failed"}, {"code": "render_failed", "figures": {"number": "x"}}, []]
)
def test_a_childs_failure_that_is_no_failure_is_not_read(error: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_answer({"error": error})


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes through /proc")
def test_a_crashed_child_is_a_failed_render(tmp_path: Path) -> None:
    def crash_the_child(done: float) -> bool:
        if done > 0:
            for child in children_of(os.getpid()):
                if b"tchavi_studio.engines.preview" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(child, signal.SIGSEGV)
        return True

    with pytest.raises(RenderFailedError) as caught:
        PreviewEngine().render(
            replace(REQUEST, duration_seconds=15), output_path=tmp_path / "clip.mp4", on_progress=crash_the_child
        )
    assert caught.value.code == "render_stopped"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes through /proc")
def test_a_killed_parent_leaves_no_child_and_no_file(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tchavi_studio.engines.base import EngineRequest
        from tchavi_studio.engines.preview import PreviewEngine

        request = EngineRequest(
            generation_id="a", model="kling-v3", prompt="a", duration_seconds=15, resolution="720p",
            aspect_ratio="1:1", generate_audio=True, seed=1,
        )
        PreviewEngine().render(request, output_path=Path(sys.argv[1]), on_progress=lambda done: print(done) or True)
        """
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-u", "-c", script, str(tmp_path / "clip.mp4")], cwd=root, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        while float(parent.stdout.readline()) == 0:
            pass
        (child,) = children_of(parent.pid)
        wait_until(lambda: len(list(tmp_path.iterdir())) == 1)
        parent.kill()
    wait_until(lambda: not is_alive(child))
    assert list(tmp_path.iterdir()) == []


def test_the_folder_may_be_named_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = PreviewEngine().render(REQUEST, output_path=Path("clip.mp4"), on_progress=lambda _: True)
    assert clip.path == tmp_path / "clip.mp4"


def test_a_child_without_enough_memory_blames_no_reference(tmp_path: Path) -> None:
    reference = media.photo(tmp_path / "photo.png", media.textured((3000, 2900), 1))
    engine = PreviewEngine(profile=replace(RENDER, max_memory_bytes=180_000_000))
    with pytest.raises(RenderFailedError) as caught:
        engine.render(
            replace(REQUEST, first_frame=reference), output_path=tmp_path / "a.mp4", on_progress=lambda _: True
        )
    assert caught.value.code == "render_failed"


def test_a_child_that_cannot_be_started_is_a_failed_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(RenderFailedError) as caught:
        render(REQUEST, tmp_path)
    assert caught.value.code == "render_not_started"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", ["answer({})", "answer({'clip': {'path': '/'}})", "answer({'error': 1})", "1 / 0"])
def test_a_child_that_talks_nonsense_is_a_failed_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    def start(module: str, task: dict[str, Any], **options: Any) -> SandboxedProcess:
        return SandboxedProcess("tests.sandboxed_script", {**task, "script": script}, **options)

    monkeypatch.setattr("tchavi_studio.engines.preview.engine.SandboxedProcess", start)
    with pytest.raises(RenderFailedError) as caught:
        render(REQUEST, tmp_path)
    assert caught.value.code == "render_stopped"
