"""Favourites, ratings, tags and collections, and the index of clips by whole stars."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

IS_LISTED = models.Q(is_listed=True)
STARS = models.Func(
    models.F("rating"),
    output_field=models.PositiveSmallIntegerField(),
    template="((%(expressions)s + 50) / 100)",
)


def _to(model, on_delete=django.db.models.deletion.CASCADE, **options):
    return models.ForeignKey(on_delete=on_delete, related_name=options.pop("related_name", "+"), to=model, **options)


def _id():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _person_or_nobody():
    return _to(settings.AUTH_USER_MODEL, django.db.models.deletion.SET_NULL, null=True)


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0019_bulk"),
        ("workspaces", "0010_members_listed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            "libraryentry",
            models.Index("workspace", "creator", STARS, "key", condition=IS_LISTED, name="library_mine_stars"),
        ),
        migrations.AddIndex(
            "libraryentry",
            models.Index(
                "workspace", STARS, "key", condition=IS_LISTED & models.Q(is_shared=True), name="library_shared_stars"
            ),
        ),
        migrations.CreateModel(
            name="Favourite",
            fields=[
                ("id", _id()),
                ("user", _to(settings.AUTH_USER_MODEL, db_index=False)),
                ("workspace", _to("workspaces.workspace")),
                ("entry", _to("generations.libraryentry")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["user", "workspace", "entry"], name="one_favourite_per_person"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Rating",
            fields=[
                ("id", _id()),
                ("user", _to(settings.AUTH_USER_MODEL, db_index=False)),
                ("entry", _to("generations.libraryentry")),
                ("stars", models.PositiveSmallIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["user", "entry"], name="one_rating_per_person"),
                    models.CheckConstraint(condition=models.Q(stars__range=(1, 5)), name="rating_has_stars"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("id", _id()),
                ("workspace", _to("workspaces.workspace", db_index=False)),
                ("name", models.CharField(max_length=40)),
                ("folded", models.TextField()),
                ("creator", _person_or_nobody()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["workspace", "folded"], name="one_tag_per_spelling"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tagging",
            fields=[
                ("id", _id()),
                ("tag", _to("generations.tag", db_index=False, related_name="taggings")),
                ("entry", _to("generations.libraryentry")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["tag", "entry"], name="one_tagging_per_clip")],
            },
        ),
        migrations.CreateModel(
            name="Collection",
            fields=[
                ("id", _id()),
                ("workspace", _to("workspaces.workspace", db_index=False)),
                ("name", models.CharField(max_length=80)),
                ("description", models.CharField(blank=True, max_length=2000)),
                ("creator", _person_or_nobody()),
                ("cover", _to("generations.libraryentry", django.db.models.deletion.SET_NULL, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [models.Index(fields=["workspace", "-updated_at", "-id"], name="collections_in_order")],
            },
        ),
        migrations.CreateModel(
            name="CollectionItem",
            fields=[
                ("id", _id()),
                ("collection", _to("generations.collection", db_index=False, related_name="items")),
                ("entry", _to("generations.libraryentry")),
                ("position", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["collection", "entry"], name="once_in_a_collection"),
                    models.UniqueConstraint(fields=["collection", "position"], name="one_clip_per_position"),
                ],
            },
        ),
    ]
