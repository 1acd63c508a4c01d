"""``python -m bench.import_tokens``: how long a batch takes to import, and how much memory.

Writes a sealed PSKC file of tokens of four kinds, imports it twice into a host of its own with
``python -m authserver import_tokens``, and says what each run took: the second one finds every
token stored.  SQLite, unless ``--postgres`` starts a server.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from countersign.local import LocalServices
from tests.ports import free_port
from tests.postgres import throwaway_postgres
from tokens.batches_entry import Entry
from tokens.pskc_writer import write_pskc

SUITES = (
    *("HOTP:SHA1-6", "TOTP:SHA256-8:T30"),
    *("OCRA-1:HOTP-SHA256-8:QN10-T1M", "GMT0021:SM3-8:T60-Q64"),
)
PASSWORD = "only for the bench"  # noqa: S105 (guards made-up seeds)
# Any usable public key: the platform is never asked.
PLATFORM_ROOT = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.import_tokens")
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true", help="instead of SQLite")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        throwaway_postgres() if options.postgres else nullcontext("") as url,
    ):
        host = LocalServices(
            Path(folder), authserver_port=free_port(), authserver_database_url=url
        )
        host.prepare_authserver(
            platform_root=PLATFORM_ROOT, key_file=Path(folder) / "platform.key"
        )
        file = Path(folder) / "tokens.pskcxml"
        with file.open("wb") as out:
            write_pskc(out, tokens(options.tokens), PASSWORD)
        print(f"{options.tokens} tokens, {file.stat().st_size / 1e6:.0f} MB of PSKC")
        (Path(folder) / "password").write_text(PASSWORD + "\n", "utf-8")
        measure(host, file, "First")
        measure(host, file, "Second")


def tokens(count: int) -> Iterator[Entry]:
    """Yield made-up tokens."""
    for number in range(count):
        suite = SUITES[number % len(SUITES)]
        yield Entry(
            place=number + 1,
            serial=f"B{number:08}",
            suite=suite,
            seed=secrets.token_bytes(32),
            counter=0 if suite.startswith("HOTP") else None,
        )


def measure(host: LocalServices, file: Path, batch: str) -> None:
    """Run the command, and print what it took and how it ended."""
    arguments = ("--platform", "countersign", "--batch", batch)
    secret = ("--password-file", str(file.with_name("password")))
    paths = [file.with_name(f"{batch}.{name}") for name in ("out", "problem")]
    started = time.perf_counter()
    with paths[0].open("w") as out, paths[1].open("w") as problem:
        process = subprocess.Popen(
            [sys.executable, "-m", "authserver", "import_tokens", str(file), *arguments, *secret],
            env=host.environment("authserver"),
            stdout=out,
            stderr=problem,
        )
        # Unlike Popen.wait it tells what this one child took.
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    told, complaint = (path.read_text("utf-8").strip() for path in paths)
    named = told.count(" stored_before ")
    last = (complaint if status else told).splitlines()[-1]
    print(f"{batch} run: {seconds:.1f} s, {usage.ru_utime + usage.ru_stime:.1f} s of CPU")
    print(f"  at most {usage.ru_maxrss / 1024:.0f} MB; {named} named as stored; {last}")


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[1])
    main()
