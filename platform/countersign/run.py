"""``make run``: serve the site to somebody who tries it out, with people to be."""

import signal
import sys
import time
from typing import NoReturn

import qrcode

from countersign.certificates import Certificate
from countersign.demo import NAMES
from countersign.playground import OPERATOR, PASSWORD, Playground
from countersign.stage import say
from countersign.wares import fill_wallet, put_up_game, stock_shop

PHONE = {"Phone": ""}
# A card has no camera: ten digits are typed into it.
TOKENS = {"chen": {"Card": "OCRA-1:HOTP-SHA256-8:QN10-T1M", **PHONE}}
# Who sells something of each kind in the shop.
DEVELOPER = "ben"
SERVICES = ("authserver", "platform", "worker")
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(playground: Playground) -> NoReturn:
    """Serve until interrupted; the first time, make the people before.

    Raises:
        RuntimeError: a service does not start, or ends by itself; the text says what to do.
        PersonError: a service does not do what it should.
        KeyboardInterrupt: it was told to end, by whatever signal.
    """
    for number in _ENDINGS:
        signal.signal(number, _end)
    for service in SERVICES:
        playground.check_port(service)
    is_new = not playground.demo_file.exists()
    say("Setting up; the first time takes up to half a minute …" if is_new else "Starting …")
    playground.prepare()
    with playground.running(*SERVICES):
        if is_new:
            _make_people(playground)
        playground.introduce()
        say(_first_steps(playground))
        if playground.certificate:
            _show_the_way_in(playground.origin, playground.certificate)
        _wait(playground)


def _end(*_: object) -> NoReturn:
    # Once is enough: what is started must be stopped in peace.
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _make_people(playground: Playground) -> None:
    """Make whoever and whatever is missing: an earlier try may have been interrupted anywhere."""
    (playground.folder / "people").mkdir(exist_ok=True)
    for login in NAMES:
        person = playground.person(login)
        say(f"  {person.name}, with a token …")
        person.sign_in()
        tokens = person.call("GET", "/tokens")
        active = {token["name"] for token in tokens if token["state"] == "active"}
        for name, suite in TOKENS.get(login, PHONE).items():
            if name not in active:
                person.enrol_token(name, suite)
        fill_wallet(person)
        if login == DEVELOPER:
            say("  what he sells in the shop …")
            stock_shop(person)
            put_up_game(playground, person, playground.folder / "people")
    say("  an operator …")
    playground.manage("first_operator", "--email", OPERATOR, "--password-stdin", said=PASSWORD)


def _first_steps(playground: Playground) -> str:
    emails = ", ".join(playground.person(login).email for login in NAMES)
    return f"""
Open  {playground.origin}/guide
It leads you through the first transaction, from here to a receipt that Ben continues.
Ben also sells five things in {playground.origin}/shop and a game in {playground.origin}/apps,
and all have play money to buy them.

  Sign in as      {emails}
  Operator        {OPERATOR}, for {playground.origin}/console
  Password        {PASSWORD}, for all of them, and as payment password
  Answer with     {playground.token_command("anna")}    in a second terminal; or WHO=ben, WHO=chen

Mail and logs are in {playground.folder}. Ctrl-C stops everything.
"""


def _show_the_way_in(origin: str, certificate: Certificate) -> None:
    code = qrcode.QRCode(border=2)
    code.add_data(f"{origin}/guide")
    # On a terminal in colours of its own, so that dark and light ones show the same.
    code.print_ascii(tty=sys.stdout.isatty())
    say(f"""
Scan this with a phone in the same network. Every browser will warn that it does not know who made
the certificate: choose "Advanced" or "Show details", then go on to the page. To be rid of the
warning, install the certificate that the guide offers, of this SHA-256 fingerprint:
  {certificate.fingerprint}
If nothing loads, the two are not in the same network, or a firewall stands between them.

Whoever is in this network can be any of these people. All of this is kept apart from what
`make run` without LAN keeps, since the address stands in everything that is signed.
""")


def _wait(playground: Playground) -> NoReturn:
    while True:
        for service, process in playground.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"the {service} ended: see {playground.log(service)}")
        time.sleep(0.3)
