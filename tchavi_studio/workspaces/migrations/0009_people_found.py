from django.db import migrations, models

FIND_PEOPLE = {
    "workspaces_people_by_email": "email",
    "workspaces_people_by_name": "lower(name)",
}
IN_BYTE_ORDER = {"postgresql": "C", "sqlite": "BINARY"}


def index_people(apps, schema_editor):
    """For site admins, who find people by the start of an address or a name, whatever the database's language."""
    collation = IN_BYTE_ORDER[schema_editor.connection.vendor]
    for name, key in FIND_PEOPLE.items():
        schema_editor.execute(
            f'CREATE INDEX {name} ON workspaces_user ({key} COLLATE "{collation}", id) WHERE deleted_at IS NULL'
        )


def drop_indexes(apps, schema_editor):
    for name in FIND_PEOPLE:
        schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):

    # Whatever makes the table of users anew on SQLite loses these indexes and must make them again (see 0011).
    dependencies = [("workspaces", "0008_language")]

    operations = [
        migrations.AddIndex(
            "membership", models.Index(fields=["user", "id"], name="memberships_of_person")
        ),
        migrations.AddIndex(
            "invitation",
            models.Index(
                fields=["email", "-created_at"],
                condition=models.Q(("accepted_at__isnull", True), ("withdrawn_at__isnull", True)),
                name="invitations_of_address",
            ),
        ),
        migrations.RunPython(index_people, drop_indexes),
    ]
