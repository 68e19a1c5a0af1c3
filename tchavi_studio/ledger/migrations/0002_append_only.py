from django.db import migrations

from tchavi_studio.ledger.append_only import install_triggers


class Migration(migrations.Migration):
    # No reverse: a ledger is not made changeable again.

    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunPython(install_triggers)]
