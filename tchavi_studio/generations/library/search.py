"""What people search for: the text of the box, read once, and how each database is asked for it."""

import re
from dataclasses import dataclass, field

from django.db.models import CharField, Q, Value
from django.db.models.functions import Concat

from tchavi_studio.words import words_of

MAX_SEARCH_LENGTH = 200
MAX_TERMS = 12
MIN_PREFIX_LENGTH = 2
"""Shorter words are only found whole: nearly every clip has a word that begins with a given letter."""

PART = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')


@dataclass(frozen=True)
class Term:
    """Words that follow each other. If `is_prefix`, the last may be the beginning of a word."""

    words: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True)
class Search:
    """What a prompt must contain, and what it must not."""

    wanted: tuple[Term, ...] = field(default=())
    unwanted: tuple[Term, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)


def parse_search(text: str) -> Search:
    """Read a search: words or their beginnings, "phrases in quotes", and -word or -"phrase" for what isn't wanted.

    What is split into several words, such as `mid-air`, is a phrase. Anything else in it is ignored, and so are terms
    after the first MAX_TERMS.
    """
    wanted: list[Term] = []
    unwanted: list[Term] = []
    for minus, quoted, bare in PART.findall(text[:MAX_SEARCH_LENGTH]):
        words = tuple(words_of(quoted or bare))
        if not words:
            continue
        if minus:
            unwanted.append(Term(words))
        else:
            wanted.append(Term(words, is_prefix=bool(bare) and len(words[-1]) >= MIN_PREFIX_LENGTH))
    return Search(wanted=tuple(dict.fromkeys(wanted))[:MAX_TERMS], unwanted=tuple(dict.fromkeys(unwanted))[:MAX_TERMS])


def has_words(search: Search) -> Q:
    """The condition on an entry's `words`, for when the rows are found by another index than the text's."""
    condition = Q()
    for term in search.wanted:
        condition &= Q(spaced_words__contains=spaced(term))
    for term in search.unwanted:
        condition &= ~Q(spaced_words__contains=spaced(term))
    return condition


SPACED_WORDS = Concat(Value(" "), "words", Value(" "), output_field=CharField())
"""The annotation `spaced_words` that `has_words` is about: with it, a whole word is a text between spaces."""


def spaced(term: Term) -> str:
    """The part of `spaced_words` that shows the term."""
    return " " + " ".join(term.words) + ("" if term.is_prefix else " ")


def fts5_query(search: Search, *, place: str) -> str:
    """The search in the list `place`, for SQLite's FTS5. Words have only letters and digits: safe in quotes."""
    query = " AND ".join([_quoted(Term((place,))), *map(_quoted, search.wanted)])
    return " NOT ".join([f"({query})", *map(_quoted, search.unwanted)])


def _quoted(term: Term) -> str:
    return f'"{" ".join(term.words)}"' + (" *" if term.is_prefix else "")


def tsquery(search: Search, *, place: str) -> str:
    """The same for PostgreSQL. Its index knows no order of words here, so `has_words` has to follow."""
    parts = [_lexeme(place)]
    for term in search.wanted:
        *whole, last = term.words
        parts += [*map(_lexeme, whole), _lexeme(last) + (":*" if term.is_prefix else "")]
    # A phrase that isn't wanted may have words that are.
    parts += [f"!{_lexeme(term.words[0])}" for term in search.unwanted if len(term.words) == 1]
    return " & ".join(parts)


def _lexeme(word: str) -> str:
    return f"'{word}'"
