"""Give every transfer its row in the statement, and every day its sums.

Models and keys are the clips'; of clips that are gone only the member is known, from the charge. Wallets are read in
ranges of their sequence and days are written once they are over, so memory doesn't grow with the ledger.
"""

from collections import defaultdict
from datetime import UTC

from django.db import migrations

CHUNK_SIZE = 2_000


def fill_statements(apps, schema_editor):
    Account = apps.get_model("ledger", "Account")
    wallets = Account.objects.filter(name="wallet", last_sequence__gt=0).order_by("pk")
    for wallet_id in list(wallets.values_list("pk", flat=True)):
        fill_statement(apps, Account.objects.get(pk=wallet_id))


def fill_statement(apps, wallet):
    DailySpending = apps.get_model("ledger", "DailySpending")
    StatementEntry = apps.get_model("ledger", "StatementEntry")
    Transfer = apps.get_model("ledger", "Transfer")
    chain = Transfer.objects.filter(workspace_id=wallet.workspace_id, book=wallet.book).order_by("sequence")
    day, sums, last_at = None, defaultdict(lambda: [0, 0]), None

    def write_day():
        DailySpending.objects.bulk_create(
            DailySpending(
                wallet=wallet,
                day=day,
                model=model,
                member_id=member_id,
                key_id=key_id,
                charged_credits=charged_credits,
                refunded_credits=refunded_credits,
            )
            for (member_id, key_id, model), (charged_credits, refunded_credits) in sums.items()
        )
        sums.clear()

    for start in range(1, wallet.last_sequence + 1, CHUNK_SIZE):
        transfers = list(chain.filter(sequence__gte=start, sequence__lt=start + CHUNK_SIZE))
        causes = causes_of(apps, {row.reference for row in transfers} - {None})
        entries = []
        for row in transfers:
            # Clocks of several machines may have disagreed. In the statement, time never goes back.
            last_at = max(row.created_at, last_at) if last_at else row.created_at
            cause = causes[row.reference] if row.reference else (row.actor_id, None, "")
            member_id, key_id, model = cause
            is_income = row.credit_account_id == wallet.pk
            entries.append(
                StatementEntry(
                    transfer=row,
                    wallet=wallet,
                    row_number=row.sequence,
                    kind=row.kind,
                    change_credits=row.amount_credits if is_income else -row.amount_credits,
                    balance_after_credits=row.balance_after_credits,
                    member_id=member_id,
                    key_id=key_id,
                    model=model,
                    reference=row.reference,
                    created_at=last_at,
                )
            )
            if row.kind in ("charge", "refund"):
                if last_at.astimezone(UTC).date() != day:
                    write_day()
                    day = last_at.astimezone(UTC).date()
                sums[cause][row.kind == "refund"] += row.amount_credits
        StatementEntry.objects.bulk_create(entries)
    write_day()
    wallet.last_at = last_at
    wallet.save(update_fields=["last_at"])


def causes_of(apps, references):
    """Member, API key and model of each generation with one of these ids."""
    charges = apps.get_model("ledger", "Transfer").objects.filter(reference__in=references, kind="charge")
    clips = apps.get_model("generations", "Generation").objects.filter(pk__in=references)
    made = {pk: (key_id, model) for pk, key_id, model in clips.values_list("pk", "key_id", "model")}
    members = dict(charges.values_list("reference", "actor_id"))
    return {reference: (members.get(reference), *made.get(reference, (None, ""))) for reference in references}


class Migration(migrations.Migration):

    dependencies = [
        ("ledger", "0009_statements"),
        # Generations belong to an app above; only this migration reads them.
        ("generations", "0022_remixes"),
    ]

    operations = [
        migrations.RunPython(fill_statements, migrations.RunPython.noop),
    ]
