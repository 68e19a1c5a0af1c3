"""How fast the ledger is written and verified: `python -m tests.bench.subject ledger --size TRANSFERS`.

Charges are compared with the same SQL statements on a bare connection, in the same transactions on the same file or
server; verification with a plain loop over the same rows.
"""

import hashlib
import json
import multiprocessing
import resource
import sqlite3
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from tchavi_studio.ledger import posting, statement_verification, verification
from tchavi_studio.ledger.chain import canonical_bytes
from tchavi_studio.ledger.models import Account, AccountName, StatementEntry, Transfer
from tchavi_studio.ledger.services import charge_credits, grant_credits, open_accounts
from tchavi_studio.records.chain import GENESIS_HASH, hash_of
from tchavi_studio.records.verification import findings_in
from tchavi_studio.workspaces.models import Workspace

from .report import Row

SECONDS = 3.0
ROUNDS = 2
START_SECONDS = 0.5
BOOK = "live"


def rows(size: int) -> Iterator[Row]:
    """Measure on the configured database, to which this adds some workspaces, one of them with `size` transfers."""
    call_command("migrate", interactive=False, verbosity=0)
    yield from charge_rows(processes=1)
    yield from charge_rows(processes=8)
    yield from verification_rows(size)


# --- Charges ----------------------------------------------------------------------------------------------------------

Charge = Callable[[], object]


def charge_rows(*, processes: int) -> Iterator[Row]:
    workspace = _workspace()
    grant_credits(workspace=workspace, book=BOOK, amount_credits=10**9, reason="bench")
    ratios, bare_counts, latencies = [], [], list[float]()
    for _round in range(ROUNDS):
        bare = _latencies(_bare_charge, workspace, processes)
        ours = _latencies(_our_charge, workspace, processes)
        ratios.append(len(bare) / len(ours))
        bare_counts.append(len(bare))
        latencies += ours
    on_sqlite = connection.vendor == "sqlite"
    what = f"charges a second, {processes} at once"
    yield Row(
        name=f"{what}: bare against ours",
        before=("11 ×" if processes == 1 else "18 ×") if on_sqlite else "2.7 ×",
        measured=statistics.mean(ratios),
        goal=4 if on_sqlite else 1.8,
        unit="×",
        note=f"{max(bare_counts) / SECONDS:,.0f} a second bare",
    )
    yield Row(
        name=f"{what}: 99% within",
        before="1.1 s" if on_sqlite and processes > 1 else "–",
        measured=statistics.quantiles(latencies, n=100)[98] * 1000,
        goal=150 if on_sqlite else None,
        unit="ms",
    )


def _latencies(prepare: Callable[[Workspace], Charge], workspace: Workspace, processes: int) -> list[float]:
    """The seconds that each charge took, in so many processes that charge for SECONDS as fast as they can."""
    connections.close_all()
    forked = multiprocessing.get_context("fork")
    began_at = time.monotonic() + START_SECONDS
    pipes = []
    for _process in range(processes):
        ours, theirs = forked.Pipe(duplex=False)
        child = forked.Process(target=_charge_repeatedly, args=(prepare, workspace, began_at, theirs))
        child.start()
        pipes.append((child, ours))
    latencies = []
    for child, pipe in pipes:
        latencies += pipe.recv()
        child.join()
    return latencies


def _charge_repeatedly(
    prepare: Callable[[Workspace], Charge], workspace: Workspace, began_at: float, pipe: Connection
) -> None:
    charge = prepare(workspace)
    time.sleep(max(0, began_at - time.monotonic()))
    latencies = []
    while time.monotonic() < began_at + SECONDS:
        began = time.perf_counter()
        charge()
        latencies.append(time.perf_counter() - began)
    pipe.send(latencies)
    connections.close_all()


def _our_charge(workspace: Workspace) -> Charge:
    connection.ensure_connection()
    return lambda: charge_credits(workspace=workspace, book=BOOK, amount_credits=1, reference=uuid.uuid4())


