"""Reasons of failures in the reader's language."""

import ast
from pathlib import Path

import pytest
from django.utils.translation import override

from tchavi_studio.generations import failures
from tchavi_studio.generations.failures import OWN_MESSAGES, readable_reason


@pytest.mark.parametrize(
    "message",
    [
        "The first frame could not be read.",
        "Reference video 2 could not be decoded.",
        "A real person's face, 100% certain, in frame 12.",
        "",
    ],
)
def test_in_english_a_reason_is_what_the_engine_said(message: str) -> None:
    assert readable_reason(message) == message


@pytest.mark.parametrize("own", sorted(OWN_MESSAGES))
def test_the_studios_own_reasons_can_be_read_in_french(own: str) -> None:
    message = own % {"number": 2}
    with override("fr"):
        reason = readable_reason(message)
    assert reason != message
    assert ("2" in reason) == ("2" in message)


def test_a_providers_reason_is_shown_as_it_came() -> None:
    with override("fr"):
        assert readable_reason("Policy violation: 3 faces") == "Policy violation: 3 faces"


def test_every_reason_that_the_core_gives_can_be_translated() -> None:
    folder = Path(failures.__file__).parent
    given = {
        keyword.value.value
        for path in folder.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("fail_generation")
        for keyword in call.keywords
        if keyword.arg == "message" and isinstance(keyword.value, ast.Constant)
    }
    assert len(given) >= 3
    assert given - OWN_MESSAGES == set()
