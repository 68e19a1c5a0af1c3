from django.db import migrations

from tchavi_studio.workspaces.activity import ACTIVITY


class Migration(migrations.Migration):
    # No reverse: activity never becomes editable again.

    dependencies = [("workspaces", "0006_teams")]

    operations = [migrations.RunPython(ACTIVITY.install)]
