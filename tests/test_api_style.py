"""The style of public functions, and the direction of imports. Read from the source: nothing is imported."""

import ast
import pathlib

import pytest

_ROOT = pathlib.Path(__file__).parents[1]
_FILES = [_ROOT / "launch.py", *sorted((_ROOT / "rasterizer").rglob("*.py"))]
_FILES += sorted((_ROOT / "pegasus_jax").rglob("*.py"))

# From the top: a module imports from its own row and from rows below it, never from one above.
_SHARED = "modules directly in pegasus_jax, which every layer may use"
_LAYERS = (
    {"launch", "pegasus_jax", "pegasus_jax.__main__", "pegasus_jax.launcher"}
    | {f"pegasus_jax.{name}" for name in ("commands", "demo", "doctor", "pipeline", "plan")},
    {f"pegasus_jax.{name}" for name in ("capture", "synthesis", "training", "evaluation", "viewer")},
    {"pegasus_jax.inference"},
    {"pegasus_jax.families"},
    {"pegasus_jax.editing"},
    {"pegasus_jax.data", "pegasus_jax.flame"},
    {"pegasus_jax.core", "pegasus_jax.media"},
    {_SHARED, "pegasus_jax.untrusted"},
    {"rasterizer"},
)


def _module_name(path: pathlib.Path) -> str:
    parts = path.relative_to(_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


_MODULES = {_module_name(path): path for path in _FILES}


def _layer(module: str) -> int:
    """The row of a module of ours."""
    group = ".".join(module.split(".")[:2]) if module.startswith("pegasus_jax") else module.split(".")[0]
    if not any(group in row for row in _LAYERS) and _MODULES[group].name != "__init__.py":
        group = _SHARED
    rows = [i for i, row in enumerate(_LAYERS) if group in row]
    assert rows, f"{group} is a new package: give it a layer in {pathlib.Path(__file__).name} and in BUILD.md"
    return rows[0]


def _imported(tree: ast.AST) -> set[str]:
    """Modules of ours that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute here"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names.update(name if name in _MODULES else node.module for name in whole)
    return names & set(_MODULES)


def _public_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    bodies = [tree.body]
    bodies += [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    functions = [node for body in bodies for node in body if isinstance(node, ast.FunctionDef)]
    return [function for function in functions if function.name[0] != "_"]


def _options_before_the_star(function: ast.FunctionDef) -> list[str]:
    """Names of arguments with a default that could be given by position.

    The one subject of a function may be left out, as in `load_head()`: it is no option.
    """
    arguments = [a.arg for a in function.args.posonlyargs + function.args.args if a.arg not in ("self", "cls")]
    optional = arguments[len(arguments) - len(function.args.defaults) :] if function.args.defaults else []
    return [] if arguments == optional[:1] else optional


@pytest.mark.parametrize("module", _MODULES)
def test_imports_point_down(module):
    tree = ast.parse(_MODULES[module].read_text())
    upwards = [name for name in sorted(_imported(tree)) if _layer(name) < _layer(module)]
    assert not upwards, f"{module} imports from a layer above its own"


_FAMILIES = {path.name for path in (_ROOT / "pegasus_jax" / "families").iterdir() if (path / "family.py").is_file()}


def _family(module: str) -> str | None:
    """The family that a module belongs to."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["pegasus_jax", "families"] and len(parts) > 2 and parts[2] in _FAMILIES else None


@pytest.mark.parametrize("module", _MODULES)
def test_nobody_imports_a_family_but_itself(module):
    others = {name for name in _imported(ast.parse(_MODULES[module].read_text())) if _family(name)}
    strangers = sorted(name for name in others if _family(name) != _family(module))
    assert not strangers, f"{module} imports a family: ask pegasus_jax.families.find, or a contract of core"


@pytest.mark.parametrize("module", [name for name in _MODULES if _family(name) is None])
def test_avatars_are_asked_what_they_can_never_what_they_are(module):
    tests = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(_MODULES[module].read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
    ]
    assert not [test for test in tests if "Avatar" in test or "Look)" in test or "Baked" in test]


def test_the_rasteriser_imports_nothing_of_ours():
    for module in (name for name in _MODULES if name.startswith("rasterizer")):
        imported = _imported(ast.parse(_MODULES[module].read_text()))
        assert not [name for name in imported if not name.startswith("rasterizer")], module


@pytest.mark.parametrize("module", _MODULES)
def test_options_come_after_the_star_and_functions_are_documented(module):
    for function in _public_functions(ast.parse(_MODULES[module].read_text())):
        options = _options_before_the_star(function)
        assert not options, f"write {function.name}(x, *, {options[0]}=…): options are named, never positional"
        assert ast.get_docstring(function), f"{function.name} has no docstring"


@pytest.mark.parametrize(
    "source, options",
    [
        ("def f(x, size=1): pass", ["size"]),
        ("def f(x, *, size=1): pass", []),
        ("def f(path=None): pass", []),
        ("def f(path=None, size=1): pass", ["path", "size"]),
        ("def f(self, path=None, *, size=1): pass", []),
    ],
)
def test_options_are_recognised(source, options):
    assert _options_before_the_star(ast.parse(source).body[0]) == options


def test_imports_are_recognised():
    source = (
        "import rasterizer\ndef f():\n    from pegasus_jax import media\n    from pegasus_jax.errors import UserError"
    )
    expected = {"rasterizer", "pegasus_jax.media", "pegasus_jax.errors"}
    assert _imported(ast.parse(source)) == expected
    assert _imported(ast.parse("import pegasus_jax as pj")) == {"pegasus_jax"}
    assert _layer("pegasus_jax.media") == len(_LAYERS) - 3 and _layer("pegasus_jax.capture.fit") == 1


@pytest.mark.parametrize("module", _MODULES)
def test_suffixes_are_compared_whatever_their_case(module):
    for node in ast.walk(ast.parse(_MODULES[module].read_text())):
        if isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                assert not (isinstance(side, ast.Attribute) and side.attr == "suffix"), f"line {node.lineno}: .lower()"
