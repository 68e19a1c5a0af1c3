"""Finds the vocabulary's phrases in a text, in either language."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tchavi_studio.engines.preview.script import vocabulary
from tchavi_studio.engines.preview.script.shotlist import Field

LANGUAGES = ("en", "fr")

TABLES = {
    Field.CUT: vocabulary.CUTS,
    Field.SIZE: vocabulary.SIZES,
    Field.CAMERA: vocabulary.CAMERA,
    Field.DIRECTION: vocabulary.DIRECTIONS,
    Field.SPEED: vocabulary.SPEEDS,
    Field.TIME: vocabulary.TIMES,
    Field.LIGHT: vocabulary.LIGHTS,
    Field.WEATHER: vocabulary.WEATHERS,
    Field.SETTING: vocabulary.SETTINGS,
    Field.SUBJECT: vocabulary.SUBJECTS,
    Field.COUNT: vocabulary.COUNTS,
    Field.ACTION: vocabulary.ACTIONS,
    Field.MOOD: vocabulary.MOODS,
    Field.COLOUR: vocabulary.COLOURS,
    Field.SOUND: vocabulary.SOUNDS,
}

WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
"""Letters and digits, with accents that are characters of their own."""

Phrase = tuple[str, ...]
Meaning = tuple[Field, str]


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text and where it stands."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase of the vocabulary that stands at `start` to `end` of a text; tokens `first` up to `last`, excluded."""

    field: Field
    meaning: str
    start: int
    end: int
    first: int
    last: int


def tokens_in(text: str) -> list[Token]:
    """The words of `text`, folded: hyphens and apostrophes part words, œ counts as oe."""
    return [Token(_folded(match[0]), match.start(), match.end()) for match in WORD.finditer(text)]


def language_of(tokens: list[Token]) -> str:
    """ "fr" or "en", whichever the words speak for; English where they speak for neither."""

    def weight(language: str, other: str) -> float:
        known = _own_phrases(language).keys() - _own_phrases(other).keys()
        small = vocabulary.FUNCTION_WORDS[language]
        return sum(2 * (token.word in small) + ((token.word,) in known) for token in tokens)

    return "fr" if weight("fr", "en") > weight("en", "fr") else "en"


def matches_in(tokens: list[Token], language: str) -> Iterator[Match]:
    """The phrases of the vocabulary among `tokens`, the longest first at each place, each token at most once."""
    phrases, starts = _phrases_for(language)
    at = 0
    while at < len(tokens):
        for length in starts.get(tokens[at].word, ()):
            phrase = tuple(token.word for token in tokens[at : at + length])
            if len(phrase) == length and phrase in phrases:
                field, meaning = phrases[phrase]
                if not _is_negated(tokens, at, language):
                    yield Match(field, meaning, tokens[at].start, tokens[at + length - 1].end, at, at + length)
                at += length
                break
        else:
            at += 1


def _is_negated(tokens: list[Token], at: int, language: str) -> bool:
    before = [token.word for token in tokens[max(0, at - 2) : at]]
    if before and before[-1] in ("a", "an", "any", "the", "de", "d"):
        before.pop()
    return bool(before) and before[-1] in vocabulary.NEGATIONS[language]


@cache
def _phrases_for(language: str) -> tuple[dict[Phrase, Meaning], dict[str, list[int]]]:
    """All phrases that count in prompts of one language, and the lengths of those that begin with each word."""
    (other,) = (name for name in LANGUAGES if name != language)
    own = _own_phrases(language)
    foreign = {phrase: meaning for phrase, meaning in _own_phrases(other).items() if not _is_ambiguous(phrase)}
    unaccented = {_unaccented(phrase): meaning for phrase, meaning in own.items()}
    phrases = {**foreign, **unaccented, **own} if language == "fr" else {**foreign, **own}
    lengths: dict[str, set[int]] = defaultdict(set)
    for phrase in phrases:
        lengths[phrase[0]].add(len(phrase))
    return phrases, {word: sorted(found, reverse=True) for word, found in lengths.items()}


def _is_ambiguous(phrase: Phrase) -> bool:
    return len(phrase) == 1 and phrase[0] in vocabulary.AMBIGUOUS


def _unaccented(phrase: Phrase) -> Phrase:
    decomposed = (unicodedata.normalize("NFD", word) for word in phrase)
    return tuple("".join(letter for letter in word if not unicodedata.combining(letter)) for word in decomposed)


@cache
def _own_phrases(language: str) -> dict[Phrase, Meaning]:
    column = LANGUAGES.index(language)
    return {
        phrase: (field, meaning)
        for field, table in TABLES.items()
        for meaning, columns in rows_of(table)
        for entry in columns[column]
        for phrase in forms_of(entry, language)
    }


def rows_of(table: str) -> list[tuple[str, tuple[list[str], list[str]]]]:
    """Each row of a table as its meaning, its English entries and its French entries."""
    rows = []
    for row in table.strip().replace("\n    ", " ").splitlines():
        meaning, _, columns = row.partition(": ")
        english, french = ([entry.strip() for entry in column.split(",")] for column in columns.split(" | "))
        rows.append((meaning, (english, french)))
    return rows


@cache
def _labels(language: str) -> dict[Meaning, str]:
    column = LANGUAGES.index(language)
    return {
        (field, meaning): columns[column][0].rstrip("+~*")
        for field, table in TABLES.items()
        for meaning, columns in rows_of(table)
    }


def label_of(field: Field, meaning: str, language: str) -> str:
    """What a meaning is called in this language: the first word of its row, or itself if it isn't in a table."""
    return _labels(language).get((field, meaning), meaning)


def forms_of(entry: str, language: str) -> set[Phrase]:
    """All forms of one entry of the vocabulary, as phrases of folded words."""
    *before, word = entry.rsplit(" ", 1) if entry[-1] in "+~*" else [entry]
    mark, stem = (word[-1], word[:-1]) if word[-1] in "+~*" else ("", word)
    if mark == "+":
        forms = {stem, _english_plural(stem) if language == "en" else _french_plural(stem)}
    elif mark == "~":
        forms = _english_verb(stem) if language == "en" else _french_verb(stem)
    elif mark == "*":
        forms = {stem, stem + "e", stem if stem.endswith("s") else stem + "s", stem + "es"}
    else:
        forms = {stem}
    return {tuple(token.word for token in tokens_in(" ".join([*before, form]))) for form in forms}


def _english_plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def _english_verb(verb: str) -> set[str]:
    stem = verb.removesuffix("e")
    return {verb, _english_plural(verb), stem + "ing", stem + "ed"}


def _french_plural(noun: str) -> str:
    if noun.endswith(("s", "x")):
        return noun
    return noun + ("x" if noun.endswith(("eau", "eu")) and noun != "bleu" else "s")


def _french_verb(infinitive: str) -> set[str]:
    stem = infinitive.removesuffix("er")
    return {stem + ending for ending in ("er", "e", "es", "ent", "ant", "ait")}


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold().replace("œ", "oe")
