"""Whether single characters are shortcuts for a person."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0010_members_listed")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="uses_letter_keys",
            field=models.BooleanField(db_default=True, default=True, editable=False),
        )
    ]
