"""Transfers are append-only: see `tchavi_studio.records.append_only`."""

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

install_triggers = TRANSFERS.install
