from django.db import migrations


def index_slugs(apps, schema_editor):
    """PostgreSQL's other indexes of slugs are in the order of the database's language. SQLite has only this order."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('CREATE INDEX workspace_slugs_in_byte_order ON workspaces_workspace (slug COLLATE "C")')


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX workspace_slugs_in_byte_order")


class Migration(migrations.Migration):

    dependencies = [
        ('workspaces', '0003_sessions'),
    ]

    operations = [
        migrations.RunPython(index_slugs, drop_index),
    ]
