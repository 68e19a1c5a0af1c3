"""From a request to a finished file, in the sandboxed process: read the sources, set up the shots, draw and encode."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tchavi_studio.engines.base import EngineReference, EngineRequest, RenderedClip
from tchavi_studio.engines.formats import FRAMES_PER_SECOND, billed_seconds, pixel_size
from tchavi_studio.engines.preview.chance import random_generator
from tchavi_studio.engines.preview.drawing import Captions, DrawnShot, setting_of
from tchavi_studio.engines.preview.encoder import GRADIENT_QUANTISER, PHOTO_QUANTISER, Encoder
from tchavi_studio.engines.preview.light import WanderingLight
from tchavi_studio.engines.preview.mark import PreviewMark
from tchavi_studio.engines.preview.script import ShotList, read_prompt
from tchavi_studio.engines.preview.shots import (
    Shot,
    Slot,
    Timeline,
    VideoShot,
    closing_shot,
    lay_slots,
    opening_shot,
    reference_shot,
)
from tchavi_studio.engines.preview.sound.soundtrack import (
    VIDEO_SOUND_LEVEL,
    PlacedSound,
    compose_soundtrack,
    place_in_order,
)
from tchavi_studio.engines.preview.sources import (
    SAMPLE_RATE,
    Samples,
    Source,
    VideoFile,
    photo_size,
    read_photo,
    read_sound,
)
from tchavi_studio.engines.preview.wire import (
    AUDIO_UNREADABLE,
    FIRST_FRAME_UNREADABLE,
    IMAGE_UNREADABLE,
    LAST_FRAME_UNREADABLE,
    VIDEO_UNREADABLE,
)

TITLE = "PREVIEW rendered by Tchavi Studio's preview engine"

DISSOLVE_FRAMES = 16
"""Between two shots of a sequence: two thirds of a second."""

MORPH_SHARE = 0.45
"""With a first and a last frame alone, the dissolve between them is the clip's event and takes this share of it."""

PICTURES_WAITING = 6
"""Between drawing and encoding: enough to even out the two, few enough to take little memory."""

Report = Callable[[float], None]
"""Called with how much of the work is done, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The references of a request, each with the failure that it can cause."""

    first_frame: Source | None
    last_frame: Source | None
    images: tuple[Source, ...]
    videos: tuple[Source, ...]
    audios: tuple[Source, ...]

    @classmethod
    def of(cls, request: EngineRequest) -> "Inputs":
        def one(reference: EngineReference | None, code: str) -> Source | None:
            return Source(reference=reference, code=code) if reference else None

        def numbered(references: Sequence[EngineReference], code: str) -> tuple[Source, ...]:
            return tuple(
                Source(reference=reference, code=code, figures={"number": number})
                for number, reference in enumerate(references, 1)
            )

        return cls(
            first_frame=one(request.first_frame, FIRST_FRAME_UNREADABLE),
            last_frame=one(request.last_frame, LAST_FRAME_UNREADABLE),
            images=numbered(request.reference_images, IMAGE_UNREADABLE),
            videos=numbered(request.reference_videos, VIDEO_UNREADABLE),
            audios=numbered(request.reference_audios, AUDIO_UNREADABLE),
        )

    @property
    def are_visual(self) -> bool:
        """Whether there is anything to film; without it the scene is drawn."""
        return bool(self.first_frame or self.last_frame or self.images or self.videos)


