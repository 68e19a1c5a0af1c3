"""Studios that are each other's provider: a clip doesn't go round."""

import pytest
from pytest_django import Settings

from tchavi_studio.generations.via import MAX_STUDIOS, RequestLoopError, checked_via, extended_via, own_name


def passed_on(settings: Settings, header: str, *, port: int) -> str:
    """What the studio at `port` sends to its provider for a request that arrived with `header`."""
    settings.PORT = port
    return extended_via(checked_via(header))


def test_a_studio_recognizes_what_it_sent_itself(settings: Settings) -> None:
    with pytest.raises(RequestLoopError):
        checked_via(extended_via(""))


def test_a_loop_through_two_studios_is_cut(settings: Settings) -> None:
    first = passed_on(settings, "", port=8001)
    second = passed_on(settings, first, port=8002)
    assert second.split(",")[0] == first
    with pytest.raises(RequestLoopError):
        passed_on(settings, second, port=8001)


def test_a_chain_without_a_loop_ends_too(settings: Settings) -> None:
    header = ""
    for port in range(MAX_STUDIOS):
        header = passed_on(settings, header, port=9000 + port)
    settings.PORT = 9100
    # The last studio that may take it; the next one refuses it.
    assert checked_via(header) == header
    with pytest.raises(RequestLoopError):
        checked_via(extended_via(header))


@pytest.mark.parametrize("header", ["x", ",", "0123456789abcde", "0123456789ABCDEF", "0" * 16 + ";", "0" * 16 + ",,"])
def test_a_header_that_no_studio_sends_is_refused(header: str) -> None:
    with pytest.raises(RequestLoopError):
        checked_via(header)


def test_the_name_is_the_installations_own(settings: Settings) -> None:
    name = own_name()
    assert len(name) == 16
    settings.SECRET_KEY = "another"
    assert own_name() != name
