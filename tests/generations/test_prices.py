"""What clips cost."""

from typing import Any

import pytest
from environs import ValidationError

from tchavi_studio.generations.price_list import require_prices
from tchavi_studio.generations.prices import Quote, quote, quote_unfinished
from tchavi_studio.generations.validation import validate
from tests.conftest import PutInForce


def price(**changes: Any) -> Quote:
    params = validate({"model": "seedance-2", "prompt": "Dawn", **changes}).params
    assert params is not None
    return quote(params)


@pytest.mark.parametrize(
    ("changes", "total_credits"),
    [
        ({}, 1_300),
        ({"duration": 10}, 2_600),
        ({"duration": 10, "resolution": "720p"}, 5_800),
        ({"duration": -1}, 2_600),
        ({"duration": -1, "resolution": "720p", "model": "kling-v3"}, 5_800),
        ({"duration": 1}, 260),
        ({"duration": 15, "generate_audio": False}, 3_900),
    ],
)
def test_the_published_prices(changes: dict[str, Any], total_credits: int) -> None:
    assert price(**changes).total_credits == total_credits


@pytest.mark.parametrize(
    ("changes", "total_credits"),
    [
        ({"prompt": ""}, 1_300),
        ({"prompt": "", "seed": "x", "duration": 10}, 2_600),
        ({"duration": 16}, None),
        ({"model": "sora"}, None),
        ({"resolution": "4k", "prompt": ""}, None),
        ({"generate_audio": "yes"}, None),
    ],
)
def test_an_unfinished_request_has_a_price_once_its_priced_fields_are_valid(
    changes: dict[str, Any], total_credits: int | None
) -> None:
    found = quote_unfinished(validate({"model": "seedance-2", "prompt": "Dawn", **changes}))
    assert (found.total_credits if found else None) == total_credits


def test_a_version_can_change_one_price_and_add_an_audio_surcharge(put_in_force: PutInForce) -> None:
    put_in_force({"kling-v3": {"720p": 600, "audio_surcharge": 40}})
    assert price(model="kling-v3", resolution="720p") == Quote(
        total_credits=3_200, per_second_credits=640, billed_seconds=5, version_number=2
    )
    assert price(model="kling-v3", resolution="720p", generate_audio=False).total_credits == 3_000
    assert price(model="seedance-2", resolution="720p").total_credits == 2_900


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ([], "Must be a JSON object, with models as its keys."),
        ({"sora": {"480p": 1}}, "Unknown model 'sora'; choose from seedance-2, kling-v3."),
        ({"kling-v3": 5}, "kling-v3 must be a JSON object, with resolutions as its keys."),
        ({"kling-v3": {"1080p": 1}}, "Unknown price kling-v3.1080p; choose from 480p, 720p, audio_surcharge."),
        ({"kling-v3": {"480p": 2.5}}, "kling-v3.480p must be whole credits from 0 to 1000000."),
        ({"kling-v3": {"480p": True}}, "kling-v3.480p must be whole credits from 0 to 1000000."),
        ({"kling-v3": {"480p": -1}}, "kling-v3.480p must be whole credits from 0 to 1000000."),
        ({"kling-v3": {"480p": 10**7}}, "kling-v3.480p must be whole credits from 0 to 1000000."),
    ],
)
def test_an_invalid_price_list_is_refused_with_the_reason(overrides: object, sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        require_prices(overrides)
    assert refused.value.messages == [sentence]
