"""The pages on application billing, and on what needs no network, name endpoints and refusals."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from billing.packages import errors
from common.errors import DomainError
from countersign.api import api
from offline import errors as offline_errors

DOCS = Path(__file__).parents[2] / "docs"
# No request is ever answered by these.
OF_THE_COMMAND = {"builds_exhausted", "package_folder_invalid", "price_list_invalid"}
_CALL = re.compile(r"`((?:GET|PUT|POST|DELETE)(?:`?, `?(?:GET|PUT|POST))* )?(/[^` ]*|…/[^` ]*)`")


def codes(module: ModuleType) -> set[str]:
    """Codes of an app's refusals."""
    return {
        thing.code
        for thing in vars(module).values()
        if isinstance(thing, type)
        and "code" in vars(thing)
        and issubclass(thing, DomainError)
        and thing.__module__ == module.__name__
    }


def endpoints(app: str) -> set[str]:
    """Paths of an app, with placeholders that have no name."""
    return {
        re.sub(r"\{[^}]*\}", "{}", prefix.rstrip("/") + path)
        for prefix, router in api._routers
        for path, view in router.path_operations.items()
        if any(
            operation.view_func.__module__.startswith(f"{app}.") for operation in view.operations
        )
    }


def documented() -> set[str]:
    """Paths that docs/api.md names; ``…/x`` stands in the place of the end of the one before."""
    found: set[str] = set()
    for line in (DOCS / "api.md").read_text("utf-8").splitlines():
        before = ""
        for match in _CALL.finditer(line):
            path = match[2].partition("?")[0]
            if path.startswith("…"):
                path = before.rpartition("/")[0] + path.removeprefix("…")
            before = path
            found.add(re.sub(r"\{[^}]*\}", "{}", path))
    return found


@pytest.mark.parametrize("app", ["billing.packages", "offline"])
def test_every_endpoint_is_documented(app: str) -> None:
    assert endpoints(app)
    assert sorted(endpoints(app) - documented()) == []


@pytest.mark.parametrize(
    ("page", "module"),
    [("api.md", errors), ("application-billing.md", errors), ("api.md", offline_errors)],
)
def test_every_refusal_is_documented(page: str, module: ModuleType) -> None:
    text = (DOCS / page).read_text("utf-8")
    untold = {code for code in codes(module) if f"`{code}`" not in text}
    assert untold - (OF_THE_COMMAND if page == "api.md" else set()) == set()


@pytest.mark.parametrize(
    "page", ["application-billing.md", "ledger.md", "offline.md", "threat-model.md"]
)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+\.md)?(?:#[^)]*)?\)", (DOCS / page).read_text("utf-8")):
        assert not target or (DOCS / target).resolve().exists(), target
