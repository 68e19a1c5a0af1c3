"""What the Credits page and its downloads cost with many transfers, against what they cost with a thousand."""

import time
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

from tchavi_studio.ledger.models import StatementEntry

from .measuring import Work
from .pages import Case, compare, getting, page
from .report import Row
from .studios import SMALL, Studio, studios


def rows(size: int) -> Iterator[Row]:
    """Measure each case in a studio with 1,000 clips and in one with `size`, in turns; then a download."""
    with studios(SMALL, size) as (small, large):
        for case in CASES:
            yield compare(case, small, large)
        with large.in_use():
            yield download(large)


def middle(studio: Studio) -> StatementEntry:
    """A row from the middle of the statement."""
    entries = StatementEntry.objects.order_by("row_number")
    return entries[entries.count() // 2]


def deep_page(studio: Studio) -> Work:
    return getting(studio, f"{studio.home}credits/?before={middle(studio).row_number}")


def by_key(studio: Studio) -> Work:
    key_id = StatementEntry.objects.filter(key_id__isnull=False).values_list("key_id", flat=True)[0]
    return getting(studio, f"{studio.home}credits/?key={key_id}&kind=refund")


def of_a_day(studio: Studio) -> Work:
    day = middle(studio).created_at.date()
    return getting(studio, f"{studio.home}credits/?since={day}&until={day}&month={day:%Y-%m}")


def as_of(studio: Studio) -> Work:
    """The row is looked for and the address with it opened, as the redirect has it done."""
    moment = quote((middle(studio).created_at + timedelta(microseconds=1)).isoformat())
    path = f"{studio.home}credits/?as_of={moment}"

    def get() -> None:
        answer = studio.browser.get(path, follow=True)
        assert answer.status_code == 200, path

    return get


def download(studio: Studio) -> Row:
    began = time.perf_counter()
    answer = studio.browser.get(f"{studio.home}credits/statement.csv")
    lines = sum(part.count(b"\n") for part in answer)
    seconds = time.perf_counter() - began
    return Row(
        name="credits/statement.csv, a row",
        before="–",
        measured=seconds / lines * 1e6,
        goal=None,
        unit="µs",
        note=f"{lines:,} rows in {seconds:.1f} s",
    )


CASES = (
    Case(name="credits/", before="–", prepare=page("credits/")),
    Case(name="credits/?before=, half way down", before="–", prepare=deep_page),
    Case(name="credits/?kind=adjustment", before="–", prepare=page("credits/?kind=adjustment")),
    # In the small studio these fill no page.
    Case(
        name="credits/?model=kling-v3&kind=refund",
        before="–",
        goal=2,
        prepare=page("credits/?model=kling-v3&kind=refund"),
    ),
    Case(name="credits/?key=…&kind=refund", before="–", goal=2, prepare=by_key),
    Case(name="credits/?since=…&until=…", before="–", goal=2, prepare=of_a_day),
    Case(name="credits/?amount=1300", before="–", prepare=page("credits/?amount=1300")),
    Case(name="credits/?q=lagoon", before="–", goal=2, prepare=page("credits/?q=lagoon")),
    Case(name="credits/?as_of=…", before="–", prepare=as_of),
)
