"""The one lease. A request that was being worked on keeps its end, and is taken over after it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0002_key_limits'),
    ]

    operations = [
        migrations.RenameField(model_name='idempotentrequest', old_name='lease_until', new_name='leased_until'),
        migrations.AlterField(model_name='idempotentrequest', name='leased_until', field=models.DateTimeField(null=True)),
        migrations.AddField(model_name='idempotentrequest', name='leased_by', field=models.UUIDField(null=True)),
        migrations.AddConstraint(
            model_name='idempotentrequest',
            constraint=models.CheckConstraint(condition=models.Q(('leased_by__isnull', True), ('leased_until__isnull', False), _connector='OR'), name='idempotentrequest_lease_has_end'),
        ),
    ]
