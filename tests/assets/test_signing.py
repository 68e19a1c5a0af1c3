"""Whether somebody outside could open the studio's signed addresses, judged by STUDIO_PUBLIC_URL as it stands."""

import pytest
from pytest_django import Settings

from tchavi_studio.assets import signing
from tchavi_studio.assets.signing import links_open_from_outside


@pytest.mark.parametrize(
    "public_url",
    [
        "https://studio.example.org",
        "https://studio.example.org:8443/",
        "http://STUDIO.Example.ORG.",
        "https://8.8.8.8",
        "https://[2001:4860:4860::8888]:8000",
        "https://xn--bcher-kva.example.org",
        "https://localhost.example.org",
    ],
)
def test_addresses_of_the_internet(settings: Settings, public_url: str) -> None:
    settings.STUDIO_PUBLIC_URL = public_url
    assert links_open_from_outside() is True


@pytest.mark.parametrize(
    "public_url",
    [
        "",
        "http://localhost:8000",
        "http://studio",
        "http://studio:8000",
        "http://studio.local",
        "http://studio.local.",
        "http://STUDIO.LOCAL",
        "http://studio.lan:8000",
        "http://studio.home",
        "http://studio.internal",
        "http://studio.localhost",
        "http://studio.test",
        "http://studio.invalid",
        "http://studio.example",
        "http://127.0.0.1:8000",
        "http://0.0.0.0:8000",
        "http://10.1.2.3",
        "http://192.168.1.4:8000",
        "http://100.64.0.1",
        "http://169.254.169.254",
        "http://[::1]:8000",
        "http://[fe80::1]",
        "http://[fd00::1]:8000",
        "http://[::ffff:8.8.8.8]",
    ],
)
def test_addresses_that_mean_nothing_outside(settings: Settings, public_url: str) -> None:
    settings.STUDIO_PUBLIC_URL = public_url
    assert links_open_from_outside() is False


def test_no_name_is_asked_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is needed for every page of the composer: a slow resolver must not hold it up."""

    def asked(*_arguments: object, **_more: object) -> None:
        raise AssertionError("a name was asked for")

    monkeypatch.setattr("socket.getaddrinfo", asked)
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    assert links_open_from_outside() is True
    assert signing._own_origins() == ["https://studio.example.org"]
