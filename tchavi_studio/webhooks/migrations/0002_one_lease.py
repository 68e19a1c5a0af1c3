"""Use the shared lease. Deliveries in progress keep their lease's end but lose its number, so they are sent again."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0001_initial'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='webhookdelivery', name='pending_has_next_attempt'),
        migrations.RemoveField(model_name='webhookdelivery', name='fence'),
        migrations.RenameField(model_name='webhookdelivery', old_name='lease_until', new_name='leased_until'),
        migrations.AddField(model_name='webhookdelivery', name='leased_by', field=models.UUIDField(null=True)),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('next_attempt_at__isnull', False), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('leased_until__isnull', True), ('next_attempt_at__isnull', True)), _connector='OR'), name='pending_has_next_attempt'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(('leased_by__isnull', True), ('leased_until__isnull', False), _connector='OR'), name='webhookdelivery_lease_has_end'),
        ),
    ]