class EncodingLane:
    """Encodes in order, one step behind the drawing: the two take about as long and use different cores."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._waiting: deque[Future[None]] = deque()

    def send(self, work: Callable[[], None]) -> None:
        """Do `work` after all work before it. Waits while too much is waiting; raises what earlier work raised."""
        self._waiting.append(self._pool.submit(work))
        while len(self._waiting) > PICTURES_WAITING:
            self._waiting.popleft().result()

    def drain(self) -> None:
        """Wait until all work is done."""
        while self._waiting:
            self._waiting.popleft().result()


def render_clip(request: EngineRequest, output_path: Path, report: Report) -> RenderedClip:
    """Render `request` into `output_path` in this process.

    Raises `RenderFailedError` naming the reference that could not be read. What is in `output_path` after a failure
    is the caller's to remove.
    """
    started_at = time.monotonic()
    seconds = billed_seconds(request.duration_seconds)
    frame_count = seconds * FRAMES_PER_SECOND
    inputs = Inputs.of(request)
    with ExitStack() as stack:
        videos = [VideoFile(source) for source in inputs.videos]
        for video in videos:
            stack.callback(video.close)
        size = pixel_size(
            resolution=request.resolution,
            aspect_ratio=request.aspect_ratio,
            adapt_to_pixels=_pixels_to_adapt_to(inputs, videos),
        )
        script = read_prompt(request.prompt, duration_seconds=seconds)
        timeline, video_slots = _stage(request, script, inputs, videos, size=size, frame_count=frame_count)

        sound: Future[Samples] | None = None
        if request.generate_audio:
            # Beside the first second of frames: numpy lets go of the interpreter in its long operations.
            pool = stack.enter_context(ThreadPoolExecutor(1))
            sound = pool.submit(_soundtrack, request, script, inputs, video_slots, sample_count=seconds * SAMPLE_RATE)

        encoder = stack.enter_context(
            Encoder(
                output_path,
                size=size,
                quantiser=PHOTO_QUANTISER if inputs.are_visual else GRADIENT_QUANTISER,
                with_sound=request.generate_audio,
                title=TITLE,
                comment=f"{TITLE}. Model: {request.model}. Seed: {request.seed}.",
            )
        )
        light = None
        if inputs.are_visual:
            chance = random_generator(prompt=request.prompt, seed=request.seed, purpose="light")
            light = WanderingLight(size=size, frame_count=frame_count, chance=chance)
        _film(timeline, light, PreviewMark(size), sound, encoder, frame_count=frame_count, report=report)
        content_hash = encoder.content_hash
    return RenderedClip(
        path=output_path,
        width=size[0],
        height=size[1],
        duration_seconds=float(seconds),
        frame_count=frame_count,
        has_audio=request.generate_audio,
        content_hash=content_hash,
        facts={
            "engine": "preview",
            "seed": str(request.seed),
            "render_seconds": f"{time.monotonic() - started_at:.2f}",
        },
    )


def _film(
    timeline: Timeline,
    light: WanderingLight | None,
    mark: PreviewMark,
    sound: Future[Samples] | None,
    encoder: Encoder,
    *,
    frame_count: int,
    report: Report,
) -> None:
    """Draw all frames and encode them, with a second of sound after each second of pictures."""
    with ThreadPoolExecutor(1) as pool:
        lane = EncodingLane(pool)
        for frame in range(frame_count):
            picture = timeline.draw(frame)
            if light is not None:
                light.fall_on(picture, frame)
            mark.stamp(picture)
            lane.send(partial(encoder.add_frame, picture))
            second, rest = divmod(frame + 1, FRAMES_PER_SECOND)
            if sound is not None and rest == 0:
                samples = sound.result()[:, (second - 1) * SAMPLE_RATE : second * SAMPLE_RATE]
                lane.send(partial(encoder.add_sound, samples))
            # The file still has to be finished: 1 means a finished clip.
            report(0.99 * (frame + 1) / frame_count)
        lane.send(encoder.finish)
        lane.drain()


def _pixels_to_adapt_to(inputs: Inputs, videos: list[VideoFile]) -> tuple[int, int] | None:
    """The size of what an adaptive ratio follows: the first frame, else the first image, else the first video."""
    for source in (inputs.first_frame, *inputs.images):
        if source is not None:
            return photo_size(source)
    return videos[0].size if videos else None


def _stage(
    request: EngineRequest,
    script: ShotList,
    inputs: Inputs,
    videos: list[VideoFile],
    *,
    size: tuple[int, int],
    frame_count: int,
) -> tuple[Timeline, list[Slot]]:
    """The shots in their order, and the slots of the videos among them.

    First frame, reference images, reference videos, last frame; without any of them, what the prompt says.
    """
    if not inputs.are_visual:
        return _drawn(request, script, size=size), []
    makers: list[Callable[[int, np.random.Generator], Shot]] = []
    if inputs.first_frame is not None:
        makers.append(partial(_photo_shot, opening_shot, inputs.first_frame, size))
    makers += [partial(_photo_shot, reference_shot, image, size) for image in inputs.images]
    videos_from = len(makers)
    makers += [partial(_video_shot, video, size) for video in videos]
    if inputs.last_frame is not None:
        makers.append(partial(_photo_shot, closing_shot, inputs.last_frame, size))

    only_two_frames = len(makers) == 2 and inputs.first_frame is not None and inputs.last_frame is not None
    slots = lay_slots(
        shot_count=len(makers),
        frame_count=frame_count,
        dissolve_frames=round(MORPH_SHARE * frame_count) if only_two_frames else DISSOLVE_FRAMES,
    )

    def make(index: int) -> Shot:
        chance = random_generator(prompt=request.prompt, seed=request.seed, purpose=f"shot {index}")
        return makers[index](slots[index].frame_count, chance)

    # Two at a time: reading a large photo takes as long as a dozen frames, and nothing can be encoded yet.
    with ThreadPoolExecutor(2) as pool:
        shots = list(zip(slots, pool.map(make, range(len(makers))), strict=True))
    return Timeline(shots), slots[videos_from : videos_from + len(videos)]


def _photo_shot(
    make: Callable[..., Shot], source: Source, size: tuple[int, int], frame_count: int, chance: np.random.Generator
) -> Shot:
    photo = read_photo(source, wanted_pixels=size)
    return make(photo, size=size, frame_count=frame_count, chance=chance)


def _video_shot(video: VideoFile, size: tuple[int, int], _frame_count: int, _chance: np.random.Generator) -> Shot:
    return VideoShot(video, size=size)


def _drawn(request: EngineRequest, script: ShotList, *, size: tuple[int, int]) -> Timeline:
    """The prompt's shots, drawn, with a cut between each two."""
    shots: list[tuple[Slot, Shot]] = []
    for index, shot in enumerate(script.shots):
        start = round(shot.start_seconds * FRAMES_PER_SECOND)
        slot = Slot(start=start, end=start + round(shot.duration_seconds * FRAMES_PER_SECOND), fade_in=0)
        chance = random_generator(prompt=request.prompt, seed=request.seed, purpose=f"shot {index}")
        captions = Captions(
            shot,
            number=index + 1,
            count=len(script.shots),
            language=script.language,
            size=size,
            with_strip=request.storyboard,
        )
        drawn = DrawnShot(shot, size=size, frame_count=slot.frame_count, chance=chance, captions=captions)
        shots.append((slot, drawn))
    return Timeline(shots)


def _soundtrack(
    request: EngineRequest, script: ShotList, inputs: Inputs, video_slots: list[Slot], *, sample_count: int
) -> Samples:
    seconds = sample_count / SAMPLE_RATE
    given: list[PlacedSound] = []
    for source, slot in zip(inputs.videos, video_slots, strict=True):
        start, end = (frame * SAMPLE_RATE // FRAMES_PER_SECOND for frame in (slot.start, slot.end))
        samples = read_sound(source, max_seconds=(end - start) / SAMPLE_RATE)
        if samples is not None:
            given.append(PlacedSound(samples=samples, start=start, end=end, level=VIDEO_SOUND_LEVEL))
    voices: list[Samples] = []
    for source in inputs.audios:
        samples = read_sound(source, max_seconds=seconds)
        with source.blamed():
            if samples is None:
                raise ValueError("It has no sound.")
            voices.append(samples)
    given += place_in_order(voices, sample_count=sample_count)
    chance = random_generator(prompt=request.prompt, seed=request.seed, purpose="soundtrack")
    settings = [setting_of(shot) for shot in script.shots]
    return compose_soundtrack(script, settings, sample_count=sample_count, given=given, chance=chance)
