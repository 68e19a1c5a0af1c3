"""The pages that say why the web server didn't read a request."""

import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Nothing changed and no credits moved. Go back and try again."),
        (408, "It arrived too slowly to wait for the rest. Nothing was stored and no credits moved."),
        (413, "it wasn&#x27;t read. Nothing was stored and no credits moved."),
        (414, "Nothing changed and no credits moved."),
        (431, "Nothing changed and no credits moved."),
        (503, "Try again in a minute; if it stays like this, tell the site admin."),
    ],
)
def test_a_page_says_why(status: int, words: str) -> None:
    """Without a view, a session or a CSRF check, and even for a host name that isn't allowed."""
    client = Client(enforce_csrf_checks=True)
    response = client.post("/accounts/login/", headers={"host": "elsewhere.test"}, **{"studio.refusal": status})  # type: ignore[arg-type]
    assert response.status_code == status
    assert words in response.content.decode().replace("'", "&#x27;")
    assert response["Content-Security-Policy"]


@pytest.mark.django_db
def test_in_the_language_of_the_reader(client: Client) -> None:
    response = client.post("/", headers={"accept-language": "fr"}, **{"studio.refusal": 413})  # type: ignore[arg-type]
    assert "C’est trop volumineux" in response.content.decode()


@pytest.mark.django_db
def test_no_header_refuses_a_request(client: Client) -> None:
    assert client.get("/accounts/login/", headers={"studio.refusal": "413"}).status_code == 200
