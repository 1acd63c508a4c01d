"""selftest: known answers are checked, open questions skipped, bad files refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.errors import VectorFileError
from tokens.selftest import run

VECTORS = Path(__file__).parent.parent / "vectors"
# Data of public repositories that is not copied into this one.
SHARED = VECTORS.parent.parent.parent / "shared" / "vectors"
GOOD_ROW = {
    "id": "one",
    "suite": "OCRA-1:HOTP-SHA1-6:QN08",
    "key_hex": b"12345678901234567890".hex(),
    "question": "00000000",
    "expected": "237653",
}


def write(path: Path, *rows: object, **document: object) -> Path:
    content = {"algorithm": "OCRA (RFC 6287)", "vectors": rows} | document
    path.write_text(json.dumps(content))
    return path


def find(name: str) -> Path:
    """Return a file of vectors; skip the test where it is not at hand."""
    for path in (VECTORS / name, SHARED / name):
        if path.exists():
            return path
    pytest.skip(f"{name} is not at hand (../shared/vectors)")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.json"


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("ocra_rfc6287_appendix_c.json", "70 passed, 0 failed"),
        ("ocra_generated.json", "90 passed, 0 failed, 3 skipped"),
        ("ocra_suite_parsing.json", "27 passed, 0 failed, 2 skipped"),
        ("ocra_single_confirmation.json", "0 passed, 0 failed, 15 skipped"),
        ("gmt0021_generated.json", "43 passed, 0 failed, 7 skipped"),
        ("gmt0021_published.json", "11 passed, 0 failed"),
        ("hotp_rfc4226.json", "10 passed, 0 failed"),
        ("totp_rfc6238.json", "18 passed, 0 failed"),
        ("hotp_totp_generated.json", "20 passed, 0 failed"),
    ],
)
def test_every_settled_row_of_the_published_files_passes(name: str, counts: str) -> None:
    assert str(run([find(name)])) == counts


def test_every_row_that_gmt_0021_leaves_open_is_refused_and_that_is_what_passes(
    file: Path,
) -> None:
    name = "gmt0021_sm4_multiblock_unsettled.json"
    assert str(run([find(name)])) == "8 passed, 0 failed"
    document = json.loads(find(name).read_bytes())
    # The same rows under SM3 are settled, so that the check can fail.
    document["vectors"] = [row | {"function": "SM3"} for row in document["vectors"]]
    file.write_text(json.dumps(document))
    assert len(run([file]).failed) == 8


def test_where_the_rfc_is_silent_we_read_it_as_the_one_other_implementation(file: Path) -> None:
    document = json.loads((VECTORS / "ocra_single_confirmation.json").read_bytes())
    del document["warning"]
    for row in document["vectors"]:
        row.pop("ambiguity", None)
    file.write_text(json.dumps(document))
    assert str(run([file])) == "15 passed, 0 failed"


def test_several_files_are_counted_together(file: Path) -> None:
    assert run([write(file, GOOD_ROW)] * 3).passed == 3


def test_no_skipped_rows_are_not_mentioned(file: Path) -> None:
    assert str(run([write(file, GOOD_ROW)])) == "1 passed, 0 failed"


def test_a_wrong_answer_fails_and_is_named(file: Path) -> None:
    summary = run([write(file, GOOD_ROW | {"expected": "237654"})])
    assert summary.passed == 0
    assert summary.failed == ("file.json: one: computed 237653, expected 237654",)


def test_a_row_that_cannot_be_computed_fails(file: Path) -> None:
    summary = run([write(file, GOOD_ROW | {"counter": 1})])
    assert summary.failed == ("file.json: one: the suite takes no counter",)


def test_rows_without_an_id_are_named_by_suite_or_number(file: Path) -> None:
    rows = [{"suite": "OCRA-9", "valid": True}, {"suite": "", "valid": True}]
    first, second = run([write(file, *rows, algorithm="OCRASuite parsing")]).failed
    assert first.startswith("file.json: OCRA-9: refused")
    assert second.startswith("file.json: row 2: refused")


def test_a_suite_that_should_be_refused_and_is_not_fails(file: Path) -> None:
    row = {"suite": "OCRA-1:HOTP-SHA1-6:QN08", "valid": False}
    [problem] = run([write(file, row, algorithm="OCRASuite parsing")]).failed
    assert problem.endswith("should have been refused")


@pytest.mark.parametrize(
    "mark", [{"ambiguity": "silent"}, {"status": "ambiguous"}, {"status": ""}]
)
def test_a_row_that_the_standard_leaves_open_is_skipped_not_passed(
    file: Path, mark: dict[str, str]
) -> None:
    summary = run([write(file, GOOD_ROW | mark, GOOD_ROW)])
    assert (summary.passed, summary.failed, len(summary.skipped)) == (1, (), 1)


def test_all_rows_of_a_file_with_a_warning_are_skipped(file: Path) -> None:
    summary = run([write(file, GOOD_ROW, warning="a reading")])
    assert summary.skipped == ("file.json: one: a reading",)


@pytest.mark.parametrize("status", ["certain", "certain (erratum 1)", "grammar of RFC 6287"])
def test_a_row_with_a_settled_status_is_checked(file: Path, status: str) -> None:
    assert run([write(file, GOOD_ROW | {"status": status})]).passed == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x89PNG\r\n", id="no JSON"),
        pytest.param(b"\xff\xfe\xfd", id="no text"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{}", id="no algorithm"),
        pytest.param(b'{"algorithm": "ROT13", "vectors": [{}]}', id="unknown algorithm"),
        pytest.param(b'{"algorithm": ["OCRA"], "vectors": [{}]}', id="algorithm is no text"),
        pytest.param(b'{"algorithm": "OCRA (RFC 6287)"}', id="no rows"),
        pytest.param(b'{"algorithm": "OCRA (RFC 6287)", "vectors": []}', id="no row"),
        pytest.param(b'{"algorithm": "OCRA (RFC 6287)", "vectors": {}}', id="rows are no list"),
        pytest.param(b'{"algorithm": "OCRA (RFC 6287)", "vectors": [7]}', id="row is no object"),
    ],
)
def test_a_file_that_holds_no_known_answers_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(VectorFileError, match=r"file\.json"):
        run([file])


@pytest.mark.parametrize("name", ["absent.json", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(VectorFileError, match="cannot be read"):
        run([tmp_path / name])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("suite", None),
        ("suite", 7),
        ("key_hex", "not hexadecimal"),
        ("question", ["00000000"]),
        ("expected", 237653),
        ("counter", "1"),
        ("counter", True),
        ("session_info_hex", "xyz"),
    ],
)
def test_a_row_with_a_field_missing_or_of_the_wrong_type_is_refused(
    file: Path, field: str, value: object
) -> None:
    with pytest.raises(VectorFileError, match=rf"file\.json: .*'{field}'"):
        run([write(file, GOOD_ROW | {field: value})])


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("gmt0021_generated.json", "key_hex"),
        ("hotp_rfc4226.json", "counter"),
        ("totp_rfc6238.json", "unix_time"),
        ("hotp_totp_generated.json", "algorithm"),
    ],
)
def test_a_wrong_answer_or_a_missing_field_of_any_algorithm_is_named(
    file: Path, name: str, field: str
) -> None:
    document = json.loads((VECTORS / name).read_bytes())
    row = document["vectors"][0]
    file.write_text(json.dumps(document | {"vectors": [row | {"expected": "000000"}]}))
    [problem] = run([file]).failed
    assert problem.endswith("expected 000000")
    file.write_text(json.dumps(document | {"vectors": [row | {field: None}]}))
    with pytest.raises(VectorFileError, match=field):
        run([file])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(row=st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD_ROW, JSON_VALUES)))
def test_no_row_brings_anything_but_a_count_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, row: dict[str, object]
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "row.json", GOOD_ROW | row)
    try:
        summary = run([path])
    except VectorFileError:
        return
    assert summary.passed + len(summary.failed) + len(summary.skipped) == 1
