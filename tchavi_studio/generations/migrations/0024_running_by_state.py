from django.db import migrations, models
from django.db.models import Q



class Migration(migrations.Migration):
    dependencies = [("generations", "0023_price_versions")]

    operations = [
        migrations.RemoveIndex("generation", "generation_running"),
        migrations.AddIndex(
            "generation",
            models.Index(
                fields=["workspace", "creator", "-created_at", "-id", "is_test", "finished_at", "state"],
                condition=Q(is_test=False) & Q(finished_at__isnull=True),
                name="generation_running",
            ),
        ),
    ]
