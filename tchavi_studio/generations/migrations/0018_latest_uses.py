import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("assets", "0006_asset_names"),
        ("generations", "0017_library_indexes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="generationreference",
            name="asset",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="used_in",
                to="assets.asset",
            ),
        ),
        migrations.AddIndex(
            model_name="generationreference",
            index=models.Index(fields=["asset", "-id"], name="reference_latest_uses"),
        ),
    ]
