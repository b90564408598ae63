"""Where the mail server is."""

from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.adapters.mail.address import SmtpServer, is_sender


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", SmtpServer(host="mail", port=25)),
        ("smtp://mail:2525/", SmtpServer(host="mail", port=2525)),
        ("smtp://ada:pw@mail", SmtpServer(host="mail", port=587, user="ada", password="pw")),
        ("smtp://ada:pw@mail:25", SmtpServer(host="mail", port=25, user="ada", password="pw")),
        ("smtp://a@b.c:p@w@mail", SmtpServer(host="mail", port=587, user="a@b.c", password="p@w")),
        ("smtps://mail", SmtpServer(host="mail", port=465, tls=True)),
        ("smtps://[::1]:1", SmtpServer(host="::1", port=1, tls=True)),
        ("smtp://mail_server", SmtpServer(host="mail_server", port=25)),
    ],
)
def test_a_url_names_a_server(url: str, server: SmtpServer) -> None:
    assert SmtpServer.parsed(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail",
        "http://mail",
        "smtp:mail",
        "smtp://",
        "smtp://:25",
        "smtp://mail:0",
        "smtp://mail:65536",
        "smtp://mail:x",
        "smtp://mail/folder",
        "smtp://mail?x=1",
        "smtp://mail#x",
        "smtp://ma il",
        "smtp://a..b",
        f"smtp://{'a' * 64}.org",
        "smtp://ada@mail",
        "smtp://ada:@mail",
        "smtp://:pw@mail",
        "smtp://ada:%ff@mail",
        "smtp://ada:%00@mail",
    ],
)
def test_what_names_no_server_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must be smtp://USER:PASSWORD@HOST:587") as caught:
        SmtpServer.parsed(url)

    assert caught.value.__cause__ is None


@given(st.text(min_size=1), st.text(min_size=1))
def test_user_and_password_may_hold_anything(user: str, password: str) -> None:
    url = f"smtp://{_quoted(user)}:{_quoted(password)}@mail"

    with suppress(ValueError):
        server = SmtpServer.parsed(url)
        assert (server.user, server.password) == (user, password)
        return
    assert "\0" in user + password


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(SmtpServer.parsed("smtp://ada:hunter2@mail"))


@pytest.mark.parametrize(
    ("url", "upgraded"),
    [("smtp://mail", False), ("smtp://a:b@mail", True), ("smtps://a:b@mail", False)],
)
def test_a_line_is_upgraded_where_there_is_a_password(url: str, *, upgraded: bool) -> None:
    assert SmtpServer.parsed(url).starttls == upgraded


@pytest.mark.parametrize("address", ["hashpost@localhost", "a.b+c@x-y.example.org", "a@1"])
def test_a_plain_address_can_send(address: str) -> None:
    assert is_sender(address)


@pytest.mark.parametrize(
    "address", ["", "a", "@b", "a@", "a@b@c", ".a@b", "a..b@c", "a@-b", "a@b.", "a b@c", "a@b\n"]
)
def test_another_address_cannot(address: str) -> None:
    assert not is_sender(address)
