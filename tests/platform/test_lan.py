"""Under which address a phone in the same room finds this machine."""

import pytest

from countersign import lan
from protocol.text import check_origin


class Networks:
    """Stands for ``socket``: a machine with a way to some addresses."""

    AF_INET = SOCK_DGRAM = 0

    def __init__(self, ways: dict[str, str]) -> None:
        self.ways = ways
        self.own = ""

    def socket(self, *_: object) -> "Networks":
        return self

    def __enter__(self) -> "Networks":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect(self, address: tuple[str, int]) -> None:
        if address[0] not in self.ways:
            raise OSError("Network is unreachable")
        self.own = self.ways[address[0]]

    def bind(self, address: tuple[str, int]) -> None:
        if address[0] not in self.ways.values():
            raise OSError("Cannot assign requested address")

    def getsockname(self) -> tuple[str, int]:
        return self.own, 40_000


def test_it_is_the_address_of_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lan, "socket", Networks({"192.0.2.1": "192.168.1.5"}))
    assert lan.own_address("1") == "192.168.1.5"


def test_without_a_way_out_it_is_that_of_a_private_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lan, "socket", Networks({"10.255.255.255": "10.0.0.7"}))
    assert lan.own_address("1") == "10.0.0.7"


@pytest.mark.parametrize("ways", [{}, {"192.0.2.1": "127.0.0.1"}])
def test_without_any_network_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, ways: dict[str, str]
) -> None:
    monkeypatch.setattr(lan, "socket", Networks(ways))
    with pytest.raises(RuntimeError, match="no address in a network"):
        lan.own_address("1")


@pytest.mark.parametrize(("given", "own"), [("10.0.0.7", "10.0.0.7"), ("Box.local", "box.local")])
def test_an_address_or_name_may_be_given(
    monkeypatch: pytest.MonkeyPatch, given: str, own: str
) -> None:
    monkeypatch.setattr(lan, "socket", Networks({"far": own}))
    assert lan.own_address(given) == own


def test_another_machines_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lan, "socket", Networks({"far": "10.0.0.7"}))
    with pytest.raises(RuntimeError, match=r"10\.0\.0\.8 does not lead to this machine"):
        lan.own_address("10.0.0.8")


@pytest.mark.parametrize(
    "given", ["::1", "http://10.0.0.7", "a_b", "300.1.1.1", "10.0.0.7:80", "a" * 27, "yes!"]
)
def test_what_no_origin_can_hold_is_refused(given: str) -> None:
    with pytest.raises(RuntimeError, match="neither 1, nor an IPv4 address, nor a host name"):
        lan.own_address(given)


def test_the_longest_name_still_makes_an_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a" * 26
    monkeypatch.setattr(lan, "socket", Networks({"far": name}))
    check_origin("origin", f"https://{lan.own_address(name)}:65535")