def _bare_charge(workspace: Workspace) -> Charge:
    """The same five statements between BEGIN and COMMIT. Nothing is computed: the hash is a random number."""
    execute, workspace_id = _bare_connection(), workspace.pk.hex
    on_sqlite = connection.vendor == "sqlite"
    begin = "BEGIN IMMEDIATE" if on_sqlite else "BEGIN"
    lock = posting.LOCK_ACCOUNTS + ("" if on_sqlite else "FOR UPDATE OF wallet")
    insert, move, enter = posting.INSERT_TRANSFER, posting.MOVE_CREDITS, posting.INSERT_ENTRY
    count = posting.COUNT_DAY.format(no_key=posting.NO_KEY.hex if on_sqlite else posting.NO_KEY)
    if on_sqlite:
        lock, insert, move, enter, count = (sql.replace("%s", "?") for sql in (lock, insert, move, enter, count))
    now = datetime.now(UTC).isoformat(" ")

    def charge() -> None:
        reference = uuid.uuid4().hex
        new_hash = (uuid.uuid4().hex + reference)[:64]
        execute(begin)
        row = execute(lock, (reference, "charge", "spent", workspace_id, BOOK, "wallet")).fetchone()
        wallet, balance, sequence, last_hash, _last_at, spent = row[:6]
        values = (workspace_id, BOOK, sequence + 1, "charge", wallet, spent, 1, balance - 1, reference, "", None, now)
        (transfer,) = execute(insert, (*values, 1, last_hash, new_hash)).fetchone()
        execute(move, (wallet, -1, 1, wallet, sequence + 1, wallet, new_hash, wallet, now, wallet, spent))
        execute(enter, (transfer, wallet, sequence + 1, "charge", -1, balance - 1, None, None, "", reference, now))
        execute(count, (wallet, now[:10], "", None, None, 1, 0))
        execute("COMMIT")

    return charge


def _bare_connection() -> Callable[..., Any]:
    """`execute` of a connection without Django, but with the same settings."""
    configured = connection.settings_dict
    if connection.vendor == "sqlite":
        bare = sqlite3.connect(configured["NAME"], timeout=configured["OPTIONS"]["timeout"], isolation_level=None)
        bare.executescript(f"PRAGMA foreign_keys = ON; {configured['OPTIONS']['init_command']}")
        return bare.cursor().execute
    import psycopg

    at = {"host": configured["HOST"], "port": configured["PORT"], "user": configured["USER"]}
    return psycopg.connect(dbname=configured["NAME"], password=configured["PASSWORD"], autocommit=True, **at).execute


# --- Verification -----------------------------------------------------------------------------------------------------


def verification_rows(size: int) -> Iterator[Row]:
    workspace = _filled_workspace(size)
    plain_seconds, chain_seconds = list[float](), list[float]()
    for _round in range(ROUNDS):
        plain_seconds.append(_seconds(lambda: _plain_loop(workspace)))
        chain_seconds.append(_seconds(lambda: list(verification.verify_chain(workspace_id=workspace.pk, book=BOOK))))
    yield Row(
        name=f"verify_ledger, {size:,} transfers: the chain pass against a plain loop",
        before="3–5 ×",
        measured=min(chain_seconds) / min(plain_seconds),
        goal=1.5,
        unit="×",
        note=f"{min(plain_seconds) / size * 1e6:.0f} µs a row in the loop",
    )
    statement_seconds = min(
        _seconds(lambda: list(statement_verification.verify_statement(workspace_id=workspace.pk, book=BOOK)))
        for _round in range(ROUNDS)
    )
    yield Row(
        name="verify_ledger: the statement against its transfers, against the same loop",
        before="–",
        measured=statement_seconds / min(plain_seconds),
        goal=None,
        unit="×",
    )
    for name, check in {
        "each clip charged and refunded once": lambda: findings_in(verification.reference_steps()),
        "a wallet for every transfer": verification.find_orphans,
        "balances that add up to 0": verification.verify_total,
    }.items():
        seconds = _seconds(lambda check=check: list(check()))  # type: ignore[misc]
        ratio = seconds / min(plain_seconds)
        yield Row(name=f"verify_ledger: {name}, against the same loop", before="–", measured=ratio, goal=None, unit="×")
    grown_bytes = _memory_of(lambda: list(verification.verify_ledger()))
    yield Row(name="verify_ledger: memory", before="–", measured=grown_bytes / 2**20, goal=32, unit="MiB")


