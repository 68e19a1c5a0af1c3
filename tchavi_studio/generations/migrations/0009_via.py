from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0008_jobs_and_keys"),
    ]

    operations = [
        # With a default in the database, no row is rewritten.
        migrations.AddField(
            model_name="generation",
            name="via",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
    ]
