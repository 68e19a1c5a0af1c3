"""Emptying closed workspaces of their tags and collections."""

from tchavi_studio.generations.models import Collection, CollectionItem, NamedSearch, Tag, Tagging
from tchavi_studio.workspaces.models import Workspace


def delete_tags_and_collections(*, workspace: Workspace, max_count: int) -> int:
    """Take up to `max_count` clips out of a workspace's tags and collections, then delete those. Returns how many.

    The tags and collections themselves, of which there are few, don't count.
    """
    taggings = Tagging.objects.filter(tag__workspace=workspace).values_list("pk", flat=True)
    tagged = list(taggings[:max_count])
    Tagging.objects.filter(pk__in=tagged).delete()
    items = CollectionItem.objects.filter(collection__workspace=workspace).values_list("pk", flat=True)
    collected = list(items[: max_count - len(tagged)])
    CollectionItem.objects.filter(pk__in=collected).delete()
    if len(tagged) + len(collected) < max_count:
        NamedSearch.objects.filter(workspace=workspace).delete()
        Tag.objects.filter(workspace=workspace).delete()
        Collection.objects.filter(workspace=workspace).delete()
    return len(tagged) + len(collected)
