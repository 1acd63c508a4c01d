"""The program as a whole."""

import base64
import subprocess
import sys

import pytest

from tests.tokens.commands.terminal import ROOT, expected_response, run
from tests.tokens.service import Service
from tests.tokens.world import NOW
from tokens.simulator import SimulatedToken

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.mark.parametrize("arguments", [["nonsense"], ["show"], ["enrol", "x", "--rows", "1"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_no_output_holds_a_secret(
    service: Service, token: SimulatedToken, challenge: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    service.answer({"accepted": True})
    commands = (
        ["list"],
        ["list", "--json"],
        ["show", challenge],
        ["respond", challenge, "--yes", "--post", "--json"],
    )
    output = "".join(run(*arguments).output for arguments in commands)
    code = expected_response(token, token.read(challenge, NOW).statement.digest.hex())
    for secret in (token.seed, token.post_key):
        assert secret.hex() not in output
        assert base64.urlsafe_b64encode(secret).decode()[:-1] not in output
    assert code not in caplog.text
    assert token.seed.hex() not in caplog.text


def test_the_program_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "tokens", "show", "no-such-file"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "file_unreadable: neither a code nor a file that can be read: No such file or directory\n"
    )


def test_a_code_given_as_text_is_answered_without_loading_http_or_pictures() -> None:
    code = "import sys, tokens.cli; print({'urllib3', 'PIL', 'zxingcpp'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "set()\n"
