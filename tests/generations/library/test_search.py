"""Searches find the same on both databases, by the text index and row by row."""

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tchavi_studio.generations.library import text_index
from tchavi_studio.generations.library.entries import change_entries
from tchavi_studio.generations.library.models import LibraryEntry
from tchavi_studio.generations.library.search import SPACED_WORDS, Search, Term, has_words, parse_search
from tchavi_studio.generations.library.text_index import matching_keys
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.visibility import FEEDS, Scope, entries_in_scope
from tchavi_studio.workspaces.models import Membership, Visibility

WORDS = [
    "dawn",
    "Dawn,",
    "da",
    "lagoon",
    "lagune",
    "cœur",
    "coeur",
    "mid-air",
    "air",
    "not",
    "NOT",
    "d",
    "été",
    "été-là",
]


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("", [], []),
        ("Dawn la", [Term(("dawn",), True), Term(("la",), True)], []),
        ("d x", [Term(("d",)), Term(("x",))], []),
        ('"over the lagoon" -rain', [Term(("over", "the", "lagoon"))], [Term(("rain",))]),
        ('-"heavy rain"', [], [Term(("heavy", "rain"))]),
        ("mid-air -foo-bar", [Term(("mid", "air"), True)], [Term(("foo", "bar"))]),
        ('"open', [Term(("open",))], []),
        ('dawn dawn -- - ""', [Term(("dawn",), True)], []),
        ("a:b*", [Term(("a", "b"))], []),
        ("%_'\\", [], []),
        ("é" * 300, [Term(("e" * 64,), True)], []),
        (" ".join(f"word{number}" for number in range(20)), [Term((f"word{n}",), True) for n in range(12)], []),
    ],
)
def test_a_search_is_read_once(text: str, wanted: list[Term], unwanted: list[Term]) -> None:
    assert parse_search(text) == Search(wanted=tuple(wanted), unwanted=tuple(unwanted))


def matches(words: list[str], search: Search) -> bool:
    """What every database should find, said in Python."""

    def has(term: Term) -> bool:
        spaced = " " + " ".join(words) + " "
        return " " + " ".join(term.words) + ("" if term.is_prefix else " ") in spaced

    return all(map(has, search.wanted)) and not any(map(has, search.unwanted))


@pytest.fixture
def many(start: Callable[..., Generation]) -> None:
    """Clips whose prompts are made of WORDS, some shared, some in the bin."""
    chance = random.Random(1)
    for number in range(24):
        prompt = " ".join(chance.choices(WORDS, k=chance.randint(1, 6)))
        clip = start(
            prompt=prompt, duration=1, visibility=Visibility.WORKSPACE if number % 3 == 0 else Visibility.PRIVATE
        )
        if number % 7 == 0:
            change_entries(LibraryEntry.objects.filter(generation=clip), is_listed=False)


PARTS = st.tuples(st.sampled_from(["", "-"]), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), st.booleans())


def written(minus: str, words: list[str], is_quoted: bool) -> str:
    return f'{minus}"{" ".join(words)}"' if is_quoted else f"{minus}{words[0]}"


@pytest.mark.usefixtures("many")
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: " ".join(written(*part) for part in parts)))
@example(text="-dawn")
@example(text='"dawn dawn" -"dawn dawn"')
@example(text='-"mid air" air')
@example(text='"dawn lagoon" la')
def test_both_ways_of_searching_find_the_same(membership: Membership, text: str) -> None:
    search = parse_search(text)
    for scope in FEEDS:
        listed = entries_in_scope(membership, scope).order_by("-key")
        expected = [entry.key for entry in listed if matches(entry.words.split(), search)]
        by_row = listed.alias(spaced_words=SPACED_WORDS).filter(has_words(search)).values_list("key", flat=True)
        assert list(by_row) == expected
        for count in (3, 100):
            found = matching_keys(search, membership=membership, scope=scope, max_count=count)
            assert found == expected[:count]
        oldest = matching_keys(search, membership=membership, scope=scope, max_count=100, oldest_first=True)
        assert oldest == expected[::-1]
        if expected:
            middle = expected[len(expected) // 2]
            after = matching_keys(search, membership=membership, scope=scope, max_count=100, after=middle)
            assert after == expected[len(expected) // 2 + 1 :]


@pytest.mark.usefixtures("many")
def test_a_word_rarer_than_what_is_walked_is_found(membership: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    search = parse_search("dawn")
    everything = matching_keys(search, membership=membership, scope=Scope.MINE, max_count=100)
    monkeypatch.setattr(text_index, "WALKED", 2)
    assert matching_keys(search, membership=membership, scope=Scope.MINE, max_count=100) == everything
    assert matching_keys(search, membership=membership, scope=Scope.MINE, max_count=1) == everything[:1]


def test_nobody_finds_what_they_may_not_see(
    start: Callable[..., Generation], membership: Membership, bob_here: Membership
) -> None:
    start(prompt="Secret dawn")
    shared = start(prompt="Shown dawn", visibility=Visibility.WORKSPACE)

    def found(viewer: Membership, scope: Scope) -> list[str]:
        keys = matching_keys(parse_search("dawn"), membership=viewer, scope=scope, max_count=10)
        return list(LibraryEntry.objects.filter(key__in=keys).order_by("key").values_list("words", flat=True))

    assert found(membership, Scope.MINE) == ["secret dawn", "shown dawn"]
    assert found(bob_here, Scope.MINE) == []
    assert found(bob_here, Scope.WORKSPACE) == ["shown dawn"]
    other = bob_here.user.memberships.exclude(pk=bob_here.pk).get()
    assert found(other, Scope.WORKSPACE) == []
    change_entries(LibraryEntry.objects.filter(generation=shared), is_shared=False)
    assert found(bob_here, Scope.WORKSPACE) == []
