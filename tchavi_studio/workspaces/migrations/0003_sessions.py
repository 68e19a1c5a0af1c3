
from datetime import UTC, datetime

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations, models
from django.utils.timezone import is_aware, make_aware


BATCH = 1000


def keep_sessions(apps, schema_editor):
    """Keep everybody signed in: move the sessions from Django's own table, if there is one."""
    if "django_session" not in schema_editor.connection.introspection.table_names():
        return
    Session = apps.get_model("workspaces", "Session")
    known = set(apps.get_model("workspaces", "User").objects.values_list("pk", flat=True))
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT session_key, session_data, expire_date FROM django_session")
        while rows := cursor.fetchmany(BATCH):
            Session.objects.bulk_create(
                Session(
                    session_key=key,
                    session_data=data,
                    expire_date=aware(ends_at),
                    user_id=user_id if (user_id := int(SessionStore().decode(data).get(SESSION_KEY, 0))) in known else None,
                )
                for key, data, ends_at in rows
            )
    schema_editor.execute("DROP TABLE django_session")


def aware(moment):
    """SQLite's driver returns text, in UTC."""
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return moment if is_aware(moment) else make_aware(moment, UTC)


class Migration(migrations.Migration):

    dependencies = [
        ('workspaces', '0002_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('address', models.GenericIPAddressField(null=True)),
                ('device', models.CharField(blank=True, max_length=200)),
                ('seen_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'abstract': False,
                'indexes': [models.Index(fields=['user', '-seen_at'], name='sessions_of_user')],
            },
        ),
        migrations.RunPython(keep_sessions, migrations.RunPython.noop),
    ]
