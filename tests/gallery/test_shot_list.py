"""What people are shown of how the preview engine read their prompt."""

from itertools import product

import pytest
from django.test import Client
from django.utils import translation

from tchavi_studio.engines.preview.script.reading import DIRECTIONS, HELD
from tchavi_studio.engines.preview.script.shotlist import Direction, Field, Move, Size
from tchavi_studio.gallery.shot_list import FIELDS, MOVES, SIZES, shot_list_of

from .conftest import MakeClip, Url, change

LINE = "“The boat is leaving without us, hurry up!”"
PROMPT = f"A market in Abidjan. Then a child runs through the rain, slow dolly in. {LINE}"


def told(prompt: str, language: str) -> list[tuple[object, ...]]:
    with translation.override(language):
        return [
            (
                row.number,
                str(row.size),
                str(row.camera),
                str(row.speed or ""),
                [(word.text, str(word.field), word.meaning) for word in row.words],
            )
            for row in shot_list_of(prompt, duration_seconds=4)
        ]


def test_each_word_says_what_it_did() -> None:
    assert told(PROMPT, "en") == [
        (1, "Wide shot", "camera hardly moves", "", [("market", "place", "")]),
        (
            2,
            "Medium shot",
            "dolly in",
            "slow",
            [
                ("Then", "cut", ""),
                ("child", "subject", ""),
                ("runs", "action", ""),
                ("rain", "weather", ""),
                ("slow", "speed", ""),
                ("dolly in", "camera", ""),
                (LINE, "spoken line", "child"),
            ],
        ),
    ]


def test_meanings_are_told_in_the_language_of_the_page() -> None:
    words = told("Un pêcheur sur la lagune, travelling à droite, puis un enfant court sous la pluie.", "fr")
    assert [(number, size, camera) for number, size, camera, *_rest in words] == [
        (1, "Plan moyen", "travelling vers la droite"),
        (2, "Plan moyen", "caméra presque immobile"),
    ]
    assert told("A market at night", "fr")[0][4] == [("market", "lieu", "marché"), ("at night", "moment", "nuit")]


def test_every_shot_can_be_told() -> None:
    assert set(FIELDS) == set(Field)
    assert set(SIZES) == set(Size)
    directed = {pair for move, directions in DIRECTIONS.items() for pair in product([move], directions)}
    others = {(Move.DRIFT, Direction.IN), (Move.FOLLOW, None), *product(HELD, [None])}
    assert set(MOVES) == directed | others


def test_no_words_make_no_shots() -> None:
    assert shot_list_of(" \n", duration_seconds=5) == []


@pytest.mark.parametrize(("engine", "is_shown"), [("preview", True), ("tchavi", False)])
def test_the_clip_page_tells_what_the_preview_read(
    url: Url, alice_browser: Client, make_clip: MakeClip, engine: str, is_shown: bool
) -> None:
    clip = change(make_clip(), prompt=PROMPT, engine=engine, duration_seconds=2)
    page = alice_browser.get(url("clip", clip)).content.decode()
    assert ("What the preview read" in page) is is_shown
    assert ("<q>market</q> <small>place</small>" in page) is is_shown
    assert ("takes 2.9 s to say, but the shot leaves" in page) is is_shown
