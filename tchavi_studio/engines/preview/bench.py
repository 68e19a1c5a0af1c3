"""How fast this machine renders previews: `python -m tchavi_studio.engines.preview.bench`."""

import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from tchavi_studio.engines.base import EngineReference, EngineRequest
from tchavi_studio.engines.preview.engine import PreviewEngine

RUNS = 3


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The fastest of some renders of one request, from the call to the file in place."""

    name: str
    clip_seconds: float
    render_seconds: float
    processor_seconds: float

    @property
    def speed(self) -> float:
        """Seconds of clip per second of rendering."""
        return self.clip_seconds / self.render_seconds

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.speed:.1f} × real time "
            f"({self.clip_seconds:.0f} s of clip in {self.render_seconds:.2f} s, {self.processor_seconds:.2f} s of CPU)"
        )


def benchmark() -> list[Measurement]:
    """Render and print the two usual cases at 720p with sound: text alone, and a first and a last frame."""
    text = EngineRequest(
        generation_id="benchmark",
        model="seedance-2",
        prompt="Evening light on the lagoon, a slow drift along the shore",
        duration_seconds=5,
        resolution="720p",
        aspect_ratio="16:9",
        generate_audio=True,
        seed=1,
    )
    measurements = []
    with tempfile.TemporaryDirectory() as folder:
        first, last = (_photo(Path(folder) / f"{seed}.jpg", seed) for seed in (1, 2))
        requests = {"text only": text, "two photos": replace(text, first_frame=first, last_frame=last)}
        for name, request in requests.items():
            runs = [_timed(name, request, Path(folder) / "clip.mp4") for _ in range(RUNS)]
            measurements.append(min(runs, key=lambda run: run.render_seconds))
            print(measurements[-1], flush=True)
    return measurements


def _timed(name: str, request: EngineRequest, output_path: Path) -> Measurement:
    started_at, cpu_before = time.perf_counter(), _processor_seconds_of_children()
    clip = PreviewEngine().render(request, output_path=output_path, on_progress=lambda _: True)
    return Measurement(
        name=name,
        clip_seconds=clip.duration_seconds,
        render_seconds=time.perf_counter() - started_at,
        processor_seconds=_processor_seconds_of_children() - cpu_before,
    )


def _processor_seconds_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _photo(path: Path, seed: int) -> EngineReference:
    """A twelve-megapixel photo, like a phone's, with detail at every scale."""
    chance = np.random.default_rng(seed)
    picture = np.zeros((3000, 4000, 3), np.float32)
    for cells in (4, 16, 64, 256):
        grid = Image.fromarray(chance.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        picture += np.asarray(grid.resize((4000, 3000), Image.Resampling.BICUBIC), np.float32) / 4
    Image.fromarray(picture.astype(np.uint8)).save(path, quality=88)
    return EngineReference(content_type="image/jpeg", path=path)


if __name__ == "__main__":
    benchmark()
