"""An index for each list of clips. On PostgreSQL, creating one blocks writes to the table until it is done."""

from django.db import migrations, models
from django.db.models import F, Q

IS_OPEN = Q(("finished_at__isnull", True))
IS_FOR_PEOPLE = Q(("is_test", False))
IS_SHOWN = IS_FOR_PEOPLE & Q(("deleted_at__isnull", True), ("dismissed_at__isnull", True))

INDEXES = [
    models.Index(fields=["workspace", "creator", "-created_at", "-id"], condition=IS_SHOWN, name="generation_feed"),
    models.Index(
        fields=["workspace", "creator", "state", "-created_at", "-id"],
        condition=IS_SHOWN,
        name="generation_feed_by_state",
    ),
    models.Index(
        fields=["workspace", "creator", "-created_at", "-id", "is_test", "finished_at"],
        condition=IS_FOR_PEOPLE & IS_OPEN,
        name="generation_running",
    ),
    models.Index(
        fields=["workspace", "creator", "parent", "-created_at", "-id"],
        condition=IS_SHOWN & Q(("parent__isnull", False)),
        name="generation_children",
    ),
    models.Index(
        fields=["workspace", "creator", "-deleted_at", "-id"],
        condition=IS_FOR_PEOPLE & Q(("deleted_at__isnull", False)),
        name="generation_bin",
    ),
    models.Index(
        fields=["workspace", "creator", "updated_at", "id"], condition=IS_FOR_PEOPLE, name="generation_updates"
    ),
    models.Index(
        fields=["state", "engine", "model", "resolution", "duration_seconds", "-finished_at"],
        condition=~IS_OPEN,
        name="generation_history",
    ),
    models.Index(F("deleted_at"), condition=~IS_OPEN & Q(("deleted_at__isnull", False)), name="generation_purge"),
]


class Migration(migrations.Migration):

    dependencies = [
        ("generations", "0005_failure_codes"),
    ]

    operations = [
        *(
            migrations.RemoveIndex(model_name="generation", name=name)
            for name in ("generation_feed", "generation_updates", "generation_bin")
        ),
        *(migrations.AddIndex(model_name="generation", index=index) for index in INDEXES),
    ]
