"""Transfers and statements are append-only: see `tchavi_studio.records.append_only`."""

from tchavi_studio.records.append_only import AppendOnlyTable, protect

TRANSFERS = protect(
    AppendOnlyTable(
        name="ledger_transfer",
        message="ledger rows never change or vanish",
        is_same_row=(
            "id = NEW.id OR hash = NEW.hash "
            "OR (workspace_id = NEW.workspace_id AND book = NEW.book AND sequence = NEW.sequence) "
            "OR (reference = NEW.reference AND kind = NEW.kind)"
        ),
        since=("ledger", "0002_append_only"),
        watched=("ledger_account", "ledger_spendinglimit", "ledger_limitedcharge"),
    )
)

ENTRIES = protect(
    AppendOnlyTable(
        name="ledger_statemententry",
        message="statement rows never change or vanish",
        is_same_row=("transfer_id = NEW.transfer_id OR (wallet_id = NEW.wallet_id AND row_number = NEW.row_number)"),
        since=("ledger", "0011_protect_statements"),
        watched=("ledger_dailyspending",),
    )
)

install_triggers = TRANSFERS.install
