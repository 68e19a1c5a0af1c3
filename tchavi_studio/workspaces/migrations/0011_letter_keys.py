"""Whether single characters are shortcuts for a person."""

from importlib import import_module

from django.db import migrations, models

PEOPLE_FOUND = import_module("tchavi_studio.workspaces.migrations.0009_people_found")


def index_people_again(apps, schema_editor):
    """SQLite makes the table of users anew for a column with a default, and loses the indexes that SQL has made."""
    if schema_editor.connection.vendor == "sqlite":
        PEOPLE_FOUND.index_people(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0010_members_listed")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="uses_letter_keys",
            field=models.BooleanField(db_default=True, default=True, editable=False),
        ),
        migrations.RunPython(index_people_again, migrations.RunPython.noop),
    ]
