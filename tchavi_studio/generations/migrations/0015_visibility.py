"""Clips that the whole workspace sees. Every existing clip stays private to its creator."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('assets', '0004_files_of_person'),
        ('generations', '0014_approval_requests'),
        ('workspaces', '0010_members_listed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='approvalrequest',
            name='is_shared',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='generation',
            name='is_shared',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='generation',
            name='shared_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name='generation',
            constraint=models.CheckConstraint(condition=models.Q(('is_shared', False), models.Q(('is_test', False), ('shared_at__isnull', False)), _connector='OR'), name='shared_since_a_moment'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('is_test', False), ('deleted_at__isnull', True), ('dismissed_at__isnull', True), ('is_shared', True)), fields=['workspace', '-shared_at', '-id'], name='generation_shared'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('is_test', False), ('deleted_at__isnull', True), ('dismissed_at__isnull', True), ('is_shared', True)), fields=['workspace', 'state', '-shared_at', '-id'], name='generation_shared_by_state'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('is_test', False), ('finished_at__isnull', True), ('is_shared', True)), fields=['workspace', '-shared_at', '-id', 'is_shared', 'is_test', 'finished_at'], name='generation_shared_running'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('is_test', False), ('deleted_at__isnull', True), ('dismissed_at__isnull', True), ('is_shared', True), ('parent__isnull', False)), fields=['workspace', 'parent', '-shared_at', '-id'], name='generation_shared_children'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('is_test', False), ('shared_at__isnull', False)), fields=['workspace', 'updated_at', 'id'], name='generation_shared_updates'),
        ),
    ]
