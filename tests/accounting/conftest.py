"""Clips that cost credits, and helpers to read the page as a browser shows it."""

import re
import uuid
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.test import Client

from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.workspaces.models import User, Workspace

StartClip = Callable[..., Generation]


@pytest.fixture
def start_clip(workspace: Workspace, alice: User) -> StartClip:
    """Start a clip of 1,300 credits, by default Alice's."""

    def start(
        prompt: str = "Dawn over the lagoon", workspace: Workspace = workspace, creator: User = alice
    ) -> Generation:
        params = validate({"model": "seedance-2", "prompt": prompt}).params
        assert params is not None
        started = start_generation(
            Order(workspace=workspace, creator=creator, params=params, submission_id=uuid.uuid4())
        )
        return started.generations[0]

    return start


@pytest.fixture
def bob_browser(bob: User) -> Client:
    """A test client signed in as Bob."""
    browser = Client()
    browser.force_login(bob)
    return browser


class _Words(HTMLParser):
    """Collects the text between the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text(html: str) -> str:
    """A page's text without markup, with whitespace collapsed."""
    parser = _Words()
    parser.feed(html)
    return " ".join("".join(parser.words).split())


def shown_rows(page: bytes) -> list[list[str]]:
    """The statement's cells, row by row: what, clip, by, when, amount, balance."""
    rows = re.findall(r'<tr role="row" id=.*?</tr>', page.decode(), re.DOTALL)
    return [[text(cell) for cell in re.findall(r"<td .*?</td>", row, re.DOTALL)] for row in rows]
