"""The order of the tests."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Search for secrets when everything else has run, so that there is most to be found."""
    items.sort(key=lambda item: item.path.name == "test_secrets_stay.py")
