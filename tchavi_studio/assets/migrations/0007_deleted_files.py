from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("assets", "0006_asset_names")]

    operations = [
        migrations.CreateModel(
            name="DeletedFile",
            fields=[
                ("asset_id", models.UUIDField(primary_key=True, serialize=False)),
                ("names", models.JSONField()),
            ],
        ),
    ]
