from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("api", "0001_initial"),
        # It has taken over what the column says.
        ("ledger", "0004_limits_of_keys_and_members"),
    ]

    operations = [
        migrations.RemoveConstraint("apikey", "test_key_spends_nothing"),
        migrations.RemoveField("apikey", "spending_limit_id"),
    ]
