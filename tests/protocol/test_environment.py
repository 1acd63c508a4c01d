"""A setting that cannot be read is named, and its value not shown."""

import pytest
from environ.compat import ImproperlyConfigured

from protocol.environment import Environment

SECRET = "a secret"


@pytest.mark.parametrize(
    ("kind", "said"), [("int", "a whole number"), ("float", "a number"), ("json", "can be read")]
)
def test_what_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    monkeypatch.setenv("SOME_SETTING", SECRET)
    with pytest.raises(ImproperlyConfigured, match=said) as refused:
        getattr(Environment(), kind)("SOME_SETTING", 5)
    error = refused.value
    assert "SOME_SETTING" in str(error)
    assert SECRET not in f"{error} {error.__cause__}"
    assert error.__suppress_context__


@pytest.mark.parametrize("value", ["5s", "1,5", "1.000.5", ""])
def test_no_number_is_guessed_from_what_is_none(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SOME_SETTING", value)
    with pytest.raises(ImproperlyConfigured, match="a number"):
        Environment().float("SOME_SETTING")


def test_a_database_whose_port_is_no_number_is_refused_unshown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgres://u:p@h:{SECRET}/n")
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refused:
        Environment().db("DATABASE_URL")
    assert SECRET not in str(refused.value)


def test_numbers_and_defaults_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SETTING", "7")
    env = Environment()
    assert (env.int("SOME_SETTING"), env.float("SOME_SETTING"), env.int("OTHER", 3)) == (7, 7.0, 3)
