"""What counts as a word, in prompts and in searches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.words import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dawn over the lagoon, slowly.", ["dawn", "over", "the", "lagoon", "slowly"]),
        ("À l’aube, le cœur brûle", ["a", "l", "aube", "le", "coeur", "brule"]),
        ("STRASSE straße Ærø", ["strasse", "strasse", "aerø"]),
        ("mid-air foo_bar don't", ["mid", "air", "foo", "bar", "don", "t"]),
        ("ﬁlm ２４ｆｐｓ ½ x²", ["film", "24fps", "1", "2", "x2"]),
        ("İstanbul ıslak", ["istanbul", "ıslak"]),
        ("日本の夜 ночь كتاب", ["日本の夜", "ночь", "كتاب"]),
        ("a" * 70, ["a" * 64]),
        ("… — !", []),
        ("[Image1] NOT (x) AND y*", ["image1", "not", "x", "and", "y"]),
    ],
)
def test_words_are_letters_and_digits_without_case_and_accents(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_of_words_are_the_same_words(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    assert all(word.isalnum() and len(word) <= 64 for word in words)


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert words_of("e\N{COMBINING ACUTE ACCENT}t\N{LATIN SMALL LETTER E WITH ACUTE}") == ["ete"]
