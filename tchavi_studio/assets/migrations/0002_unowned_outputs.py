"""Mark the stored clips without a generation, so that they are found without comparing two whole tables."""

from django.db import migrations, models
from django.db.models import Exists, F, OuterRef


def mark_unowned(apps, schema_editor):
    database = schema_editor.connection.alias
    owners = apps.get_model("generations", "Generation").objects.using(database).filter(output=OuterRef("pk"))
    outputs = apps.get_model("assets", "Asset").objects.using(database).filter(origin="output")
    outputs.filter(~Exists(owners)).update(unowned_since=F("created_at"))


class Migration(migrations.Migration):

    dependencies = [
        ("assets", "0001_initial"),
        ("generations", "0001_initial"),
    ]

    operations = [
        migrations.AddField(model_name="asset", name="unowned_since", field=models.DateTimeField(null=True)),
        migrations.RunPython(mark_unowned, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="asset",
            index=models.Index(
                fields=["unowned_since", "id"],
                condition=models.Q(("unowned_since__isnull", False)),
                name="asset_unowned",
            ),
        ),
    ]
