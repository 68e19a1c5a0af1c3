"""The indexes of the gallery's index, once the existing clips are in it: that is faster."""

from django.db import migrations, models

from tchavi_studio.generations.library import text_index

FACETS = (
    "outcome",
    "model",
    "aspect_ratio",
    "resolution",
    "billed_seconds",
    "has_sound",
    "has_references",
    "rating",
    "price_credits",
)
IS_LISTED = models.Q(is_listed=True)
LISTS = {
    "mine": (["workspace", "creator"], IS_LISTED, (*FACETS, "is_shared")),
    "shared": (["workspace"], IS_LISTED & models.Q(is_shared=True), (*FACETS, "creator")),
}


def _added(name, fields, condition):
    index = models.Index(fields=[*fields, "key"], condition=condition, name=name[:30])
    return migrations.AddIndex("libraryentry", index)


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0016_library"),
    ]

    operations = [
        *(_added(f"library_{name}", fields, condition) for name, (fields, condition, _facets) in LISTS.items()),
        *(
            _added(f"library_{name}_{facet}", [*fields, facet], condition)
            for name, (fields, condition, facets) in LISTS.items()
            for facet in facets
        ),
        migrations.RunPython(text_index.install, migrations.RunPython.noop),
    ]
