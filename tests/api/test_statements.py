"""How many statements a request takes: the same whatever it refers to and however much is stored."""

import re
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tchavi_studio.api import rate_limits
from tchavi_studio.assets.signing import Variant, signed_media_path
from tchavi_studio.workspaces.models import Workspace
from tests.api.conftest import Program
from tests.assets.conftest import make_asset

TRANSACTION = ("SAVEPOINT", "RELEASE")
"""How a test's transactions begin and end. Outside tests they are BEGIN and COMMIT, which are counted alike."""


@pytest.fixture(autouse=True)
def in_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn of the minute would cost the query that clears old counts away."""
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=lambda: 1_000_000_000.0))


def tables_of(captured: CaptureQueriesContext) -> list[str]:
    """The verb and first table of each statement."""
    found = []
    for query in captured:
        sql = " ".join(query["sql"].split())
        verb = sql.split()[0]
        table = re.search(r'(?:FROM|INTO|UPDATE) "?(\w+)', sql)
        found.append(verb if verb in TRANSACTION else f"{verb} {table[1] if table else sql}")
    return found


@pytest.mark.parametrize("idempotency_key", ["", "night-1"])
@pytest.mark.parametrize("reference_count", [0, 1, 3])
def test_a_generation_takes_few_statements(
    program: Program, workspace: Workspace, idempotency_key: str, reference_count: int
) -> None:
    program.generate()
    links = [
        "http://testserver" + signed_media_path(make_asset(workspace), variant=Variant.FILE, expires_seconds=60)
        for _number in range(reference_count)
    ]
    references = {"reference_images": links} if links else {}

    with CaptureQueriesContext(connection) as captured:
        response = program.generate(idempotency_key=idempotency_key, **references)

    assert response.status_code == 202
    assert response["X-Credits-Remaining"] == "7400"
    tables = tables_of(captured)
    assert [table for table in tables if table not in TRANSACTION] == [
        "SELECT api_apikey",
        "INSERT api_requestcount",
        *(["INSERT api_idempotentrequest"] if idempotency_key else []),
        *(["SELECT assets_asset"] * 2 if links else []),
        "INSERT generations_generation",
        *(["INSERT generations_generationreference"] if links else []),
        "SELECT ledger_transfer",  # first in a subquery: whether there is a charge already, with the wallet's lock
        "SELECT ledger_spendinglimit",  # the member's budget, and with it the month's count
        "INSERT ledger_transfer",
        "UPDATE ledger_account",
        "INSERT ledger_statemententry",
        "INSERT ledger_dailyspending",
        "UPDATE ledger_spendinglimit",
        "INSERT ledger_limitedcharge",
        *(["UPDATE assets_asset"] if links else []),  # which of them the workspace sees from now on
        "SELECT workspaces_workspace",  # whether it has been archived
        "INSERT generations_libraryentry",
        "UPDATE generations_librarymonth",  # what the workspace shares
        "UPDATE generations_librarymonth",  # the member's own
        *(["UPDATE api_idempotentrequest"] if idempotency_key else []),
    ]
