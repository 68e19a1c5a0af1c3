"""`make locale`: collect all texts into the .po files and compile them. With --check, only verify that this was done.

It uses Babel, so GNU gettext needn't be installed. Django's own `templatize` turns templates into something that
Babel's Python extractor understands.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import template

LOCALE = Path("tchavi_studio/locale")
LAZY = {f"{name}_lazy": DEFAULT_KEYWORDS[name] for name in ("gettext", "ngettext", "pgettext", "npgettext")}
LAZY["gettext_noop"] = DEFAULT_KEYWORDS["gettext"]
TRANSLATOR_COMMENTS = ["Translators:"]


def sources() -> Iterator[tuple[Path, str]]:
    """Every file that may contain texts, as Python code."""
    for path in sorted(Path("tchavi_studio").rglob("*.py")):
        yield path, path.read_text()
    for path in sorted([*Path("templates").rglob("*.*"), *Path("tchavi_studio").rglob("templates/**/*.*")]):
        # The template's leftover indentation would be invalid Python.
        lines = template.templatize(path.read_text(), origin=str(path)).splitlines()
        yield path, "\n".join(line.strip() for line in lines)


def collect() -> Catalog:
    """All texts, with the files they are in."""
    catalog = Catalog(project="Tchavi Studio", header_comment="# Texts of Tchavi Studio.", fuzzy=False)
    for path, code in sources():
        found = extract("python", io.BytesIO(code.encode()), {**DEFAULT_KEYWORDS, **LAZY}, TRANSLATOR_COMMENTS)
        for _, message, comments, context in found:
            # No line numbers, or every edit of a file would change the catalogues.
            catalog.add(message, locations=[(path.as_posix(), 0)], auto_comments=comments, context=context)
    return catalog


def updated_po(path: Path, texts: Catalog) -> tuple[bytes, Catalog]:
    """The updated .po file, as bytes and as a catalogue."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parent.parent.name)
    catalog.update(texts, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    written = io.BytesIO()
    write_po(written, catalog, width=120, include_lineno=False, sort_by_file=True)
    return written.getvalue(), catalog


def compiled(catalog: Catalog) -> bytes:
    """The .mo file of a catalogue."""
    written = io.BytesIO()
    write_mo(written, catalog)
    return written.getvalue()


def is_translated(message: Message) -> bool:
    """Whether a text and all of its plural forms are translated."""
    return all([message.string] if isinstance(message.string, str) else message.string or [""])


def main() -> int:
    settings.configure()
    check = "--check" in sys.argv
    texts, stale = collect(), []
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        po, catalog = updated_po(path, texts)
        untranslated = [message.id for message in catalog if message.id and not is_translated(message)]
        print(f"{path}: {len(catalog)} texts, {len(untranslated)} untranslated")
        if untranslated and check:
            stale.append(f"{path} lacks {untranslated[0]!r} and {len(untranslated) - 1} more")
        for target, content in ((path, po), (path.with_suffix(".mo"), compiled(catalog))):
            if not check:
                target.write_bytes(content)
            elif not target.exists() or target.read_bytes() != content:
                stale.append(f"{target} is out of date: run `make locale`")
    print(*stale, sep="\n", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
