"""The layers of the security module: each is called by the one above it, and by nothing else."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from terminal.sdk.layers import LayerViolation
from terminal.sdk.security.core import Core
from terminal.sdk.security.interface import Security
from terminal.sdk.security.store import Store
from tests.terminal.apps import SDK, Packer, Terminal

# What a module of the SDK may import of the SDK.
ALL = {"layers", "terms"}
BELOW = {
    "__init__": {"business", "terms"},
    "business": {"security.interface", "terms"},
    "security.__init__": set(),
    "security.interface": {"security.core", *ALL},
    "security.core": {"security.store", *ALL},
    "security.store": ALL,
    "layers": set(),
    "terms": set(),
}
MODULES = {
    ".".join(path.relative_to(SDK).with_suffix("").parts): path for path in SDK.rglob("*.py")
}


def imported(name: str) -> tuple[set[str], set[str]]:
    """Return what a module imports: of the SDK, and of the rest of the world."""
    package = name.split(".")[:-1]
    own, others = set(), set()
    for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            own.add(".".join([*above, *([node.module] if node.module else [])]))
        elif isinstance(node, ast.ImportFrom):
            others.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return own, others


@pytest.mark.parametrize("name", MODULES)
def test_each_layer_imports_only_the_one_below(name: str) -> None:
    own, _ = imported(name)
    assert own <= BELOW[name]


@pytest.mark.parametrize("name", MODULES)
def test_the_sdk_stands_on_the_protocol_and_the_standard_library_alone(name: str) -> None:
    _, others = imported(name)
    assert others <= {"protocol", *sys.stdlib_module_names}


@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_imported_in_a_way_that_this_test_does_not_see(name: str) -> None:
    called = {
        node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8")))
        if isinstance(node, ast.Call)
    }
    assert not called & {"__import__", "import_module", "exec", "eval"}


@pytest.mark.parametrize("layer", [Security, Core, Store])
def test_nobody_else_makes_a_layer(layer: type) -> None:
    with pytest.raises(LayerViolation):
        layer(None)


@pytest.fixture
def billing(tmp_path: Path) -> Any:
    """The business module of an application that runs."""
    terminal = Terminal(tmp_path / "terminal")
    terminal.install(Packer(tmp_path / "packer").pack(terminal.keys))
    return terminal.start().billing


def call_from(layer: Any, code: str, **named: Any) -> None:
    """Run code as if it stood in the module of a layer."""
    exec(code, {**vars(sys.modules[layer.__module__]), **named})  # noqa: S102


CALLS = [
    ("business", "core.compare()"),
    ("business", "store.open()"),
    ("business", "store.take_nonce()"),
    ("business", "store._load()"),
    ("interface", "store.open()"),
    ("interface", "store.add_nonces([], 0)"),
    ("core", "security.start()"),
    ("store", "core.compare()"),
    ("store", "security.start()"),
]


@pytest.mark.parametrize(("module", "code"), CALLS)
def test_a_call_past_a_layer_is_a_violation(billing: Any, module: str, code: str) -> None:
    security = billing._security
    core, store = security._core, security._core._store
    layers = {"business": billing, "interface": security, "core": core, "store": store}
    named = {"security": security, "core": core, "store": store}
    with pytest.raises(RuntimeError) as violation:
        call_from(type(layers[module]), code, **named)
    assert type(violation.value).__name__ == "LayerViolation"


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("business", "security.count_nonces()"),
        ("interface", "core.count_nonces()"),
        ("core", "store.count_nonces()"),
    ],
)
def test_a_call_to_the_layer_below_is_none(billing: Any, module: str, code: str) -> None:
    security = billing._security
    core, store = security._core, security._core._store
    layers = {"business": billing, "interface": security, "core": core}
    call_from(type(layers[module]), code, security=security, core=core, store=store)


def test_a_test_or_an_application_calls_the_business_module_alone(billing: Any) -> None:
    with pytest.raises(RuntimeError):
        billing._security.start()
    assert billing.start().key_matches
