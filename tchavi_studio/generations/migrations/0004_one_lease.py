"""The one lease. What is in flight keeps its end and loses its number: that worker is gone, so it simply runs out."""

from django.db import migrations, models


def lease_has_end(model):
    return migrations.AddConstraint(
        model_name=model,
        constraint=models.CheckConstraint(condition=models.Q(('leased_by__isnull', True), ('leased_until__isnull', False), _connector='OR'), name=f'{model}_lease_has_end'),
    )


class Migration(migrations.Migration):

    dependencies = [
        ('generations', '0003_upstream'),
    ]

    operations = [
        migrations.RemoveField(model_name='generation', name='fence'),
        migrations.RenameField(model_name='generation', old_name='lease_until', new_name='leased_until'),
        migrations.AddField(model_name='generation', name='leased_by', field=models.UUIDField(null=True)),
        lease_has_end('generation'),
        migrations.RenameField(model_name='remotejob', old_name='held_by', new_name='leased_by'),
        migrations.RenameField(model_name='remotejob', old_name='held_until', new_name='leased_until'),
        lease_has_end('remotejob'),
        migrations.AddIndex(
            model_name='remotejob',
            index=models.Index(condition=models.Q(('leased_by__isnull', False)), fields=['leased_by'], name='remote_job_leased'),
        ),
        migrations.RenameModel(old_name='PumpSeat', new_name='PumpSlot'),
        migrations.RenameField(model_name='pumpslot', old_name='held_by', new_name='leased_by'),
        migrations.RenameField(model_name='pumpslot', old_name='held_until', new_name='leased_until'),
        lease_has_end('pumpslot'),
    ]
