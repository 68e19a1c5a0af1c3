"""Example requests and answers for the API reference. A test checks them against their schemas."""

from typing import Any

from tchavi_studio.client.records import (
    EXAMPLE_JOB_ID,
    AcceptedJobRecord,
    CreditsRecord,
    FileRecord,
    JobListRecord,
    JobRecord,
    ModelListRecord,
    QuoteRecord,
)
from tchavi_studio.generations.price_list import published_prices

from .records import model_records

REQUEST: dict[str, Any] = {
    "model": "seedance-2",
    "prompt": "A paper boat drifts down a rain-filled street at golden hour",
    "duration": 5,
    "resolution": "480p",
    "aspect_ratio": "16:9",
}

_PENDING_JOB = {
    "id": EXAMPLE_JOB_ID,
    "status": "pending",
    "model": "seedance-2",
    "created_at": "2026-11-23T14:00:00Z",
    "tchavi": {"credits_used": 1300},
    "studio": {"engine": "preview", "seed": 421337, "is_test": False},
}
_JOB = {
    **_PENDING_JOB,
    "status": "completed",
    "output": {
        "video_url": "https://studio.example.org/media/eyJhc3NldCI6…/file.mp4",
        "duration": 5.0,
        "resolution": "480p",
        "file_size_mb": 2.31,
        "url_expires_at": "2026-11-24T14:01:10Z",
    },
}
_ANSWERS: dict[type, Any] = {
    AcceptedJobRecord: {
        **_PENDING_JOB,
        "job": {"id": EXAMPLE_JOB_ID, "status": "pending"},
        "warnings": [],
        "hints": [],
    },
    JobRecord: _JOB,
    JobListRecord: {"data": [_JOB], "has_more": False},
    QuoteRecord: {
        "credits": 1300,
        "credits_per_second": 260,
        "billed_seconds": 5,
        "balance": 10000,
        "is_affordable": True,
        "warnings": [],
        "hints": [],
    },
    FileRecord: {
        "id": "file_0b5e9a6c7d1f4e2a8c3b6d9f0a1e2c47",
        "url": "https://studio.example.org/media/eyJhc3NldCI6…/file.jpg",
        "url_expires_at": "2026-11-24T14:00:00Z",
        "kind": "image",
        "content_type": "image/jpeg",
        "byte_count": 482113,
        "width": 1920,
        "height": 1080,
        "duration": None,
        "needs_trim": False,
    },
    CreditsRecord: {
        "balance": 8700,
        "book": "sandbox",
        "is_test": False,
        "statement": [
            {
                "sequence": 2,
                "kind": "charge",
                "amount": -1300,
                "balance_after": 8700,
                "job_id": EXAMPLE_JOB_ID,
                "reason": "",
                "created_at": "2026-11-23T14:00:00Z",
            }
        ],
        "has_more": True,
    },
}


def answer_example(record: type) -> Any:
    """An example of this record. The models are the real ones, with the published prices."""
    return ModelListRecord(data=model_records(published_prices())) if record is ModelListRecord else _ANSWERS[record]
