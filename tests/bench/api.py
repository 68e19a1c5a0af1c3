"""A request for a clip, against a bare view of the same middleware that writes the same rows with plain SQL."""

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from tchavi_studio.api.services import create_key
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.urls import urlpatterns as own_urlpatterns
from tchavi_studio.workspaces.models import Workspace
from tests.api.conftest import BODY, Program
from tests.conftest import make_person
from tests.databases import SQLiteTemplate, connected_to

from .measuring import Work, medians
from .report import Row

SAMPLES = 300
NO_LIMIT = {"STUDIO_API_RPM_PER_KEY": 10**6, "STUDIO_API_RPM_PER_ADDRESS": 10**6}
TRANSACTION = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")

Statement = tuple[str, list[Any]]


def rows(_size: int) -> Iterator[Row]:
    """CPU time, since what the database's disk needs is the same on both sides; the wake-up counts too."""
    with (
        tempfile.TemporaryDirectory() as name,
        SQLiteTemplate(Path(name)).copy() as database,
        connected_to(database),
        override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], **NO_LIMIT),
    ):
        yield measured("POST /v1/videos/generations", "4–5.8 × (12–18 statements)", lambda: "")
        yield measured("the same with an Idempotency-Key", "", lambda: uuid4().hex)


def measured(name: str, before: str, idempotency_key: Callable[[], str]) -> Row:
    def generating(program: Program) -> Work:
        return accepted(lambda: program.generate(idempotency_key=idempotency_key()))

    program, other = program_of(f"{uuid4().hex}"), program_of(f"{uuid4().hex}")
    full = generating(program)
    # The bare view writes to another wallet, whose chain it breaks.
    generating(other)()
    statements = noted(generating(other))
    BARE[:] = [(sql, params) for sql, params in statements if sql.lstrip().startswith(("INSERT", "UPDATE"))]
    bare = accepted(lambda: program.post("/bare", BODY))
    full_seconds, bare_seconds = medians(full, bare, samples=SAMPLES, clock=time.process_time)
    return Row(
        name=name,
        before=before,
        measured=full_seconds / bare_seconds,
        goal=2.5,
        unit="×",
        statements=sum(not sql.lstrip().startswith(TRANSACTION) for sql, _params in statements),
        note=f"CPU: {bare_seconds * 1000:.1f} → {full_seconds * 1000:.1f} ms; BEGIN and COMMIT aren't counted",
    )


def program_of(name: str) -> Program:
    """A program with the key of a new person, whose workspace has plenty of credits."""
    person = make_person(name)
    workspace = Workspace.objects.get(memberships__user=person)
    grant_credits(workspace=workspace, book=settings.STUDIO_BOOK, amount_credits=10**9, reason="bench")
    return Program(create_key(workspace=workspace, user=person, name="bench").key)


def accepted(request: Callable[[], Any]) -> Work:
    def send() -> None:
        response = request()
        assert response.status_code == 202, response.content

    return send


def noted(work: Work) -> list[Statement]:
    """The statements of `work`, with their parameters."""
    statements: list[Statement] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, list(params or ())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return statements


# --- The bare view ----------------------------------------------------------------------------------------------------

BARE: list[Statement] = []
"""What a real request has written, first its count of requests, then the rest in a transaction."""


@csrf_exempt
def bare_view(request: HttpRequest) -> JsonResponse:
    """Write the same rows without asking anything."""
    count, *rest = [(sql, fresh(sql, params)) for sql, params in BARE]
    write(*count)
    with transaction.atomic():
        for statement in rest:
            write(*statement)
    return JsonResponse({"id": "job_"}, status=202)


def write(sql: str, params: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        if cursor.description:
            cursor.fetchall()


def fresh(sql: str, params: list[Any]) -> list[Any]:
    """The parameters of an INSERT with new values where rows must differ."""
    columns = re.match(r'\s*INSERT INTO "?(?!api_requestcount)\w+"? \(([^)]*)\)', sql)
    if columns is None:
        return params
    new: dict[str, Any] = {name: uuid4().hex for name in ("id", "submission_id", "reference", "key")}
    new |= {"sequence": time.monotonic_ns(), "hash": uuid4().hex * 2}
    names = [name.strip(' "\n') for name in columns[1].split(",")]
    return [new.get(name, value) for name, value in zip(names, params, strict=True)]


urlpatterns = [path("v1/bare", bare_view), *own_urlpatterns]
