from django.db import migrations

from tchavi_studio.ledger.append_only import install_triggers


class Migration(migrations.Migration):
    # No reverse: the ledger never becomes editable again.

    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunPython(install_triggers)]
