"""An order's references, engine and price."""

from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from tchavi_studio.generations.models import Engine
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.params import GenerationParams, MediaReference
from tchavi_studio.workspaces.models import User, Workspace

from .conftest import make_params

SUBMISSION = UUID(int=1)


def make_order(params: GenerationParams, **changes: Any) -> Order:
    return Order(workspace=Workspace(), creator=User(), params=params, submission_id=SUBMISSION, **changes)


@pytest.mark.parametrize("variations", [0, 5])
def test_an_order_is_for_one_to_four_clips(params: GenerationParams, variations: int) -> None:
    with pytest.raises(ValueError, match="1 to 4 clips"):
        make_order(params, variations=variations)


@pytest.mark.parametrize(
    ("mode", "asked", "is_test", "engine", "total_credits"),
    [
        ("sandbox", None, False, Engine.PREVIEW, 2_600),
        ("sandbox", None, True, Engine.PREVIEW, 0),
        ("live", None, False, Engine.TCHAVI, 2_600),
        ("live", Engine.PREVIEW, False, Engine.PREVIEW, 0),
        ("live", None, True, Engine.PREVIEW, 0),
        ("live", Engine.TCHAVI, True, Engine.PREVIEW, 0),
    ],
)
def test_an_orders_engine_and_price(
    params: GenerationParams,
    settings: Settings,
    mode: str,
    asked: Engine | None,
    is_test: bool,
    engine: Engine,
    total_credits: int,
) -> None:
    settings.STUDIO_MODE = mode
    order = make_order(params, variations=2, engine=asked, is_test=is_test)
    assert (order.engine_in_force, order.total_credits) == (engine, total_credits)


def test_references_are_named_by_role_and_position() -> None:
    assets = [UUID(int=number) for number in range(3)]
    images = [MediaReference(kind="image", asset_id=asset_id) for asset_id in assets[:2]]
    video = MediaReference(kind="video", asset_id=assets[2], duration_seconds=3.0)
    order = make_order(make_params(reference_images=images, reference_videos=[video]))
    assert order.references == [
        ("reference_image", 1, assets[0]),
        ("reference_image", 2, assets[1]),
        ("reference_video", 1, assets[2]),
    ]


def test_an_unfetched_url_cannot_be_ordered() -> None:
    order = make_order(make_params(image_url=MediaReference(kind="image", url="https://example.org/a.png")))
    with pytest.raises(ValueError, match="stored as an asset"):
        _ = order.references
