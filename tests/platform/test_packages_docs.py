"""The page on application billing names its refusals; links between pages lead somewhere."""

import re
from pathlib import Path

import pytest

from billing.packages import errors
from common.errors import DomainError

DOCS = Path(__file__).parents[2] / "docs"


def test_every_refusal_is_documented() -> None:
    text = (DOCS / "application-billing.md").read_text("utf-8")
    codes = {
        thing.code
        for thing in vars(errors).values()
        if isinstance(thing, type)
        and "code" in vars(thing)
        and issubclass(thing, DomainError)
        and thing.__module__ == errors.__name__
    }
    assert {code for code in codes if f"`{code}`" not in text} == set()


@pytest.mark.parametrize(
    "page", ["application-billing.md", "ledger.md", "offline.md", "threat-model.md"]
)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+\.md)?(?:#[^)]*)?\)", (DOCS / page).read_text("utf-8")):
        assert not target or (DOCS / target).resolve().exists(), target
