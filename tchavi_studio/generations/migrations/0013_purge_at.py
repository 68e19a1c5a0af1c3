from datetime import timedelta

from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

IS_OPEN = Q(finished_at__isnull=True)


def keep_as_promised(apps, schema_editor):
    """What is in the bin stays as long as the studio has said so far."""
    binned = apps.get_model("generations", "Generation").objects.filter(~IS_OPEN, deleted_at__isnull=False)
    binned.update(purge_at=F("deleted_at") + timedelta(days=settings.STUDIO_BIN_DAYS))


class Migration(migrations.Migration):

    dependencies = [("generations", "0012_clips_in_line")]

    operations = [
        migrations.AddField("generation", "purge_at", models.DateTimeField(null=True)),
        migrations.RunPython(keep_as_promised, migrations.RunPython.noop),
        migrations.RemoveIndex("generation", "generation_purge"),
        migrations.AddIndex(
            "generation",
            models.Index(F("purge_at"), condition=~IS_OPEN & Q(purge_at__isnull=False), name="generation_purge"),
        ),
    ]
