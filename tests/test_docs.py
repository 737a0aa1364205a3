"""What the README and docs/ name is there: tests, pictures, commands, settings, routes."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {".py", ".md", ".txt", ".toml", ".html", ".css", ".js", ".json", ".cfg", ".yml", ".xml", ""}
EXEMPT = {"webhooks/shopify/", "webhooks/shopify", "custdata.asp", "custdataxml.asp"}
# The API asks sessions for the token by itself: see tests/test_api_matrix.py.
CHECKED_ELSEWHERE = "api/"
# Read by gunicorn, make or the demo, and no settings of the desk.
NO_SETTINGS = {"CLUSTER_NAME"}


def everything(check: Callable[[str], Iterable[str]]) -> list[str]:
    """Return what a check finds in every page, each with the name of its page."""
    return [f"{page.name}: {found}" for page in PAGES for found in check(page.read_text())]


# Tests


def names_of(source: str) -> set[str]:
    """Return the tests of a file: functions, classes, and methods as ``Class::test``."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            tests = [one.name for one in node.body if isinstance(one, ast.FunctionDef)]
            tests = [f"{node.name}::{name}" for name in tests if name.startswith("test")]
            names.update([*tests, node.name] if tests else [])
    return names


def missing_tests(text: str) -> Iterator[str]:
    """Name the tests that a page names and nobody wrote; a name in brackets is a parameter."""
    for name, test in re.findall(r"tests/(test_\w+\.py)(?:::([\w:]+))?", text):
        path = ROOT / "tests" / name
        if not path.exists() or (test and test not in names_of(path.read_text())):
            yield f"{name}::{test}"
    for test in re.findall(r"`(test_\w+)`", text):
        yield f"{test} is named without its file"


def test_every_test_that_a_page_names_is_there() -> None:
    assert everything(missing_tests) == []
    assert sum(page.read_text().count("tests/test_") for page in PAGES) > 100


def test_control_a_test_that_is_not_there_is_found() -> None:
    text = """`tests/test_docs.py::test_of_nothing`, `tests/test_docs.py::TestNone::test_it`,
    `tests/test_nothing.py`, `test_alone`; and `tests/test_tasks.py::TestNudge`,
    `tests/test_tasks.py::TestNudge::test_without_a_commit_there_is_no_nudge[a-b]` are there."""
    assert list(missing_tests(text)) == [
        "test_docs.py::test_of_nothing",
        "test_docs.py::TestNone::test_it",
        "test_nothing.py::",
        "test_alone is named without its file",
    ]


# Links and pictures


def broken_links(text: str, folder: Path) -> list[str]:
    """Return the relative links and pictures that lead nowhere."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    relative = [t.partition("#")[0] for t in targets if not re.match(r"[a-z]+:|#", t)]
    return [target for target in relative if not (folder / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_leads_somewhere(page: Path) -> None:
    assert broken_links(page.read_text(), page.parent) == []


def test_control_a_broken_link_is_found() -> None:
    text = "[a](docs/nothing.md) ![b](docs/order.png) [c](https://example.com) [d](#here)"
    assert broken_links(text, ROOT) == ["docs/nothing.md"]


# Commands


def unknown_commands(text: str) -> Iterator[str]:
    """Name the ``manage.py X`` and ``make X`` of a page that do not exist."""
    verbs = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name in re.findall(r"manage\.py ([a-z_]+)", text):
        if name not in get_commands():
            yield f"manage.py {name}"
    in_code = re.findall(r"(?:`|^ {4,}|^\S+=\S+ )(?:[A-Z_]+=\S+ )*make ([a-z-]+)", text, re.M)
    for name in in_code:
        if name not in verbs:
            yield f"make {name}"


def test_every_command_that_a_page_names_is_there() -> None:
    assert everything(unknown_commands) == []


def test_control_a_command_that_is_not_there_is_found() -> None:
    text = "run `manage.py dance`, `PORT=1 make nonsense`, or\n\n    make pancakes\n    make test\n"
    assert list(unknown_commands(text)) == ["manage.py dance", "make nonsense", "make pancakes"]


# Settings


def settings_read(source: str) -> set[str]:
    """Return the names that a settings file asks the environment for."""
    readers = {"seconds", "two_seconds", "whole", "one_of", "time_zone", "field_keys"}
    readers |= {"http_address", "database", "bool", "str", "list", "int", "float"}
    readers |= {"email_url", "mail_address"}
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            value = node.args[0].value
            if name in readers and isinstance(value, str) and value.isupper():
                found.add(value)
    return found


def settings_listed(text: str) -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))


def test_env_example_lists_every_setting_and_no_other() -> None:
    sources = [(ROOT / "fulfillment" / name).read_text() for name in ("settings.py", "env.py")]
    read = set.union(*map(settings_read, sources)) - NO_SETTINGS
    assert settings_listed((ROOT / ".env.example").read_text()) == read
    assert len(read) > 25


def test_control_a_setting_is_found_on_both_sides() -> None:
    source = 'A = env.str("A_NAME", "x")\nB = seconds("B_NAME", 1)\nC = other("C_NAME")'
    assert settings_read(source) == {"A_NAME", "B_NAME"}
    assert settings_listed("# A text\nA_NAME=\n#B_NAME=2\n# c=3") == {"A_NAME", "B_NAME"}


# What no file may hold


def tracked() -> list[Path]:
    """Return the text files that git knows or would take; all files where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    names = done.stdout.split("\n") if done.returncode == 0 else []
    paths = [ROOT / name for name in names if name] or list(ROOT.glob("[!.]*/**/*"))
    return [path for path in paths if path.suffix in TEXTS and path.is_file()]


# Written in parts, or this file would find itself.
REGISTRY = re.compile("pypi" + r"\.org|python" + r"hosted|--(?:extra-)?index" + "-url|npm" + "js")
MACHINE = re.compile(r"(?<![\w.])/(?:work|home|root|Users)" + r"/[\w.]")


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        text = path.read_text(errors="replace")
        found += [
            f"{path.name}: {m[0]}" for rule in (REGISTRY, MACHINE) for m in rule.finditer(text)
        ]
    assert found == []
    assert len(tracked()) > 100


def test_control_a_registry_and_a_machine_are_found() -> None:
    assert REGISTRY.search("https://" + "pypi" + ".org/simple")
    assert MACHINE.search("cd " + "/home" + "/ana/desk")
    assert not MACHINE.search("https://example.com/home/x and home/ana")


# Routes


def in_small_letters(route: str) -> str:
    """Return a route that takes any case, such as ``^[aA][bB]$``, as it is usually written."""
    return re.sub(r"\[(.).?\]", r"\1", route.strip("^$")) if route.startswith("^[") else route


def exempt_routes(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Name the routes whose view asks for no CSRF token."""
    for pattern in patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from exempt_routes(pattern.url_patterns, route)
        elif getattr(pattern.callback, "csrf_exempt", False):
            yield in_small_letters(route)


def test_every_route_without_csrf_token_is_listed_here_and_in_the_page_on_security() -> None:
    routes = exempt_routes(get_resolver().url_patterns)
    found = {one for one in routes if not one.lstrip("^").startswith(CHECKED_ELSEWHERE)}
    assert found == EXEMPT
    page = (ROOT / "docs" / "security.md").read_text()
    assert [route for route in EXEMPT if f"`/{route}`" not in page] == []


def test_control_an_exempt_route_is_found() -> None:
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt

    routes = [path("open", csrf_exempt(print)), path("shut", lambda request: None)]
    assert list(exempt_routes(routes)) == ["open"]
