"""Places in lists of the gallery, as they stand in addresses. All raise ValueError for what the studio didn't write."""

import re
from datetime import datetime
from uuid import UUID

from tchavi_studio.generations.queries import microseconds, moment_at


def position_text(*position: object) -> str:
    """A row's values of what its list is sorted by, as text."""
    return "~".join(map(_part, position))


def _part(value: object) -> str:
    if isinstance(value, datetime):
        return str(microseconds(value))
    return value.hex if isinstance(value, UUID) else str(value)


def moment_and_id(text: str) -> tuple[datetime, UUID]:
    moment, _tilde, pk = text.partition("~")
    return moment_at(moment), _id(pk)


def moment_and_number(text: str) -> tuple[datetime, int]:
    moment, _tilde, number = text.partition("~")
    return moment_at(moment), whole_number(number)


def size_and_id(text: str) -> tuple[int, UUID]:
    size, _tilde, pk = text.partition("~")
    return whole_number(size), _id(pk)


def two_numbers(text: str) -> tuple[int, int]:
    first, _tilde, second = text.partition("~")
    return whole_number(first), whole_number(second)


def whole_number(text: str) -> int:
    if re.fullmatch(r"\d{1,19}", text, re.ASCII) is None or int(text) >= 2**63:
        raise ValueError(f"{text!r} is not a number.")
    return int(text)


def _id(text: str) -> UUID:
    if re.fullmatch(r"[0-9a-f]{32}", text, re.ASCII) is None:
        raise ValueError(f"{text!r} is not an id.")
    return UUID(hex=text)
