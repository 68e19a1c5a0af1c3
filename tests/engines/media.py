"""Makes small files of every kind that a request can have."""

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tchavi_studio.engines.base import EngineReference


def textured(size: tuple[int, int], seed: int) -> Image.Image:
    """A soft picture with no two places alike, so that any shift or mix-up shows."""
    grid = np.random.default_rng(seed).integers(20, 236, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)


def photo(path: Path, image: Image.Image) -> EngineReference:
    image.save(path, "PNG")
    return EngineReference(content_type="image/png", path=path)


def video(
    path: Path, colours: list[tuple[int, int, int]], *, size: tuple[int, int] = (320, 240), hertz: float | None = None
) -> EngineReference:
    """Half a second of each colour at 24 frames per second, with a tone if asked."""
    with av.open(str(path), "w", format="mp4") as container:
        pictures = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        pictures.width, pictures.height = size
        pictures.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=48_000, layout="stereo") if hertz else None
        for index in range(12 * len(colours)):
            rgb = np.full((size[1], size[0], 3), colours[index // 12], np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb)
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        if sound is not None and hertz is not None:
            samples = np.tile(tone(hertz, seconds=len(colours) / 2), (2, 1)).astype(np.float32)
            block = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
            block.sample_rate = 48_000
            container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return EngineReference(content_type="video/mp4", path=path)


def tone(hertz: float, *, seconds: float) -> NDArray[np.float64]:
    samples: NDArray[np.float64] = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(48_000 * seconds)) / 48_000)
    return samples


def wav(path: Path, *, hertz: float, seconds: float) -> EngineReference:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((tone(hertz, seconds=seconds) * 32767).astype("<i2").tobytes())
    return EngineReference(content_type="audio/wav", path=path)


def frames_of(path: Path) -> list[NDArray[np.int16]]:
    """All frames of a clip as height by width by 3 arrays of RGB."""
    with av.open(str(path)) as container:
        return [
            frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray().astype(np.int16)
            for frame in container.decode(video=0)
        ]


def sound_of(path: Path) -> NDArray[np.float32]:
    """All samples of a clip, 2 by n."""
    with av.open(str(path)) as container:
        return np.concatenate([block.to_ndarray() for block in container.decode(audio=0)], axis=1).astype(np.float32)


def strength_at(samples: NDArray[np.float32], hertz: float) -> float:
    """How strong one frequency is in the left channel: 1 for a full-scale sine."""
    left = samples[0]
    turns = np.exp(-2j * np.pi * hertz * np.arange(left.size) / 48_000)
    return float(2 * abs(np.mean(left * turns)))
