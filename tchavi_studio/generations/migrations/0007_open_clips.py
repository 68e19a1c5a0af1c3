"""Indexes for whoever looks for work. On PostgreSQL, creating one blocks writes to the table until it is done."""

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def date_submissions(apps, schema_editor):
    """Deadlines are found by `started_at` from now on. It is when the job was sent; no clip must lack it."""
    database = schema_editor.connection.alias
    jobs = apps.get_model("generations", "RemoteJob").objects.using(database).filter(generation=OuterRef("pk"))
    undated = apps.get_model("generations", "Generation").objects.using(database).filter(
        engine="tchavi", state__in=["submitting", "unknown", "processing", "saving"], started_at=None
    )
    undated.update(started_at=Subquery(jobs.values("sent_at")))


class Migration(migrations.Migration):

    dependencies = [
        ("generations", "0006_indexes_of_lists"),
    ]

    operations = [
        migrations.RunPython(date_submissions, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="generation", name="generation_work"),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                fields=[
                    "engine", "state", "created_at", "id", "workspace", "creator", "model", "leased_until", "started_at",
                    "finished_at",
                ],
                condition=models.Q(("finished_at__isnull", True)),
                name="generation_open",
            ),
        ),
        migrations.RemoveIndex(model_name="remotejob", name="remote_job_newest"),
        migrations.AddIndex(
            model_name="remotejob",
            index=models.Index(fields=["-sent_at", "-reference"], name="remote_job_newest"),
        ),
    ]
