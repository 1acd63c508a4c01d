"""The local services: what they refuse before they start anything."""

import socket
from pathlib import Path

import pytest

from countersign.dialogue import use_token
from countersign.local import LocalServices
from countersign.playground import Playground
from countersign.run import run


def test_a_folder_set_up_for_other_ports_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "platform.env").write_text("COUNTERSIGN_ORIGIN=http://localhost:8000\n")

    with pytest.raises(RuntimeError, match=r"set up for http://localhost:8000, not .*:8100"):
        LocalServices(tmp_path, platform_port=8100).prepare()


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_port_that_is_taken_is_told_before_anything_is_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"port {port} is in use"):
            run(Playground(tmp_path, platform_port=port))

    assert not list(tmp_path.iterdir())


def test_a_token_of_nobody_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="WHO=anna or WHO=ben or WHO=chen"):
        use_token(Playground(tmp_path), "", [])


def test_before_the_first_run_there_is_no_token_to_answer_with(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="make run LAN=1 makes them"):
        use_token(Playground(tmp_path, variables=" LAN=1"), "anna", [])


@pytest.mark.enable_socket
def test_each_address_of_the_local_network_has_a_folder_of_its_own(tmp_path: Path) -> None:
    playground = Playground.below(tmp_path, "127.0.0.1")

    assert playground.folder == tmp_path / "lan" / "127.0.0.1"
    assert playground.origin == "https://127.0.0.1:8000"
    assert playground.authserver_origin == "https://127.0.0.1:8001"
    assert playground.token_command("anna").startswith("make token WHO=anna LAN=127.0.0.1")
