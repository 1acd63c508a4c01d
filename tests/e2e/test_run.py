"""What ``make run`` serves, to this machine and to the local network; and ``make token``."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from urllib3.exceptions import SSLError

from countersign.local import ROOT
from countersign.person import Person
from countersign.playground import OPERATOR, PASSWORD, Playground
from tests.e2e.live import LOOPBACK
from tests.migrated import migrated
from tests.ports import free_port

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

ORDER = {
    "kind": "order",
    "amount": 125_000,
    "currency": "EUR",
    "payee_account": "DE89370400440532013000",
    "payee_name": "Blumen Schmidt KG",
}


class Terminal:
    """``make run`` in a terminal of its own."""

    def __init__(self, playground: Playground) -> None:
        self.said = ""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "countersign", "run"),
                *("--folder", str(playground.folder)),
                *("--port", str(playground.platform_port)),
                *("--authserver-port", str(playground.authserver_port)),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, words: str) -> None:
        """Read until something is said."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.said += line
            if words in line:
                return
        self.end()
        raise AssertionError(f"it ended before it said {words!r}:\n{self.said}")

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit status."""
        self._process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Read what is still said, and return the exit status."""
        with self._process:
            assert self._process.stdout
            self.said += self._process.stdout.read()
        return self._process.returncode


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Playground, Terminal, int]:
    """A first run that was interrupted while it made the second person."""
    playground = Playground.below(tmp_path_factory.mktemp("run"), "", free_port(), free_port())
    terminal = Terminal(playground)
    terminal.wait_for("Ben Schmidt")
    return playground, terminal, terminal.interrupt()


@pytest.fixture(scope="module")
def terminal(interrupted: tuple[Playground, Terminal, int]) -> Iterator[Terminal]:
    """The second run in the same folder, while it serves."""
    terminal = Terminal(interrupted[0])
    terminal.wait_for("Ctrl-C")
    yield terminal
    terminal.interrupt()


@pytest.fixture(scope="module")
def playground(interrupted: tuple[Playground, Terminal, int], terminal: Terminal) -> Playground:
    return interrupted[0]


def test_interrupted_it_stops_without_a_complaint(
    interrupted: tuple[Playground, Terminal, int],
) -> None:
    playground, terminal, status = interrupted
    assert status == 0
    assert terminal.said.endswith("Stopped.\n")
    assert "Traceback" not in terminal.said
    assert not playground.demo_file.exists()


def test_run_again_it_finishes_what_was_interrupted(
    terminal: Terminal, playground: Playground
) -> None:
    assert "陈静, with a token" in terminal.said
    for login in ("anna", "ben"):
        person = signed_in(playground, login)
        assert [token["state"] for token in person.call("GET", "/tokens")].count("active") == 1


def test_it_names_the_guide_before_all_else(terminal: Terminal, playground: Playground) -> None:
    first = terminal.said.split("\n\n")[1]
    assert first.startswith(f"Open  {playground.origin}/guide\n")
    for words in ("anna@example.com, ben@example.com", OPERATOR, PASSWORD, "make token WHO=anna"):
        assert words in terminal.said


def test_the_guide_is_there(playground: Playground) -> None:
    page = urllib3.request("GET", f"{playground.origin}/guide", timeout=60)
    assert page.status == 200
    assert playground.token_command("ben") in page.data.decode()


def test_the_operator_finds_the_console(playground: Playground) -> None:
    operator = playground.person(OPERATOR)
    operator.sign_in()
    cookies = "; ".join(f"{name}={value}" for name, value in operator.cookies.items())
    page = urllib3.request(
        "GET", f"{playground.origin}/console/", headers={"Cookie": cookies}, timeout=60
    )
    assert page.status == 200


def test_something_of_each_kind_is_in_the_shop_and_anna_can_pay(playground: Playground) -> None:
    anna = signed_in(playground, "anna")
    shelf = anna.call("GET", "/resources")["results"]
    assert sorted(item["kind"] for item in shelf) == ["app", "music", "picture", "theme", "video"]
    song = next(item for item in shelf if item["kind"] == "music")
    order = {"offer": song["offers"][0]["id"], "way": "wallet", "payment_password": PASSWORD}
    assert anna.call("POST", "/purchases", order)["state"] == "paid"


def test_a_game_of_ben_s_can_be_downloaded(playground: Playground) -> None:
    anna = signed_in(playground, "anna")
    (game,) = anna.call("GET", "/packages")["results"]
    assert (game["title"], game["developer_name"], game["build"]) == ("Dungeon", "Ben Schmidt", 1)


def test_it_does_not_start_twice(playground: Playground) -> None:
    second = Terminal(playground)
    assert second.end() == 1
    assert "is in use: stop what listens there" in second.said
    assert second.said.count("\n") == 1


