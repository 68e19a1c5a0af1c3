"""Lucide's icons as inline SVG, drawn once for each process.

The package's own tag opens its archive for each new icon and builds the SVG again for each use: on a page of cards
that was a fifth of all time.
"""

from functools import cache, lru_cache
from importlib.resources import files
from io import BytesIO
from xml.etree import ElementTree
from zipfile import ZipFile

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

SVG = "{http://www.w3.org/2000/svg}"


@cache
def _archive() -> ZipFile:
    """All icons, in memory: processes forked later would otherwise share one position in the file."""
    return ZipFile(BytesIO(files("lucide").joinpath("lucide.zip").read_bytes()))


@register.simple_tag
@lru_cache(maxsize=1000)
def lucide(name: str, *, size: int, **attributes: object) -> SafeString:
    """The icon `name`, `size` px wide and high. `_` in attribute names stands for `-`.

    Raises KeyError if there is no such icon.
    """
    svg = ElementTree.fromstring(_archive().read(f"{name}.svg"))  # noqa: S314 - from a package that we install
    for node in svg.iter():
        node.tag = node.tag.removeprefix(SVG)
    for attribute, value in {"width": size, "height": size, **attributes}.items():
        svg.set(attribute.replace("_", "-"), str(value))
    return mark_safe(ElementTree.tostring(svg, encoding="unicode"))  # noqa: S308 - escaped by ElementTree
