"""Begin to count what each member spends, with what they have spent this month already.

An upgrade counts in UTC, as every workspace's time zone is still UTC.
"""

from collections import defaultdict

from django.conf import settings
from django.db import migrations
from django.utils import timezone

CHUNK_SIZE = 2_000


def count_members(apps, schema_editor):
    Account = apps.get_model("ledger", "Account")
    LimitedCharge = apps.get_model("ledger", "LimitedCharge")
    Membership = apps.get_model("workspaces", "Membership")
    SpendingLimit = apps.get_model("ledger", "SpendingLimit")
    Transfer = apps.get_model("ledger", "Transfer")

    now = timezone.now()
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    members = Membership.objects.order_by("pk").values_list("workspace_id", "user_id")
    for workspace_id, user_id in members.iterator(chunk_size=CHUNK_SIZE):
        SpendingLimit.objects.get_or_create(workspace_id=workspace_id, user_id=user_id)

    wallets = Account.objects.filter(name="wallet").order_by("pk").values_list("workspace_id", "book", "last_sequence")
    for workspace_id, book, last_sequence in list(wallets):
        limits = {limit.user_id: limit for limit in SpendingLimit.objects.filter(workspace_id=workspace_id, key_id=None)}
        period, spent, counted = f"{book} {now:%Y-%m}", defaultdict(int), []
        known = set(
            LimitedCharge.objects.filter(limit__in=limits.values(), period=period).values_list("limit_id", "reference")
        )
        # From the newest back, by the chain's own index: how much is read depends on this month alone.
        for end in range(last_sequence, 0, -CHUNK_SIZE):
            chain = Transfer.objects.filter(
                workspace_id=workspace_id, book=book, sequence__lte=end, sequence__gt=end - CHUNK_SIZE
            )
            rows = list(chain.order_by("-sequence"))
            charges = [
                row for row in rows if row.kind == "charge" and row.created_at >= month and row.actor_id in limits
            ]
            refunded = set(
                Transfer.objects.filter(
                    kind="refund", reference__in=[row.reference for row in charges]
                ).values_list("reference", flat=True)
            )
            for row in charges:
                limit = limits[row.actor_id]
                if (limit.pk, row.reference) not in known:
                    counted.append(LimitedCharge(limit=limit, reference=row.reference, period=period))
                if row.reference not in refunded:
                    spent[row.actor_id] += row.amount_credits
            if rows and rows[-1].created_at < month:
                break
        LimitedCharge.objects.bulk_create(counted, batch_size=CHUNK_SIZE)
        if book == settings.STUDIO_BOOK:
            for user_id, credits in spent.items():
                SpendingLimit.objects.filter(pk=limits[user_id].pk).update(period=period, spent_credits=credits)


class Migration(migrations.Migration):

    dependencies = [
        ("ledger", "0007_member_budgets"),
        ("workspaces", "0007_activity_is_append_only"),
    ]

    operations = [
        migrations.RunPython(count_members, migrations.RunPython.noop),
    ]