@pytest.mark.parametrize(
    ("keys", "printed", "state"),
    [
        ("y", "The platform says: accepted", "signed"),
        ("n\nToo many roses", "The platform says: declined", "refused"),
        ("d", "Your digits: ", "challenged"),
        ("", "Nothing was done.", "challenged"),
    ],
)
def test_a_demo_person_answers_with_make_token(
    playground: Playground, keys: str, printed: str, state: str
) -> None:
    anna = signed_in(playground, "anna")
    step = challenge(anna)
    said = make_token(playground, "anna", f"{step['challenge']}\n{keys}\n\n")
    assert "Amount: \u20681250.00 EUR\u2069" in said
    assert printed in said
    assert anna.call("GET", f"/steps/{step['id']}")["state"] == state


def test_after_a_refused_challenge_make_token_asks_for_the_next(
    playground: Playground, tmp_path: Path
) -> None:
    ben = signed_in(playground, "ben")
    step = challenge(ben)
    picture = tmp_path / "challenge.png"
    picture.write_bytes(ben.download(f"/steps/{step['id']}/challenge.png"))
    said = make_token(playground, "ben", f"/nowhere.png\n'{picture}'\ny\n")
    assert said.index("file_unreadable") < said.index("The platform says: accepted")


def test_digits_are_typed_into_the_card_that_has_no_camera(playground: Playground) -> None:
    chen = signed_in(playground, "chen")
    tokens = {token["name"]: token["serial"] for token in chen.call("GET", "/tokens")}
    demand = {"kind": "approval", "text": "Yes"}
    body = {"demand": demand, "remark": "Fine", "token": tokens["Card"]}
    step = chen.call("POST", "/transactions", body)
    said = make_token(playground, "chen", f"{step['question']}\n")
    (digits,) = re.findall(r"\b[0-9]{8}\b", said)
    answer = chen.call("POST", f"/steps/{step['id']}/response", {"response": digits})
    assert answer["accepted"] is True


def test_somebody_new_enrols_a_token_of_their_own_with_make_token(playground: Playground) -> None:
    anna = signed_in(playground, "anna")
    link = anna.call("POST", "/tokens", {"name": "Second"})["invitation"]
    assert "digits " in make_token(playground, "me", f"{link}\n")
    assert (playground.folder / "people" / "me.tokens").exists()


def test_what_follows_the_name_goes_to_the_token_program(playground: Playground) -> None:
    assert signed_in(playground, "chen").serial in make_token(playground, "chen", "", "list")


def test_the_local_network_is_served_over_https(
    lan: Playground, chosen: urllib3.PoolManager
) -> None:
    assert chosen.request("GET", f"{lan.origin}/", redirect=False).status == 200
    with pytest.raises(SSLError):
        urllib3.PoolManager(retries=False).request("GET", f"{lan.origin}/")


def test_the_local_network_is_never_told_to_insist_on_https(
    lan: Playground, chosen: urllib3.PoolManager
) -> None:
    for origin in (lan.origin, lan.authserver_origin):
        answer = chosen.request("GET", f"{origin}/healthz")
        assert answer.status == 200
        assert "Strict-Transport-Security" not in answer.headers


def test_the_token_program_answers_in_the_local_network(lan: Playground) -> None:
    (lan.folder / "people").mkdir()
    anna = lan.person("anna")
    anna.sign_in()
    anna.enrol_token()
    step = challenge(anna)
    assert "The platform says: accepted" in make_token(
        lan, "anna", f"{step['challenge']}\ny\n", folder=lan.folder.parents[1]
    )


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """Both services for the local network, as far as loopback is one."""
    folder = tmp_path_factory.mktemp("lan")
    playground = Playground.below(folder, "127.0.0.1", free_port(), free_port())
    playground.folder.mkdir(parents=True)
    # The run above has made its tables by itself.
    for service in ("platform", "authserver"):
        shutil.copyfile(migrated(service), playground.folder / f"{service}.sqlite3")
    playground.prepare()
    with playground.running():
        playground.introduce()
        yield playground


@pytest.fixture(scope="module")
def chosen(lan: Playground) -> urllib3.PoolManager:
    """A browser whose owner chose to trust the certificate."""
    assert lan.certificate
    return urllib3.PoolManager(retries=False, ca_certs=str(lan.certificate.authority))


def signed_in(playground: Playground, login: str) -> Person:
    person = playground.person(login)
    person.sign_in()
    tokens = person.call("GET", "/tokens")
    person.serial = next(token["serial"] for token in tokens if token["state"] == "active")
    return person


def challenge(person: Person) -> dict[str, str]:
    body = {"demand": ORDER, "remark": "Before noon", "token": person.serial}
    step: dict[str, str] = person.call("POST", "/transactions", body)
    return step


def make_token(
    playground: Playground, login: str, typed: str, *arguments: str, folder: Path | None = None
) -> str:
    """Run ``make token`` and return all that it shows."""
    where = ["--folder", str(folder or playground.folder), "--lan", playground.lan]
    done = subprocess.run(
        [sys.executable, "-m", "countersign", "token", *where, login, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        text=True,
    )
    return done.stdout
