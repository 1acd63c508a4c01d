"""compute and selftest."""

import json
from pathlib import Path

import pytest

from tests.tokens.commands.terminal import VECTORS, refuse, run, succeed
from tests.tokens.world import DEFAULT_SUITE, SECONDS

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def compute(*arguments: object) -> list[object]:
    return ["compute", "--seed-hex", b"12345678901234567890123456789012".hex(), *arguments]


QUESTION = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("suite", "more", "response"),
    [
        ("OCRA-1:HOTP-SHA256-8:QH64", [], "38694796"),
        (DEFAULT_SUITE, ["--time", "0x132d0b6"], "04286074"),
        (DEFAULT_SUITE, ["--time", 0x132D0B6], "04286074"),
        (DEFAULT_SUITE, ["--time", "2008-03-25T12:06:30Z"], "04286074"),
    ],
)
def test_compute_gives_the_check_values(suite: str, more: list[object], response: str) -> None:
    out = succeed(*compute("--suite", suite, "--question", QUESTION, *more))
    assert out == f"{response}\n"


@pytest.mark.parametrize(
    ("suite", "more", "response"),
    [
        ("HOTP:SHA1-6", ["--counter", 1], "287082"),
        ("TOTP:SHA1-8:T30", ["--time", "1970-01-01T00:00:59Z"], "94287082"),
    ],
)
def test_compute_takes_every_suite(suite: str, more: list[object], response: str) -> None:
    seed = b"12345678901234567890".hex()
    out = succeed("compute", "--suite", suite, "--seed-hex", seed, *more)
    assert out == f"{response}\n"
    for extra in (["--pin", "1234"], ["--session-hex", "00"], ["--question", "12345678"]):
        given = ["--suite", suite, "--seed-hex", seed, *more, *extra]
        assert refuse("compute", *given) == "data_input_invalid"


def test_compute_knows_the_present_time() -> None:
    arguments = compute("--suite", DEFAULT_SUITE, "--question", QUESTION, "--time")
    assert succeed(*arguments, "now") == succeed(*arguments, SECONDS // 60)


def test_compute_takes_counter_pin_and_session() -> None:
    row = next(
        row
        for row in json.loads((VECTORS / "ocra_generated.json").read_text())["vectors"]
        if row["pin"] and row["counter"] is not None and row["session_info_hex"]
    )
    arguments = {
        "--suite": row["suite"],
        "--seed-hex": row["key_hex"],
        "--question": row["question"],
        "--counter": row["counter"],
        "--pin": row["pin"],
        "--session-hex": row["session_info_hex"],
        "--time": row["timestamp_steps"],
    }
    given = [part for pair in arguments.items() if pair[1] is not None for part in pair]
    assert succeed("compute", *given) == f"{row['expected']}\n"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"--suite": "OCRA-9"}, "suite_invalid"),
        ({"--seed-hex": "xyz"}, "hexadecimal_invalid"),
        ({"--seed-hex": ""}, "seed_invalid"),
        ({"--question": "xyz"}, "question_invalid"),
        ({"--counter": "1"}, "data_input_invalid"),
        ({"--session-hex": "x"}, "hexadecimal_invalid"),
        ({"--pin": "1234"}, "data_input_invalid"),
        ({"--time": "noon"}, "time_invalid"),
        ({"--time": "2008-03-25T12:06:30"}, "time_invalid"),
        ({"--time": "-1"}, "data_input_invalid"),
    ],
)
def test_compute_refuses_what_does_not_fit(change: dict[str, str], code: str) -> None:
    given = {
        "--suite": "OCRA-1:HOTP-SHA256-8:QH64-T1M",
        "--seed-hex": "31" * 32,
        "--question": QUESTION,
        "--time": "1",
    } | change
    assert refuse("compute", *(part for pair in given.items() for part in pair)) == code


def test_compute_never_repeats_a_seed_it_cannot_read() -> None:
    result = run("compute", "--suite", DEFAULT_SUITE, "--seed-hex", "3132x", "--question", "00")
    assert "3132x" not in result.output


def test_selftest_ends_with_the_counts() -> None:
    files = [VECTORS / f"ocra_{name}.json" for name in ("rfc6287_appendix_c", "generated")]
    lines = succeed("selftest", *files).splitlines()
    assert lines[-1] == "160 passed, 0 failed, 3 skipped"
    assert [line.partition("  ")[0] for line in lines[:-1]] == ["skipped"] * 3


def test_selftest_names_what_failed_and_says_so_by_its_status(tmp_path: Path) -> None:
    document = json.loads((VECTORS / "ocra_rfc6287_appendix_c.json").read_text())
    document["vectors"] = [document["vectors"][0] | {"expected": "000000"}]
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document))
    result = run("selftest", path)
    assert result.exit_code == 1
    assert result.stdout.startswith("FAILED   wrong.json: ")
    assert result.stdout.endswith("0 passed, 1 failed\n")


@pytest.mark.parametrize("name", ["no-such-file.json", "."])
def test_selftest_refuses_what_is_no_file_of_answers(name: str) -> None:
    assert refuse("selftest", name) == "vector_file_invalid"
