"""Whatever comes from a file, a manager or a server: refused, or right; never a traceback."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.content import MAGIC
from protocol.jwk import to_base64
from terminal.errors import OperationProhibited
from tests.terminal.shop import Shop

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary().map(to_base64),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ANSWERS = st.fixed_dictionaries({}, optional={"verdict": JSON, "content_key": JSON})


class Replying(Shop):
    """Answers every verification alike."""

    answer_to_all: dict[str, Any] = {}

    def _verify(self, body: dict[str, Any], key: bytes) -> dict[str, Any]:
        return self.answer_to_all


def is_refused(shop: Shop, content: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.csres"
        path.write_bytes(content)
        try:
            with shop.terminal("anna").interface(path).operate():
                return False
        except OperationProhibited as error:
            return bool(error.code and str(error))


@settings(max_examples=60, deadline=None)
@given(ANSWERS)
def test_no_answer_opens_a_resource_that_is_no_verdict_on_it(answer: dict[str, Any]) -> None:
    shop = Replying(paid={"anna"})
    shop.answer_to_all = answer
    assert is_refused(shop, shop.packed)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(MAGIC.__add__))
def test_no_bytes_are_a_resource_that_nobody_packed(content: bytes) -> None:
    assert is_refused(Shop(paid={"anna"}), content)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_changed_byte_goes_unnoticed(data: st.DataObject) -> None:
    shop = Shop(paid={"anna"})
    # The header and the first segment: what is decrypted before the resource counts as opened.
    place = data.draw(st.integers(0, 60_000))
    content = bytearray(shop.packed)
    content[place] ^= data.draw(st.integers(1, 255))
    assert is_refused(shop, bytes(content))