def _filled_workspace(transfers: int) -> Workspace:
    """A workspace with a grant, then charges of which every tenth is refunded; all of them sound."""
    workspace = _workspace()
    accounts = open_accounts(workspace=workspace, book=BOOK)
    wallet, granted, spent = accounts["wallet"], accounts["granted"], accounts["spent"]
    balance, last_hash, moment = 0, GENESIS_HASH, timezone.now() - timedelta(seconds=transfers)
    reference: uuid.UUID | None = None
    rows = list[Transfer]()
    for sequence in range(1, transfers + 1):
        kind = "grant" if sequence == 1 else "refund" if sequence % 11 == 0 else "charge"
        debit, credit = {"grant": (granted, wallet), "charge": (wallet, spent), "refund": (spent, wallet)}[kind]
        amount = transfers * 100 if kind == "grant" else 100
        reference = {"grant": None, "charge": uuid.uuid4(), "refund": reference}[kind]
        balance += amount if credit is wallet else -amount
        moment += timedelta(seconds=1)
        row = Transfer(
            workspace=workspace, book=BOOK, sequence=sequence, kind=kind, debit_account=debit, credit_account=credit,
            amount_credits=amount, balance_after_credits=balance, reference=reference, created_at=moment,
            previous_hash=last_hash,
        )  # fmt: skip
        row.hash = last_hash = hash_of(
            canonical_bytes(
                workspace_id=workspace.pk, book=BOOK, sequence=sequence, kind=kind, debit=debit.name,
                credit=credit.name, amount_credits=amount, balance_after_credits=balance, reference=reference,
                reason="", actor_id=None, created_at=moment, previous_hash=row.previous_hash,
            )
        )  # fmt: skip
        debit.balance_credits -= amount
        credit.balance_credits += amount
        rows.append(row)
        if len(rows) == 5000 or sequence == transfers:
            Transfer.objects.bulk_create(rows)
            _enter(wallet, rows)
            rows.clear()
    wallet.last_sequence, wallet.last_hash, wallet.last_at = transfers, last_hash, moment
    Account.objects.bulk_update(accounts.values(), ["balance_credits", "last_sequence", "last_hash", "last_at"])
    return workspace


def _enter(wallet: Account, transfers: list[Transfer]) -> None:
    """Write the statement of these transfers."""
    StatementEntry.objects.bulk_create(
        StatementEntry(
            transfer=row,
            wallet=wallet,
            row_number=row.sequence,
            kind=row.kind,
            change_credits=row.change_credits,
            balance_after_credits=row.balance_after_credits,
            reference=row.reference,
            created_at=row.created_at,
        )
        for row in transfers
    )
    with connection.cursor() as cursor:
        posting.count_days(
            cursor,
            wallet.pk,
            [
                (posting.utc_day(row.created_at), posting.Cause(), *posting.spending(row.kind, row.amount_credits))
                for row in transfers
                if row.kind in posting.SPENDING
            ],
        )


def _plain_loop(workspace: Workspace) -> None:
    """Fetch the rows in order on a bare connection, and compare each one's hash with its canonical JSON's."""
    names = dict(Account.objects.filter(workspace=workspace, book=BOOK).values_list("pk", "name"))
    columns = (
        "sequence, kind, debit_account_id, credit_account_id, amount_credits, balance_after_credits, reference, "
        "reason, actor_id, created_at, previous_hash, hash"
    )
    sql = f"SELECT {columns} FROM ledger_transfer WHERE workspace_id = '{workspace.pk.hex}' AND book = '{BOOK}'"
    count, last_hash = 0, GENESIS_HASH
    rows = _bare_connection()(f"{sql} ORDER BY sequence")
    while chunk := rows.fetchmany(2000):
        for sequence, kind, debit, credit, amount, balance, reference, reason, actor, moment, previous, stored in chunk:
            if isinstance(moment, str):
                moment = datetime.fromisoformat(moment)
            members = {
                "actor": actor,
                "amount_credits": amount,
                "balance_after_credits": balance,
                "book": BOOK,
                "created_at": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "credit": names[credit],
                "debit": names[debit],
                "kind": kind,
                "previous_hash": previous,
                "reason": reason,
                "reference": str(uuid.UUID(str(reference))) if reference else None,
                "sequence": sequence,
                "version": 1,
                "workspace": str(workspace.pk),
            }
            text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert (previous, stored) == (last_hash, hashlib.sha256(text.encode()).hexdigest())
            count, last_hash = count + 1, stored
    assert count == Account.objects.get(workspace=workspace, book=BOOK, name=AccountName.WALLET).last_sequence


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    assert work() in (None, [])
    return time.perf_counter() - began


def _memory_of(work: Callable[[], object]) -> int:
    """By how many bytes the memory of a new process grows, at most, while it works."""
    connections.close_all()
    forked = multiprocessing.get_context("fork")
    ours, theirs = forked.Pipe(duplex=False)

    def measure() -> None:
        connection.ensure_connection()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        work()
        theirs.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)

    child = forked.Process(target=measure)
    child.start()
    grown: int = ours.recv()
    child.join()
    return grown


def _workspace() -> Workspace:
    slug = f"bench-{uuid.uuid4().hex[:8]}"
    return Workspace.objects.create(slug=slug, name=slug)
