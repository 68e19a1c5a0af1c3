"""The words of a text, for every search: the same for what is stored and for what is asked, on every database."""

import unicodedata

MAX_WORD_LENGTH = 64

_JOINED = str.maketrans({"œ": "oe", "æ": "ae"})


def words_of(text: str) -> list[str]:
    """The words in order: "Été_2026 – Straße" is ["ete", "2026", "strasse"].

    Accents and case don't count, everything but letters and digits separates words, and a word is cut at
    MAX_WORD_LENGTH characters. Databases index only these words, and are only asked for such words: their own ideas of
    a word differ.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Marks such as accents disappear without splitting the word that they are in.
    letters = "".join(letter for letter in folded if not unicodedata.category(letter).startswith("M"))
    spaced = "".join(letter if letter.isalnum() else " " for letter in letters.translate(_JOINED))
    return [word[:MAX_WORD_LENGTH] for word in spaced.split()]
