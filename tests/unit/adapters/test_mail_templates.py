"""The words of mails: whole, escaped, and an operator's where there are some."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.adapters.mail.templates import BrokenTemplate, JinjaTemplates
from hashpost.domain.ids import first_id_at
from hashpost.domain.post import Owner, Post
from hashpost.testing.clock import START

URL = "https://posts.example.org"
TOKEN = "QWxhZGRpbjpvcGVuIHNlc2FtZQ"


def post(text: str) -> Post:
    return Post.written(id=first_id_at(START), owner=Owner(id=1, username="bob"), text=text)


VALUES: Final[Mapping[str, Mapping[str, Any]]] = {
    "welcome": {},
    "password_reset": {"token": TOKEN, "minutes": 60},
    "password_changed": {"changed_at": START},
    "digest": {
        "posts": [post("Hello #World\nand #Welt"), post("#שלום")],
        "has_more": True,
        "since": START,
        "unsubscribe_url": f"{URL}/unsubscribe/abc/",
    },
}
OURS = JinjaTemplates()


def rendered(
    name: str, templates: JinjaTemplates = OURS, **changes: object
) -> tuple[str, str, str]:
    known = {"username": "ada", "public_url": URL, "unsubscribe_url": None}
    return templates.render(name, {**known, **VALUES[name], **changes})


class Tags(HTMLParser):
    """Finds out which elements a page has, which of them load something, and what it says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.loading: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.loading += [name for name, _ in attributes if name in ("src", "srcset", "background")]
        self.open += [] if tag in ("meta", "br") else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", VALUES)
def test_a_mail_has_a_subject_a_text_and_a_page(name: str) -> None:
    subject, text, html = rendered(name)

    assert subject == subject.strip() != ""
    assert "Hello ada," in text
    assert not re.search(r"\n{3,}|[ \t]\n|[{}]{2}|Subject:", text)
    assert html.startswith("<!doctype html>")
    assert f"<title>{subject}</title>" in html


@pytest.mark.parametrize("name", VALUES)
def test_a_page_is_well_formed_and_loads_nothing(name: str) -> None:
    tags = Tags(rendered(name)[2])

    assert tags.open == []
    assert tags.loading == []
    assert not tags.names & {"img", "script", "link", "iframe", "form", "object"}


@pytest.mark.parametrize("part", [1, 2])
def test_a_reset_says_how_to_use_the_token_and_for_how_long(part: int) -> None:
    said = rendered("password_reset")[part]

    assert f"{URL}/api/password_reset/confirm/" in said
    assert TOKEN in said
    assert "60 minutes" in said


@pytest.mark.parametrize("part", [1, 2])
def test_a_changed_password_is_told_with_its_time_in_utc(part: int) -> None:
    assert f"{START:%Y-%m-%d %H:%M} UTC" in rendered("password_changed")[part]


@pytest.mark.parametrize("part", [1, 2])
def test_a_digest_lists_posts_with_author_time_text_and_hashtags(part: int) -> None:
    said = rendered("digest")[part]

    assert "bob" in said
    assert f"{START:%Y-%m-%d %H:%M} UTC" in said
    assert "Hello #World" in said
    assert "#welt" in said
    assert f"{URL}/unsubscribe/abc/" in said


@pytest.mark.parametrize("part", [1, 2])
def test_a_digest_says_where_there_is_more_only_if_there_is(part: int) -> None:
    url = f"{URL}/api/favorite_hashtags/posts/"

    assert url in rendered("digest")[part]
    assert url not in rendered("digest", has_more=False)[part]


@pytest.mark.parametrize("part", [1, 2])
def test_of_a_long_post_the_beginning_is_shown(part: int) -> None:
    said = rendered("digest", posts=[post("x" * 5000)])[part]

    assert "x" * 500 + "…" in said
    assert "x" * 501 not in said


def test_line_breaks_of_a_post_are_shown() -> None:
    assert "<br>and #Welt" in rendered("digest")[2]


