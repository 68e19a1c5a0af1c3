from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    # A separate migration: PostgreSQL can't alter a table whose rows the same transaction has changed.

    dependencies = [("ledger", "0004_limits_of_keys_and_members")]

    operations = [
        migrations.AddConstraint(
            "spendinglimit", models.UniqueConstraint(fields=["workspace", "user"], name="one_limit_per_member")
        ),
        migrations.AddConstraint(
            "spendinglimit",
            models.CheckConstraint(
                condition=Q(key_id__isnull=False, user__isnull=True) | Q(key_id__isnull=True, user__isnull=False),
                name="limit_binds_key_or_member",
            ),
        ),
    ]
