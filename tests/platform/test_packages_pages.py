"""Pages of applications: the download page, an application, and the console's; and their API."""

import pytest
from django.test import Client

from audit.models import AuditRow
from billing.packages.services.building import revoke_build
from tests.platform.applications import Application, build_of
from tests.platform.operators import auditor, browser_of, text_of
from tests.platform.world import Person, call, everything_stored, now


@pytest.fixture
def dragons(db: None) -> Application:
    return Application.make(title="Dragons & <Daemons>")


def test_everybody_sees_which_applications_there_are(dora: Person, dragons: Application) -> None:
    for browser in (Client(), browser_of(dora)):
        page = text_of(browser.get("/apps"))
        assert "Dragons &amp; &lt;Daemons&gt;" in page
        assert f'href="/apps/{dragons.package}"' in page


def test_an_empty_download_page_says_how_one_is_added(db: None) -> None:
    assert "build_package" in text_of(Client().get("/apps"))


def test_an_application_says_what_it_sells_and_how_to_run_it(
    dora: Person, dragons: Application
) -> None:
    for browser in (Client(), browser_of(dora)):
        page = text_of(browser.get(f"/apps/{dragons.package}"))
        assert "Golden sword" in page
        assert "99.00\u00a0EUR" in page
        assert "play money" in page
        assert f"app download {dragons.package}" in page
        assert bytes(dragons.package.first_key).hex() in page


def test_what_is_revoked_is_not_for_download(olga: Person, dragons: Application) -> None:
    newer = build_of(dragons.package)
    revoke_build(build=newer, operator=olga.holder, now=now())
    assert "1 ·" in text_of(Client().get(f"/apps/{dragons.package}"))
    revoke_build(build=dragons.build, operator=olga.holder, now=now())
    assert Client().get(f"/apps/{dragons.package}").status_code == 404
    assert "Dragons" not in text_of(Client().get("/apps"))
    assert call("GET", f"/packages/{dragons.package}").body["code"] == "package_unknown"


def test_whoever_leaves_offers_nothing_any_more(dragons: Application) -> None:
    developer = dragons.developer.holder
    developer.leaving_at = now()
    developer.save()
    assert Client().get(f"/apps/{dragons.package}").status_code == 404


@pytest.mark.parametrize("path", ["/apps/00000000", "/apps/0", "/apps/DEADBEEF", "/apps/zz"])
def test_an_application_that_is_not_there_is_not_found(db: None, path: str) -> None:
    assert Client().get(path).status_code == 404


def test_the_api_tells_the_same(dragons: Application) -> None:
    (listed,) = call("GET", "/packages").body["results"]
    assert (listed["id"], listed["build"]) == (dragons.package.public_id, 1)
    one = call("GET", f"/packages/{dragons.package}").body
    assert {"number": 1, "title": "Golden sword", "amount": 250} in one["items"]
    assert one["currency"] == "EUR"


def test_the_console_is_for_operators_and_auditors(dora: Person, dragons: Application) -> None:
    reader = browser_of(auditor("Audrey"))
    for page in ("/console/packages", f"/console/packages/{dragons.package}"):
        assert browser_of(dora).get(page).status_code == 403
        assert Client().get(page).status_code == 302
        assert "Dragons" in text_of(reader.get(page))


def test_an_empty_console_says_what_to_do(console: Client) -> None:
    page = text_of(console.get("/console/packages"))
    assert "No application yet" in page
    assert "build_package" in page


def test_an_operator_revokes_a_build(olga: Person, console: Client, dragons: Application) -> None:
    path = f"/console/packages/{dragons.package}"
    assert 'name="revoke" value="1"' in text_of(console.get(path))
    answer = console.post(path, {"revoke": "1"})
    assert (answer.status_code, answer["Location"]) == (302, path)
    page = text_of(console.get(path))
    assert "Revoked: it bills no more." in page
    assert "build.revoked" in page
    assert 'name="revoke"' not in page
    dragons.build.refresh_from_db()
    assert dragons.build.revoked_at is not None
    assert AuditRow.objects.get(action="build.revoked").actor == olga.holder.operator_actor
    assert "Nothing to download" in text_of(console.get("/console/packages"))


@pytest.mark.parametrize(
    ("number", "status"),
    [("2", 404), ("0", 404), ("", 400), ("x", 400), ("1" * 6, 400), ("-1", 400), ("١", 400)],  # noqa: RUF001
)
def test_a_build_that_is_not_there_is_not_revoked(
    console: Client, dragons: Application, number: str, status: int
) -> None:
    before = everything_stored()
    answer = console.post(f"/console/packages/{dragons.package}", {"revoke": number})
    assert answer.status_code == status
    assert everything_stored() == before


def test_who_is_no_operator_revokes_nothing(dora: Person, dragons: Application) -> None:
    for person in (dora, auditor("Audrey")):
        page = f"/console/packages/{dragons.package}"
        assert browser_of(person).post(page, {"revoke": "1"}).status_code == 403
        answer = person.call("POST", f"/packages/{dragons.package}/builds/1/revoke")
        assert (answer.status, answer.body["code"]) == (403, "forbidden")
    assert call("POST", f"/packages/{dragons.package}/builds/1/revoke").status == 401
    dragons.build.refresh_from_db()
    assert dragons.build.revoked_at is None


def test_an_operator_revokes_by_the_api(olga: Person, dragons: Application) -> None:
    path = f"/packages/{dragons.package}/builds/1/revoke"
    for _ in range(2):
        answer = olga.call("POST", path)
        assert answer.status == 200
        assert answer.body["number"] == 1
        assert answer.body["revoked_at"] is not None
    assert AuditRow.objects.filter(action="build.revoked").count() == 1
    for number in (2, 0, 2**63, 10**30):
        path = f"/packages/{dragons.package}/builds/{number}/revoke"
        assert olga.call("POST", path).body["code"] == "package_unknown"


def test_the_console_finds_an_application(console: Client, dragons: Application) -> None:
    for wanted in (str(dragons.package), "daemons"):
        found = console.get("/console/", {"q": wanted})
        # The only thing that is called so.
        assert found["Location"] == f"/console/packages/{dragons.package}"
    assert "/console/packages/" not in text_of(console.get("/console/", {"q": "nothing"}))
