"""What a zip says of the clips in it: as JSON for programs and as CSV for spreadsheets."""

import json
from collections.abc import Iterable
from typing import Any

from tchavi_studio.generations.models import Generation
from tchavi_studio.site.spreadsheets import spreadsheet_line

COLUMNS = (
    "file",
    "id",
    "prompt",
    "model",
    "mode",
    "duration_seconds",
    "resolution",
    "aspect_ratio",
    "generate_audio",
    "seed",
    "cost_credits",
    "creator",
    "created_at",
    "byte_count",
    "sha256",
)


def record_of(clip: Generation, *, file_name: str | None) -> dict[str, Any]:
    """What made a clip and what it cost. `file_name` is None if its file is missing."""
    assert clip.output is not None
    return {
        "file": file_name,
        "id": str(clip.pk),
        "prompt": clip.prompt,
        "model": clip.model,
        "mode": clip.mode,
        "duration_seconds": clip.duration_seconds,
        "resolution": clip.resolution,
        "aspect_ratio": clip.aspect_ratio,
        "generate_audio": clip.generate_audio,
        "seed": clip.seed,
        "cost_credits": clip.price_credits,
        "creator": clip.creator.display_name if clip.creator else "",
        "created_at": clip.created_at.isoformat(),
        "byte_count": clip.output.byte_count,
        "sha256": clip.output.content_sha256,
        "references": [
            {"role": reference.role, "position": reference.position, "sha256": reference.asset.content_sha256}
            for reference in clip.references.all()
        ],
    }


def as_json(records: Iterable[dict[str, Any]]) -> bytes:
    """An object with the clips, one a line. The `file` of a clip whose file is missing is null."""
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    return f'{{"clips": [\n{lines}\n]}}\n'.encode()


def as_csv(records: Iterable[dict[str, Any]]) -> bytes:
    """The columns' names and a line a clip, without its references. The `file` of a missing one is empty."""
    lines = [spreadsheet_line(COLUMNS), *(spreadsheet_line(record[name] for name in COLUMNS) for record in records)]
    return "".join(lines).encode()
