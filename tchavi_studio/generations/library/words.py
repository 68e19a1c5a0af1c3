"""The words of a text, the same for prompts and for what people search, on every database."""

import unicodedata

MAX_WORD_LENGTH = 64

_JOINED = str.maketrans({"œ": "oe", "æ": "ae"})


def words_of(text: str) -> list[str]:
    """The words in order: case folded, without accents, split at everything but letters and digits, cut at 64.

    Both databases index only these words, and are only asked for such words: their own ideas of a word differ.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Marks such as accents disappear without splitting the word that they are in.
    letters = "".join(letter for letter in folded if not unicodedata.combining(letter) and not _is_mark(letter))
    spaced = "".join(letter if letter.isalnum() else " " for letter in letters.translate(_JOINED))
    return [word[:MAX_WORD_LENGTH] for word in spaced.split()]


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")
