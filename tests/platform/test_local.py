"""The local services: what they refuse before they start anything."""

from pathlib import Path

import pytest

from countersign.local import LocalServices


def test_a_folder_set_up_for_other_ports_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "platform.env").write_text("COUNTERSIGN_ORIGIN=http://localhost:8000\n")

    with pytest.raises(RuntimeError, match=r"set up for http://localhost:8000, not .*:8100"):
        LocalServices(tmp_path, platform_port=8100).prepare()
