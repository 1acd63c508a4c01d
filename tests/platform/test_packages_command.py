"""``manage.py build_package``, and the list of prices that it reads."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing.packages.errors import PriceListInvalidError
from billing.packages.models import Package
from billing.packages.services.prices import read_prices
from tests.platform.applications import Application
from tests.platform.world import Person

HEAD = "number,title,amount\n"


def prices_of(text: str, currency: str = "EUR") -> list[tuple[int, str, int]]:
    return read_prices(text.splitlines(keepends=True), currency=currency)


def test_prices_are_read_as_people_write_them() -> None:
    text = HEAD + '1,Golden sword,2.50\n2,"Castle, large","1.299,00"\n\n 3 , Potion , 5 \n'
    assert prices_of(text) == [
        (1, "Golden sword", 250),
        (2, "Castle, large", 129_900),
        (3, "Potion", 500),
    ]
    assert prices_of(HEAD + "1,Sword,250\n", "JPY") == [(1, "Sword", 250)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1,Sword", "three columns"),
        ("1,Sword,2.50,EUR", "three columns"),
        ("one,Sword,2.50", "digits"),
        ("-1,Sword,2.50", "digits"),
        ("\u0661,Sword,2.50", "digits"),
        ("4294967296,Sword,2.50", "out of range"),
        ("1,,2.50", "empty"),
        (f"1,{'x' * 81},2.50", "81 bytes"),
        ("1,Swo\x07rd,2.50", "U+0007"),
        ("1,Sword,", "digits"),
        ("1,Sword,free", "digits"),
        ("1,Sword,-2.50", "digits"),
        ("1,Sword,0", "out of range"),
        ("1,Sword,2.5050", "2 decimals"),
        ('1,Sword,"1,250"', "two ways"),
        ("1,Sword,99999999999", "out of range"),
        (f"1,Sword,{'9' * 5000}", "too long"),
        ("7,Shield,1", "stands twice"),
        ('1,"Sword', "unexpected end"),
        ("1,Sword\x00,2.50", "U+0000"),
    ],
)
def test_a_bad_line_of_prices_is_named(line: str, told: str) -> None:
    with pytest.raises(PriceListInvalidError, match=r"Line 4: ") as refusal:
        prices_of(f"{HEAD}7,Potion,1\n8,Bread,1\n{line}\n")
    assert told in refusal.value.detail


def test_every_bad_line_of_prices_is_named_up_to_twenty() -> None:
    with pytest.raises(PriceListInvalidError) as refusal:
        prices_of(HEAD + "1,Sword,1\nbad\n2,Shield,1\nworse\n")
    assert refusal.value.detail.splitlines() == [
        "Line 3: it has not three columns.",
        "Line 5: it has not three columns.",
    ]
    with pytest.raises(PriceListInvalidError) as refusal:
        prices_of(HEAD + "bad\n" * 10_000)
    assert len(refusal.value.detail.splitlines()) == 20


@pytest.mark.parametrize("text", ["", "1,Sword,2.50\n", "title,number,amount\n", HEAD])
def test_a_list_of_prices_has_its_columns_and_an_item(text: str) -> None:
    with pytest.raises(PriceListInvalidError):
        prices_of(text)


def manage(*arguments: str) -> list[str]:
    """Run the command; return the lines it wrote."""
    said = StringIO()
    call_command("build_package", *arguments, stdout=said)
    return said.getvalue().splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An application's files."""
    place = tmp_path / "dragons"
    place.mkdir()
    (place / "main.py").write_text("", "utf-8")
    return place


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    file = tmp_path / "prices.csv"
    file.write_text(HEAD + "1,Golden sword,2.50\n", "utf-8-sig")
    return file


@pytest.fixture
def order(dora: Person, folder: Path, prices: Path) -> tuple[str, ...]:
    """Arguments of the command for an application of Dora's."""
    return (str(folder), "--prices", str(prices), "--developer", dora.holder.account)


def test_the_command_makes_an_application_and_then_its_next_build(order: tuple[str, ...]) -> None:
    said = manage(*order, "--title", "Dragons")
    package = Package.objects.get()
    assert said[0].startswith(f"package {package} build 1: 1 items, ")
    assert said[1].endswith(f"app download {package}")
    assert (package.title, package.currency) == ("Dragons", "EUR")
    assert manage(*order, "--package", str(package))[0].startswith(f"package {package} build 2: ")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ((), "text_empty"),
        (("--title", "Dragons", "--currency", "XYZ"), "currency_unknown"),
        (("--title", "Dragons", "--developer", "000000000000"), "holder_unknown"),
        (("--package", "00000000"), "package_unknown"),
        (("--package", "no hex"), "package_unknown"),
        (("--package", "00000000", "--title", "Other"), "leave them out"),
        (("--title", "Dragons", "--prices", "/nowhere/prices.csv"), "file_unusable"),
        (("--title", "Dragons", "--prices", "/dev/zero"), "price_list_invalid"),
        (("--title", "Dragons", "--prices", "/bin/sh"), "price_list_invalid"),
    ],
)
def test_the_command_fails_with_a_code_and_leaves_nothing(
    order: tuple[str, ...], more: tuple[str, ...], code: str
) -> None:
    with pytest.raises(CommandError, match=code) as failure:
        manage(*order, *more)
    assert failure.value.returncode == 1
    assert not Package.objects.exists()


def test_the_command_names_the_bad_lines(order: tuple[str, ...], prices: Path) -> None:
    prices.write_text(HEAD + "1,Sword,free\n", "utf-8")
    with pytest.raises(CommandError, match=r"price_list_invalid: Line 2: "):
        manage(*order, "--title", "Dragons")


def test_a_bad_folder_leaves_no_application_without_builds(
    order: tuple[str, ...], folder: Path
) -> None:
    (folder / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(CommandError, match="package_folder_invalid"):
        manage(*order, "--title", "Dragons")
    with pytest.raises(CommandError, match="file_unusable"):
        manage(str(folder / "nowhere"), *order[1:], "--title", "Dragons")
    assert not Package.objects.exists()


def test_an_application_of_somebody_else_gets_no_build(order: tuple[str, ...]) -> None:
    other = Application.make()
    with pytest.raises(CommandError, match="package_unknown"):
        manage(*order, "--package", str(other.package))
