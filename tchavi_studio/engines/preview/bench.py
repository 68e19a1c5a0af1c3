"""How fast previews are made on this machine: `python -m tchavi_studio.engines.preview.bench`."""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from tchavi_studio.engines.base import EngineReference, EngineRequest
from tchavi_studio.engines.preview.engine import PreviewEngine


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One timed render, from the call to the file in place."""

    name: str
    clip_seconds: float
    render_seconds: float

    def __str__(self) -> str:
        speed = self.clip_seconds / self.render_seconds
        return f"{self.name}: {self.clip_seconds:.0f} s of clip in {self.render_seconds:.2f} s, {speed:.1f} × real time"


def benchmark() -> list[Measurement]:
    """Render and print the two usual cases at 720p with sound: words alone, and a first and a last frame."""
    words = EngineRequest(
        generation_id="benchmark",
        model="seedance-2",
        prompt="Evening light on the lagoon, a slow drift along the shore",
        duration_seconds=5,
        resolution="720p",
        aspect_ratio="16:9",
        generate_audio=True,
        seed=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        first, last = (_photo(Path(folder) / f"{seed}.jpg", seed) for seed in (1, 2))
        requests = {"words, 720p": words, "two photos, 720p": replace(words, first_frame=first, last_frame=last)}
        measurements = []
        for name, request in requests.items():
            started_at = time.perf_counter()
            clip = PreviewEngine().render(request, output_path=Path(folder) / "clip.mp4", on_progress=lambda _: True)
            measurements.append(
                Measurement(
                    name=name,
                    clip_seconds=clip.duration_seconds,
                    render_seconds=time.perf_counter() - started_at,
                )
            )
            print(measurements[-1], flush=True)
    return measurements


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
