import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0008_count_members'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("account", "last_at", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name='StatementEntry',
            fields=[
                ('transfer', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='entry', serialize=False, to='ledger.transfer')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='ledger.account')),
                ('row_number', models.PositiveBigIntegerField()),
                ('kind', models.CharField(choices=[('grant', 'Grant'), ('charge', 'Charge'), ('refund', 'Refund'), ('adjustment', 'Adjustment')], max_length=10)),
                ('change_credits', models.BigIntegerField()),
                ('balance_after_credits', models.BigIntegerField()),
                ('member', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('key_id', models.UUIDField(null=True)),
                ('model', models.CharField(blank=True, max_length=20)),
                ('reference', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='DailySpending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='daily_spending', to='ledger.account')),
                ('day', models.DateField()),
                ('model', models.CharField(blank=True, max_length=20)),
                ('member', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('key_id', models.UUIDField(null=True)),
                ('charged_credits', models.BigIntegerField(default=0)),
                ('refunded_credits', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.AddConstraint(
            model_name='statemententry',
            constraint=models.UniqueConstraint(fields=('wallet', 'row_number'), name='one_entry_per_row_number'),
        ),
        migrations.AddConstraint(
            model_name='dailyspending',
            constraint=models.UniqueConstraint(
                F('wallet'),
                F('day'),
                F('model'),
                Coalesce('member', Value(0)),
                Coalesce('key_id', Value(uuid.UUID(int=0), output_field=models.UUIDField())),
                name='one_sum_per_day_and_cause',
            ),
        ),
    ]
