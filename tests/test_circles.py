"""No import circle anywhere: imports inside functions and for type checkers count as well."""

import ast
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).resolve().parent.parent


def modules() -> dict[str, Path]:
    found = {}
    for package in ("workbench", "ui"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(tree: ast.AST, known: set[str]) -> set[str]:
    """The modules of ours that a module names in its imports, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in known else node.module)
    return found & known


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    parts = nx.strongly_connected_components(nx.DiGraph(graph))
    return sorted(sorted(part) for part in parts if len(part) > 1)


def test_there_is_no_circle() -> None:
    known = modules()
    graph = {name: imports(ast.parse(path.read_text("utf-8")), set(known)) - {name} for name, path in known.items()}
    assert circles(graph) == []


def test_a_circle_would_be_found() -> None:
    lazy = "def f():\n    from ui.b import x\n"
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ui import a\n"
    known = {"ui.a", "ui.b"}
    graph = {"ui.a": imports(ast.parse(lazy), known), "ui.b": imports(ast.parse(typed), known)}
    assert circles(graph) == [["ui.a", "ui.b"]]
