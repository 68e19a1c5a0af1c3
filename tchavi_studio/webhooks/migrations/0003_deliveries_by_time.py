from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("webhooks", "0002_one_lease"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="webhookdelivery", name="deliveries_due"),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                fields=["next_attempt_at", "id"],
                condition=models.Q(("next_attempt_at__isnull", False)),
                name="deliveries_due",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                fields=["leased_until"], condition=models.Q(("leased_until__isnull", False)), name="deliveries_leased"
            ),
        ),
    ]
