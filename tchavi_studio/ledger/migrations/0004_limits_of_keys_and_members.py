from django.conf import settings
from django.db import migrations, models


def move_limits_to_keys(apps, schema_editor):
    """Until now, keys pointed to their limits. Limits whose key is gone apply to nobody."""
    limits = apps.get_model("ledger", "SpendingLimit")
    keys = apps.get_model("api", "ApiKey").objects.filter(spending_limit_id__isnull=False)
    for key in keys.values("pk", "workspace_id", "spending_limit_id").iterator():
        limits.objects.filter(pk=key["spending_limit_id"], workspace=key["workspace_id"]).update(key_id=key["pk"])
    limits.objects.filter(key_id=None).delete()


class Migration(migrations.Migration):
    dependencies = [
        # Keys belong to an app above; only this migration reads the column they drop afterwards.
        ("api", "0001_initial"),
        ("ledger", "0003_spending_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("spendinglimit", "key_id", models.UUIDField(null=True, unique=True)),
        migrations.AddField(
            "spendinglimit",
            "user",
            models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"),
        ),
        migrations.RunPython(move_limits_to_keys, migrations.RunPython.noop),
    ]
