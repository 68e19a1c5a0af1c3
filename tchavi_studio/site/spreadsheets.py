"""CSV that people open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet_line(values: Iterable[object]) -> str:
    """A line of CSV. What a spreadsheet would take for a formula begins with an apostrophe; None is empty."""
    line = io.StringIO()
    csv.writer(line).writerow(_harmless(value) for value in values)
    return line.getvalue()


def _harmless(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
