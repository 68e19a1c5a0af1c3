"""Part of `make check`: templates follow the same layers as imports, and none is unused.

A template belongs to the app that its folder is named after. It may only extend, include and load what belongs to its
own app or one below, and a Python module may only name such templates. Django's own parser reads the templates.
"""

import ast
import os
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import django
from django.template import Engine
from django.template.base import FilterExpression, Lexer, Node, NodeList, Origin, Parser, Token
from django.template.defaulttags import LoadNode
from django.template.library import InclusionNode
from django.template.utils import get_app_template_dirs
from django.views import csrf, defaults

PACKAGE = "tchavi_studio"
SHELL = "site"
OVERRIDES = {"account", "allauth", "mfa"}
"""Folders of templates that override other packages'. Like templates without a folder, they belong to the shell."""
NAMED_BY_DJANGO = {
    defaults.ERROR_400_TEMPLATE_NAME,
    defaults.ERROR_403_TEMPLATE_NAME,
    defaults.ERROR_404_TEMPLATE_NAME,
    defaults.ERROR_500_TEMPLATE_NAME,
    csrf.CSRF_FAILURE_TEMPLATE_NAME,
}


@dataclass(frozen=True)
class Layers:
    """import-linter's rules in pyproject.toml: each app's depth, and the allowed importers of protected apps."""

    depths: dict[str, int]
    importers: dict[str, set[str]]

    @classmethod
    def read(cls, pyproject: Path) -> "Layers":
        contracts = tomllib.loads(pyproject.read_text())["tool"]["importlinter"]["contracts"]
        [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
        return cls(
            depths={app.strip(): depth for depth, layer in enumerate(layers) for app in layer.split("|")},
            importers={
                app_of_module(module): {app_of_module(importer) for importer in contract["allowed_importers"]}
                for contract in contracts
                if contract["type"] == "protected"
                for module in contract["protected_modules"]
            },
        )

    def allow(self, app: str, other: str) -> bool:
        """Whether `app` may use what belongs to `other`."""
        return app == other or (
            self.depths[app] < self.depths[other] and app in self.importers.get(other, self.depths.keys())
        )


class Reader(Parser):
    """Django's parser, recording the names that a template uses."""

    def __init__(self, source: str, name: str, engine: Engine) -> None:
        self.strings: set[str] = set()
        self.libraries_loaded: set[str] = set()
        tokens = Lexer(source).tokenize()
        super().__init__(tokens, engine.template_libraries, engine.template_builtins, Origin(name, name))

    def compile_filter(self, token: str) -> FilterExpression:
        """Record every string in a tag: `{% include %}` may name a template after `default:` or `with`."""
        expression = super().compile_filter(token)
        given = [expression.var, *(value for _filter, values in expression.filters for _is_variable, value in values)]
        self.strings.update(value for value in given if isinstance(value, str))
        return expression

    def extend_nodelist(self, nodelist: NodeList, node: Node, token: Token) -> None:
        """Record the libraries of `{% load %}` and the templates of inclusion tags."""
        super().extend_nodelist(nodelist, node, token)
        if isinstance(node, LoadNode):
            _load, *words = token.split_contents()
            self.libraries_loaded.update(words[-1:] if "from" in words else words)
        if isinstance(node, InclusionNode) and isinstance(node.filename, str):
            self.strings.add(node.filename)


def app_of_template(name: str) -> str:
    folder, slash, _file = name.partition("/")
    return SHELL if not slash or folder in OVERRIDES else folder


def app_of_module(module: str) -> str:
    """The app of a dotted name in our package; "" for third-party modules."""
    package, _dot, rest = module.partition(".")
    return rest.partition(".")[0] if package == PACKAGE else ""


def names_in(module: Path) -> set[str]:
    """Every string in a module, and what it stands for if it is the name of a mail for django-allauth."""
    strings = {
        node.value
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return strings | {f"{name}_{part}.txt" for name in strings for part in ("subject", "message")}


def is_named_elsewhere(name: str, folder: Path) -> bool:
    """Whether Django uses this template, or it overrides another package's."""
    others = [other for other in get_app_template_dirs("templates") if not Path(other).is_relative_to(folder)]
    return name in NAMED_BY_DJANGO or any((Path(other) / name).exists() for other in others)


def problems(root: Path, engine: Engine) -> Iterator[str]:
    """What is wrong with the templates of the project in `root`."""
    layers = Layers.read(root / "pyproject.toml")
    folder = root / "templates"
    templates = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    users: dict[str, set[str]] = defaultdict(set)

    for name in sorted(templates):
        app = app_of_template(name)
        if app not in layers.depths:
            yield f"templates/{name} belongs to no app: {app} is not in the layers."
            continue
        reader = Reader((folder / name).read_text(), name, engine)
        reader.parse()
        for used in sorted(reader.strings & templates):
            users[used].add(name)
            if not layers.allow(app, app_of_template(used)):
                yield f"templates/{name} uses {used}, and {app} may not use {app_of_template(used)}."
        for library in sorted(reader.libraries_loaded):
            owner = app_of_module(engine.libraries[library])
            if owner and not layers.allow(app, owner):
                yield f"templates/{name} loads {library}, and {app} may not use {owner}."

    for module in sorted((root / PACKAGE).rglob("*.py")):
        path = module.relative_to(root)
        app = path.with_suffix("").parts[1]
        for used in sorted(names_in(module) & templates):
            users[used].add("")
            if not layers.allow(app, app_of_template(used)):
                yield f"{path} names {used}, and {app} may not use {app_of_template(used)}."

    # A template used only by unused templates is unused too.
    reached = {name for name in templates if "" in users[name] or is_named_elsewhere(name, folder)}
    while more := {name for name in templates - reached if users[name] & reached}:
        reached |= more
    yield from (f"templates/{name} is never used." for name in sorted(templates - reached))


def main() -> int:
    root = Path.cwd()
    sys.path.insert(0, str(root))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{PACKAGE}.settings")
    django.setup()
    found = list(problems(root, Engine.get_default()))
    print(*found, sep="\n", file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
