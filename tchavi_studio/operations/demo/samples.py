"""The few files that all demo clips share: each clip has links of its own to one sample's files."""

import errno
import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from django.core.files.storage import default_storage
from PIL import Image

from tchavi_studio.assets.probe import verify_output
from tchavi_studio.engines.base import EngineRequest
from tchavi_studio.engines.formats import FIXED_ASPECT_RATIOS, PIXELS
from tchavi_studio.engines.preview import PreviewEngine

SAMPLE_SECONDS = 2
SAMPLE_RESOLUTION = "480p"
SAMPLE_PROMPT = "Golden hour on the lagoon"
CLIP_BYTE_COUNT, STILL_BYTE_COUNT = 60_000, 9_000
"""About what a sample's files take."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a stored file holds."""

    width: int
    height: int
    byte_count: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A clip and a still from it, which references use. `files` is by role, and empty if only rows are wanted."""

    clip: Content
    still: Content
    files: dict[str, Path] = field(default_factory=dict)


def samples_without_files() -> dict[str, Sample]:
    """Samples by aspect ratio, for rows that are only measured: nothing is rendered, and nothing can be played."""
    digest = hashlib.sha256(b"").hexdigest()
    return {
        ratio: Sample(
            clip=Content(width=width, height=height, byte_count=CLIP_BYTE_COUNT, sha256=digest),
            still=Content(width=width, height=height, byte_count=STILL_BYTE_COUNT, sha256=digest),
        )
        for ratio, (width, height) in PIXELS[SAMPLE_RESOLUTION].items()
    }


def render_samples(directory: Path) -> dict[str, Sample]:
    """Render a sample for each aspect ratio into `directory`, which must be on the disk of the stored files.

    Takes some seconds.
    """
    return {ratio: render_sample(directory, ratio) for ratio in FIXED_ASPECT_RATIOS}


def render_sample(directory: Path, ratio: str) -> Sample:
    made = directory / ratio.replace(":", "-")
    made.mkdir()
    request = EngineRequest(
        generation_id=made.name,
        model="seedance-2",
        prompt=SAMPLE_PROMPT,
        duration_seconds=SAMPLE_SECONDS,
        resolution=SAMPLE_RESOLUTION,
        aspect_ratio=ratio,
        generate_audio=True,
        seed=FIXED_ASPECT_RATIOS.index(ratio),
    )
    clip = PreviewEngine().render(request, output_path=made / "clip.mp4", on_progress=lambda _: True).path
    probed = verify_output(clip.resolve(), made)
    assert probed.poster is not None
    assert probed.thumbnail is not None
    files = {"file": clip, "poster": probed.poster, "thumbnail": probed.thumbnail}
    for path in files.values():
        # Links share the mode of what they link to.
        path.chmod(0o600)
    with Image.open(probed.poster) as still:
        still_size = still.size
    return Sample(
        clip=_content(clip, *PIXELS[SAMPLE_RESOLUTION][ratio]), still=_content(probed.poster, *still_size), files=files
    )


def _content(path: Path, width: int, height: int) -> Content:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Content(width=width, height=height, byte_count=path.stat().st_size, sha256=digest)


def store_link(source: Path, name: str) -> None:
    """Store `source` under `name` without another copy of its bytes. Deleting one link leaves all others.

    A name that is already taken is kept: it is left from an interrupted run.
    """
    path = Path(default_storage.path(name))
    try:
        _link(source, path)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _link(source, path)


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except FileExistsError:
        return
    except OSError as error:
        # A file can have only so many links (65,000 on ext4): then go on with a new copy.
        if error.errno != errno.EMLINK:
            raise
        renewed = source.with_suffix(".copy")
        shutil.copy(source, renewed)
        renewed.replace(source)
        os.link(source, path)
