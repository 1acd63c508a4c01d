"""``python -m bench.log``: what the receipt log costs to build, to prove from, and to verify.

Fills a database of its own with made-up receipts, lets the worker's own service log them all,
then times proofs, consistency proofs and ``verify_log``.  SQLite, unless ``--postgres`` starts a
server.
"""

import argparse
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from countersign.local import LocalServices
from tests.ports import free_port
from tests.postgres import throwaway_postgres

PROOFS = 2000
# Any usable public key: no host is asked.
ROOT = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.log")
    parser.add_argument("--receipts", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true", help="instead of SQLite")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        throwaway_postgres() if options.postgres else nullcontext("") as url,
    ):
        platform = LocalServices(Path(folder), authserver_port=free_port(), database_url=url)
        platform.prepare_authserver(platform_root=ROOT, key_file=Path(folder) / "platform.key")
        platform.migrate("platform")
        platform.manage("create_keys")
        os.environ.update(platform.environment("platform"))
        os.environ["DJANGO_SETTINGS_MODULE"] = "countersign.settings"
        # Only now: Django reads its settings from what was just written.
        import django

        django.setup()
        measure(options.receipts)


def measure(receipts: int) -> None:
    """Print a line for each thing measured."""
    from protocol.keys import Directory
    from protocol.log import check_logged
    from protocol.receipt import identity
    from receipts import selectors, services
    from receipts.log import extend_log
    from receipts.log_verification import verify_log
    from signing.models import UnloggedReceipt

    now = datetime.now(UTC)
    messages = [f"receipt {number}".encode() for number in range(receipts)]
    UnloggedReceipt.objects.bulk_create(
        (UnloggedReceipt(leaf=identity(each), at=now) for each in messages), batch_size=5000
    )
    later = now + timedelta(seconds=30)
    # As the worker does, round by round, without its pauses.
    seconds = timed(lambda: [*iter(lambda: extend_log(now=later), 0)])
    size = selectors.signed_checkpoint()[0].size
    print(f"building {size} entries: {seconds:.1f} s, {1e6 * seconds / size:.0f} µs each")

    some = random.Random(1).sample(messages, min(PROOFS, receipts))  # noqa: S311
    directory = Directory.open(services.directory(now=now))
    proofs = [selectors.proof_of(identity(each)) for each in some[:1]]
    seconds = timed(lambda: proofs.extend(selectors.proof_of(identity(each)) for each in some[1:]))
    print(f"proving: {1e3 * seconds / (len(some) - 1):.2f} ms, {len(proofs[0].to_bytes())} bytes")
    pairs = list(zip(some, proofs, strict=True))
    seconds = timed(lambda: [check_logged(message, proof, directory) for message, proof in pairs])
    print(f"checking a proof: {1e3 * seconds / len(pairs):.2f} ms")
    sizes = [1 + number * (size - 1) // 200 for number in range(200)]
    seconds = timed(lambda: [selectors.consistency(each, size) for each in sizes])
    print(f"proving consistency: {1e3 * seconds / len(sizes):.2f} ms")

    seconds = timed(lambda: verify_log(directory))
    print(f"verifying all of it: {seconds:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"highest memory of this process: {peak:.0f} MiB")


def timed(doing: Callable[[], object]) -> float:
    """Return how many seconds something took."""
    start = time.perf_counter()
    doing()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
