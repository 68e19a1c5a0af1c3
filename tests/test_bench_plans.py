"""What `make bench` says about PostgreSQL's plans."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tchavi_studio.generations.models import Generation
from tchavi_studio.long_lists import count_up_to
from tests.bench import plans
from tests.bench.plans import plan_problems, plan_remarks

ROW_COUNTS = {"clips": 200_000, "models": 2}


def scan(table: str, rows: int) -> dict[str, Any]:
    return {"Node Type": "Seq Scan", "Relation Name": table, "Plan Rows": rows}


def above(kind: str, rows: int, *below: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Node Type": kind, "Plan Rows": rows, "Plans": list(below), **more}


def test_every_scan_of_a_long_table_is_named_whatever_it_finds() -> None:
    assert list(plan_problems(scan("clips", 200_000), ROW_COUNTS)) == ["Seq Scan of clips"]
    assert list(plan_problems(scan("clips", 3), ROW_COUNTS)) == ["Seq Scan of clips"]
    assert list(plan_problems(scan("models", 2), ROW_COUNTS)) == []


def test_a_bounded_count_is_named_with_its_bound() -> None:
    count = above("Aggregate", 1, above("Limit", 1_000, scan("clips", 200_000)))
    assert list(plan_problems(count, ROW_COUNTS)) == ["Seq Scan of clips until 1,000 rows are found"]
    page = above("Limit", 24, above("Sort", 200_000, scan("clips", 200_000), **{"Sort Key": ["created_at"]}))
    assert list(plan_problems(page, ROW_COUNTS)) == ["Sort of 200,000 rows by created_at", "Seq Scan of clips"]


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_postgresql_is_asked_for_the_plans_of_what_was_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MANY_ROWS", -1)
    with CaptureQueriesContext(connection) as captured:
        count_up_to(Generation.objects.filter(prompt="%"), 100)
    # Of an empty table, PostgreSQL expects a row.
    assert plan_remarks(captured, connection) == ["Seq Scan of generations_generation until 1 rows are found"]
