"""Words, as every search sees them."""

import pytest

from tchavi_studio.words import MAX_WORD_LENGTH, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" -_. ", []),
        ("Été_2026 – Straße", ["ete", "2026", "strasse"]),
        ("IMG_0042.HEIC", ["img", "0042", "heic"]),
        ("Cœur de bœuf", ["coeur", "de", "boeuf"]),
        ("ŒUVRE, œuvre", ["oeuvre"]),
        ("foo-bar Foo", ["foo", "bar"]),
        ("ﬁn ② ½", ["fin", "2", "1"]),
        ("é e\u0301", ["e"]),
        ("İstanbul", ["istanbul"]),
        ("Ñandú ΣΊΣΥΦΟΣ", ["nandu", "σισυφοσ"]),
        ("日本 語", ["日本", "語"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_long_words_are_cut() -> None:
    assert words_of("x" * 100 + " y") == ["x" * MAX_WORD_LENGTH, "y"]


def test_the_words_of_words_are_the_same() -> None:
    found = words_of("Große Œuvres ½ ﬃ İ ǅ Ω")
    assert words_of(" ".join(found)) == found
