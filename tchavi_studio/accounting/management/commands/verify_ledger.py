from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils.formats import number_format

from tchavi_studio.accounting.integrity.heads import (
    HeadsUnreadableError,
    exported_heads,
    head_from,
    heads_from,
    lost_heads,
)
from tchavi_studio.accounting.integrity.runs import verify_now
from tchavi_studio.ledger.models import Account, AccountName, Transfer
from tchavi_studio.records.append_only import protected_tables
from tchavi_studio.records.verification import Head


class Command(BaseCommand):
    help = (
        "Recompute the whole ledger from its rows, compare it with the clips, and report what doesn't match. Exits "
        "with 1 if anything doesn't."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--incremental",
            action="store_true",
            help="recompute chains only from where the last sound verification ended",
        )
        parser.add_argument(
            "--expect-head",
            action="append",
            default=[],
            metavar="WORKSPACE:BOOK:HASH",
            help="a head exported earlier, which its chain must still contain; may be repeated",
        )
        parser.add_argument(
            "--expect-heads", type=Path, metavar="FILE", help="a file of heads written earlier by --export-heads"
        )
        parser.add_argument(
            "--export-heads",
            action="store_true",
            help="print the heads as JSON if the ledger is sound; keep them on another machine",
        )
        parser.add_argument(
            "--restore-triggers", action="store_true", help="first restore missing append-only triggers, and say which"
        )

    def handle(
        self,
        *args: Any,
        incremental: bool,
        expect_head: list[str],
        expect_heads: Path | None,
        export_heads: bool,
        restore_triggers: bool,
        **options: Any,
    ) -> None:
        expected = [_parsed_head(word) for word in expect_head]
        if expect_heads is not None:
            expected += _heads_in(expect_heads)
        if restore_triggers:
            for table in protected_tables:
                for name in table.missing_triggers(connection):
                    self.stderr.write(f"Restored the trigger {name}. What was changed while it was missing?")
                table.create_triggers(connection)
        run = verify_now(is_full=not incremental)
        kept_count = 0
        for stored in run.findings.order_by("number").iterator():
            kept_count += 1
            self.stderr.write(str(stored))
        if run.finding_count > kept_count:
            self.stderr.write(f"And {number_format(run.finding_count - kept_count)} more.")
        count = run.finding_count
        for finding in lost_heads(expected):
            count += 1
            self.stderr.write(str(finding))
        if count:
            raise CommandError(f"The ledger isn't sound: {count} findings.")
        if export_heads:
            for part in exported_heads():
                self.stdout.write(part, ending="")
            return
        wallets = number_format(Account.objects.filter(name=AccountName.WALLET).count())
        transfers = number_format(Transfer.objects.count())
        self.stdout.write(f"The ledger is sound: wallets {wallets}, transfers {transfers}, findings 0.")


def _parsed_head(word: str) -> Head:
    try:
        return head_from(word)
    except ValueError:
        raise CommandError(f"A head must look like WORKSPACE:BOOK:HASH, not {word!r}.") from None


def _heads_in(path: Path) -> list[Head]:
    try:
        return heads_from(path.read_bytes())
    except (OSError, HeadsUnreadableError) as error:
        raise CommandError(f"{path} wasn't written by --export-heads: {error.__cause__ or error}") from error
