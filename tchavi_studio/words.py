"""What makes a text's words, for every search: the same for what is stored and for what is asked."""

import unicodedata

MAX_WORD_LENGTH = 64


def words_of(text: str) -> list[str]:
    """The words of a text in their order, without repeats: "Été_2026 – Straße" is ["ete", "2026", "strasse"].

    Accents and case don't count, œ is oe and ß is ss. Everything but letters and digits separates words, and a word is
    cut at MAX_WORD_LENGTH characters.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).replace("œ", "oe")
    letters = (character for character in plain if not unicodedata.category(character).startswith("M"))
    split = "".join(character if character.isalnum() else " " for character in letters).split()
    return list(dict.fromkeys(word[:MAX_WORD_LENGTH] for word in split))
