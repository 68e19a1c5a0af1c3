"""Requests and clips to test with."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import numpy as np
import pytest
from django.db import transaction
from django.utils import timezone

from tchavi_studio.assets.models import Asset, Kind, Origin
from tchavi_studio.assets.services import record_asset
from tchavi_studio.generations import services
from tchavi_studio.generations.library.entries import change_entries, entries_of
from tchavi_studio.generations.library.models import Outcome
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.params import GenerationParams
from tchavi_studio.generations.validation import validate
from tchavi_studio.workspaces.models import User, Visibility, Workspace


def make_params(**changes: Any) -> GenerationParams:
    params = validate({"model": "seedance-2", "prompt": "Dawn over the lagoon", **changes}).params
    assert params is not None
    return params


@pytest.fixture
def params() -> GenerationParams:
    """The default clip: 5 s at 480p, 1,300 credits."""
    return make_params()


@pytest.fixture
def start(workspace: Workspace, alice: User) -> Callable[..., Generation]:
    """Start one clip of Alice's, private unless told otherwise; other keyword arguments are the contract's fields."""

    def start_one(*, visibility: Visibility = Visibility.PRIVATE, **changes: Any) -> Generation:
        started = services.start_generation(
            Order(
                workspace=workspace,
                creator=alice,
                params=make_params(**changes),
                submission_id=uuid4(),
                visibility=visibility,
            )
        )
        return started.generations[0]

    return start_one


@pytest.fixture
def complete() -> Callable[[Generation], None]:
    """Complete a clip's row with an output that has no file."""

    def complete_one(generation: Generation) -> None:
        output = Asset(
            workspace=generation.workspace,
            kind=Kind.VIDEO,
            origin=Origin.OUTPUT,
            content_type="video/mp4",
            width=generation.width,
            height=generation.height,
            duration_seconds=generation.billed_seconds,
            byte_count=1,
            source_sha256=uuid4().hex * 2,
            content_sha256=uuid4().hex * 2,
            file=f"nowhere/{uuid4()}.mp4",
        )
        with transaction.atomic():
            record_asset(asset=output)
            Generation.objects.filter(pk=generation.pk).update(
                state=State.COMPLETED, output=output, finished_at=timezone.now()
            )
            change_entries(entries_of([generation.pk]), outcome=Outcome.DONE)

    return complete_one


def write_clip(path: Path, *, frame_count: int = 24) -> Path:
    """Write a real, small MP4: grey, 24 frames a second."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(24))
        stream.width, stream.height, stream.pix_fmt = 320, 320, "yuv420p"
        for _number in range(frame_count):
            frame = av.VideoFrame.from_ndarray(np.full((320, 320, 3), 128, dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
