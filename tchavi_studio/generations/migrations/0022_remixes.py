"""What a clip took over from its parent, and an index of shared remixes by the time they were made."""

from django.db import migrations, models

KINDS = [
    ("everything", "Everything"),
    ("no-seed", "All but the seed"),
    ("prompt", "Only the prompt"),
    ("last-frame", "Last frame on"),
]


def _remix():
    return models.CharField(blank=True, choices=KINDS, db_default="", default="", max_length=10)


def _is_known(name):
    return models.CheckConstraint(
        condition=models.Q(remix__in=["", "everything", "no-seed", "prompt", "last-frame"]), name=name
    )


class Migration(migrations.Migration):
    dependencies = [("generations", "0021_named_searches")]

    operations = [
        migrations.AddField("approvalrequest", "remix", _remix()),
        migrations.AddField("generation", "remix", _remix()),
        migrations.AddConstraint("approvalrequest", _is_known("request_remix_known")),
        migrations.AddConstraint("generation", _is_known("generation_remix_known")),
        migrations.RemoveIndex("generation", "generation_shared_children"),
        migrations.AddIndex(
            "generation",
            models.Index(
                fields=["workspace", "parent", "-created_at", "-id"],
                condition=models.Q(
                    ("is_test", False),
                    ("deleted_at__isnull", True),
                    ("dismissed_at__isnull", True),
                    ("is_shared", True),
                    ("parent__isnull", False),
                ),
                name="generation_shared_children",
            ),
        ),
    ]
