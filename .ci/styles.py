"""Checks of the style sheets that no linter does: dead classes, custom properties and keyframes.

Each class must appear in a template, a script or Python code; each custom property must be both set and used. All rules
must be in a layer, and selectors must not use ids.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

STYLES = Path("static/css")
LAYERS = "@layer reset, base, components, pages, utilities;"
NAMING = ("templates/**/*.html", "static/js/**/*.js", "tchavi_studio/*/templatetags/*.py")
"""Files that set classes on elements."""

SET_BY_HTMX = {"htmx-request"}

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
STRING = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
LITERAL = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`")
TEMPLATE_TAG = re.compile(r"\{%.*?%\}", re.DOTALL)
CLASS_ATTRIBUTE = re.compile(r"\bclass=\"([^\"]*)\"")
BODY_CLASS = re.compile(r"\{% block body_class %\}(.*?)\{%", re.DOTALL)
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
ID = re.compile(r"#([A-Za-z_][\w-]*)")
SET_PROPERTY = re.compile(r"(?<![\w-])(--[\w-]+)\s*:")
USED_PROPERTY = re.compile(r"var\(\s*(--[\w-]+)")
SCRIPTED_PROPERTY = re.compile(r"[\"'](--[\w-]+)[\"']")
KEYFRAMES = re.compile(r"@keyframes\s+([\w-]+)")
ANIMATION = re.compile(r"(?<![\w-])animation(?:-name)?\s*:([^;}]*)")


def selectors(css: str) -> Iterator[str]:
    """Each rule's selector; at-rules are left out."""
    for found in re.finditer(r"([^{};]+)\{", css):
        text = found[1].strip()
        if not text.startswith("@"):
            yield text


def is_in_a_layer(css: str) -> bool:
    """Whether everything is inside `@layer … { … }`."""
    depth, outside = 0, ""
    for character in css:
        depth += {"{": 1, "}": -1}.get(character, 0)
        outside += character if depth == 0 else ""
    rest = re.sub(r"@layer\s+\w+\s*\}|" + re.escape(LAYERS), "", outside)
    return not rest.strip()


def is_named(name: str, words: set[str], prefixes: set[str], values: set[str]) -> bool:
    """Whether this class is set on some element, literally or built from parts: `is-{{ clip.state }}`."""
    if name in words:
        return True
    parts = ((prefix, name.removeprefix(prefix)) for prefix in prefixes if name.startswith(prefix))
    return any(rest in words | values or rest.replace("-", "").isdigit() for _, rest in parts)


def naming_text(path: Path) -> str:
    """The parts of a file that may set classes: attributes and tags in templates, string literals in code."""
    text = path.read_text()
    if path.suffix != ".html":
        return "\n".join(LITERAL.findall(text))
    in_tags = [literal for tag in TEMPLATE_TAG.findall(text) for literal in LITERAL.findall(tag)]
    return "\n".join([*CLASS_ATTRIBUTE.findall(TEMPLATE_TAG.sub(" ", text)), *in_tags, *BODY_CLASS.findall(text)])


def problems(sheets: dict[str, str], sources: list[str], values: set[str]) -> list[str]:
    """What is wrong with the style sheets, given as texts by name.

    `sources` are the texts that use classes and properties; `values` are possible endings of classes built from parts.
    """
    words = {word for source in sources for word in re.findall(r"[\w-]+", source)} | SET_BY_HTMX
    prefixes = {prefix for source in sources for prefix in re.findall(r"([A-Za-z][\w-]*-)[{$]", source)}
    bare = {name: STRING.sub('""', COMMENT.sub("", css)) for name, css in sheets.items()}
    everything = "\n".join(bare.values())
    set_properties, used_properties = set(SET_PROPERTY.findall(everything)), set(USED_PROPERTY.findall(everything))
    scripted = {name for source in sources for name in SCRIPTED_PROPERTY.findall(source)}
    keyframes, animations = KEYFRAMES.findall(everything), " ".join(ANIMATION.findall(everything)).split()
    found = []
    for sheet, css in bare.items():
        rules = list(selectors(css))
        classes = sorted({name for rule in rules for name in CLASS.findall(rule)})
        found += [
            f"{sheet}: the class .{name} is never used"
            for name in classes
            if not is_named(name, words, prefixes, values)
        ]
        found += [f"{sheet}: #{name} is an id; use a class" for rule in rules for name in ID.findall(rule)]
        if not is_in_a_layer(css):
            found.append(f"{sheet}: a rule is outside all layers")
    found += [f"{name} is used but never set" for name in sorted(used_properties - set_properties - scripted)]
    found += [f"{name} is set but never used" for name in sorted(set_properties - used_properties)]
    found += [f"@keyframes {name} is never used" for name in sorted(set(keyframes) - set(animations))]
    return found


def main() -> int:
    sheets = {path.name: path.read_text() for path in sorted(STYLES.glob("*.css"))}
    sources = [naming_text(path) for files in NAMING for path in sorted(Path().glob(files))]
    values = {word for path in Path("tchavi_studio").rglob("*.py") for word in re.findall(r"\w+", path.read_text())}
    found = problems(sheets, sources, values)
    print(*found, sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
