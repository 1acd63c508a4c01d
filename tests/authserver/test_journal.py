"""GET /v1/verdicts?after=N&limit=L: what a platform reads after a restore."""

from authserver.base64url import decode
from protocol import cose
from protocol.verdict import Verdict
from tests.authserver.world import Answer, Bank, LocalHost, Paired


def read(paired: Paired, query: str = "") -> Answer:
    return paired.host.call("GET", f"/v1/verdicts{query}", key=paired.bank.key)


def test_every_verdict_is_listed_with_its_server_and_number(host: LocalHost, bank: Bank) -> None:
    first, second = Paired.make(host, bank), Paired.make(host, bank)
    first.activate()
    second.activate()
    second.void(second.statement())
    listed = read(first).body["verdicts"]
    assert [(entry["vk"], entry["seq"]) for entry in listed] == [
        (first.vk, 1),
        (second.vk, 1),
        (second.vk, 2),
    ]
    for entry in listed:
        verdict = Verdict.from_payload(cose.parse(decode(entry["verdict"])).payload)
        assert (verdict.vk.hex(), verdict.seq) == (entry["vk"], entry["seq"])


def test_a_reader_goes_on_where_it_stopped(active: Paired) -> None:
    for number in range(4):
        active.void(active.statement(number=number))
    first = read(active, "?limit=3").body
    rest = read(active, f"?after={first['next']}").body
    assert [entry["seq"] for entry in first["verdicts"] + rest["verdicts"]] == [1, 2, 3, 4, 5]


def test_at_the_end_the_cursor_stays(active: Paired) -> None:
    end = read(active).body["next"]
    assert read(active, f"?after={end}").body == {"verdicts": [], "next": end}
