"""Every message says what it is, and every field what it means."""

import ast
from pathlib import Path

import pytest

from iai import protocol

SOURCES = {path.stem: path.read_text() for path in Path(protocol.__path__[0]).glob("*.py")}


CLASSES = [
    pytest.param(module, node, id=f"{module}.{node.name}")
    for module, source in SOURCES.items()
    for node in ast.parse(source).body
    if isinstance(node, ast.ClassDef)
]


def undescribed(source: str, node: ast.ClassDef) -> list[str]:
    """Return the fields that have no comment and are not named in the docstring."""
    lines, named = source.splitlines(), ast.get_docstring(node) or ""
    return [
        field.target.id
        for field in node.body
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and "  # " not in lines[(field.end_lineno or field.lineno) - 1]
        and f"`{field.target.id}`" not in named
    ]


@pytest.mark.parametrize(("module", "node"), CLASSES)
def test_every_class_has_a_docstring_and_every_field_a_meaning(
    module: str, node: ast.ClassDef
) -> None:
    assert ast.get_docstring(node)
    assert undescribed(SOURCES[module], node) == []


def test_a_field_without_a_meaning_is_found() -> None:
    source = (
        "class M(Request):\n    '''Has a `b`.'''\n    a: int = 0  # zero\n    b: str\n    c: str"
    )
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.ClassDef)
    assert undescribed(source, node) == ["c"]
