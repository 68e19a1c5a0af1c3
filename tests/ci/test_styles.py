"""The check of the style sheets says what is dead, undefined or outside of a layer, and nothing else."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def load(name: str) -> ModuleType:
    """A program of `.ci`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(".ci", f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


styles = load("styles")
SOURCES = ["card is-{{ clip.state }} frame-{{ ratio }}", 'style.setProperty("--drag-x", 0)']


def problems(css: str) -> list[str]:
    found: list[str] = styles.problems({"page.css": css}, SOURCES, {"failed"})
    return found


def test_what_is_in_use_is_no_problem() -> None:
    assert (
        problems(
            """@layer reset, base, components, pages, utilities;
            /* .dead { color: var(--nothing) } */
            @layer pages {
              .card { --pad: 0.5rem; padding: var(--pad); translate: var(--drag-x); animation: fade 0.3s; }
              .card::before { content: ".dead #dead"; color: #fff; }
              .is-failed, .frame-169, .htmx-request .card { margin: 0; }
              @keyframes fade { from { opacity: 0.5; } }
              @media (max-width: 760px) { .card:has(> .is-failed) { margin: 1.5em; } }
            }
            """
        )
        == []
    )


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (".old { margin: 0; }", "page.css: nothing has the class .old"),
        (".is-lost { margin: 0; }", "page.css: nothing has the class .is-lost"),
        (".card { &.old { margin: 0; } }", "page.css: nothing has the class .old"),
        ("#main { margin: 0; }", "page.css: #main is an id; use a class"),
        (".card { color: var(--nothing); }", "--nothing is used but never set"),
        (".card { --unused: 1px; }", "--unused is set but never used"),
        ("@keyframes still { from { opacity: 0; } }", "nothing moves by @keyframes still"),
    ],
)
def test_what_is_dead_or_undefined_is_told(rule: str, problem: str) -> None:
    assert problems("@layer pages { " + rule + " }") == [problem]


def test_every_rule_is_in_a_layer() -> None:
    assert problems("@layer pages { .card { margin: 0; } } .card { margin: 0; }") == [
        "page.css: a rule stands outside of every layer"
    ]


def test_templates_and_programs_name_classes_each_in_their_way(tmp_path: Path) -> None:
    template = tmp_path / "page.html"
    template.write_text('<p class="a{% if x == "y" %} b{% endif %}" id="c">d{% include "e" with style=\'f\' %}</p>')
    script = tmp_path / "page.js"
    script.write_text('go("g"); // h')
    assert styles.naming_text(template).split() == ["a", "b", '"y"', '"e"', "'f'"]
    assert styles.naming_text(script).split() == ['"g"']


def test_the_studios_own_style_sheets_have_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert (styles.main(), capsys.readouterr().out.strip()) == (0, "")