TEXTS = st.text(st.sampled_from("<>&\"'x# \n{}%b/"), min_size=1).filter(str.strip)


@given(TEXTS, TEXTS)
def test_names_and_texts_are_escaped_in_html_and_only_there(text: str, name: str) -> None:
    written = post(f"{text}<script>alert(1)</script>")

    _, plain, html = rendered("digest", posts=[written], username=name)

    tags = Tags(html)
    assert "script" not in tags.names
    assert tags.names <= Tags(rendered("digest")[2]).names
    assert "".join(written.text.split()) in "".join(tags.text.split())
    assert name.strip() in plain
    assert "<script>alert(1)</script>" in plain


@pytest.mark.parametrize("name", VALUES)
def test_a_script_in_a_name_is_only_text(name: str) -> None:
    evil = "<script>alert(1)</script>"

    _, text, html = rendered(name, username=evil)

    assert evil not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert evil in text


def test_a_file_of_an_operator_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "welcome.txt").write_text("Subject: Servus {{ username }}\n\nServus!")
    templates = JinjaTemplates(tmp_path)

    subject, text, html = rendered("welcome", templates)

    assert [subject, text] == ["Servus ada", "Servus!\n"]
    assert "<title>Servus ada</title>" in html
    assert "your account is ready" in html
    assert rendered("digest", templates) == rendered("digest")


def test_a_layout_of_an_operator_is_that_of_all_mails(tmp_path: Path) -> None:
    (tmp_path / "layout.html").write_text(
        "{% include 'logo.html' %}{% block content %}{% endblock %}"
    )
    (tmp_path / "logo.html").write_text("<b>LOGO</b>")

    assert rendered("welcome", JinjaTemplates(tmp_path))[2].startswith("<b>LOGO</b>")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"Subject: x\n\n{% if %}", "welcome.txt, line 3: Expected an expression"),
        (b"Subject: x\n{{ username", "welcome.txt, line 2: "),
        (b"Subject: x\n{{ username|nofilter }}", "welcome.txt, line 2: No filter named"),
        (b"\xff", "welcome.txt: 'utf-8' codec can't decode"),
    ],
)
def test_a_broken_file_is_told_at_the_start_with_its_line(
    tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "welcome.txt").write_bytes(content)

    with pytest.raises(BrokenTemplate) as caught:
        JinjaTemplates(tmp_path)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Subject: x\n\n{{ usrname }}", "welcome.txt, line 3: 'usrname' is undefined"),
        ("Subject: x\n{{ username|utc }}", "welcome.txt, line 2: 'str' object has no attribute"),
        ("Subject: x\n{% include 'no' %}", "welcome.txt: there is no template no"),
        ("Welcome!", "welcome.txt, line 1: must be 'Subject: ' and a subject"),
        ("\nSubject: x", "welcome.txt, line 1: must be 'Subject: ' and a subject"),
        ("Subject: \n", "welcome.txt, line 1: must be 'Subject: ' and a subject"),
    ],
)
def test_a_file_that_does_not_suit_its_mail_is_told_with_its_line(
    tmp_path: Path, content: str, told: str
) -> None:
    (tmp_path / "welcome.txt").write_text(content)

    with pytest.raises(BrokenTemplate) as caught:
        rendered("welcome", JinjaTemplates(tmp_path))

    assert told in str(caught.value)


def test_a_file_can_be_changed_while_it_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "welcome.txt"
    path.write_text("Subject: one")
    templates = JinjaTemplates(tmp_path)
    before = rendered("welcome", templates)[0]
    path.write_text("Subject: two!")

    assert [before, rendered("welcome", templates)[0]] == ["one", "two!"]


def test_an_unknown_mail_is_an_error() -> None:
    with pytest.raises(BrokenTemplate, match=r"nothing\.txt: there is no template nothing\.txt"):
        OURS.render("nothing", {})


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(BrokenTemplate, match="'token' is undefined"):
        OURS.render("password_reset", {"username": "ada", "public_url": URL, "minutes": 1})
