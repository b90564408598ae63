"""Mails."""

from hashpost.domain.mail import Mail


def test_a_mail_shows_nothing_of_whom_it_is_for_nor_of_what_it_says() -> None:
    mail = Mail("welcome-mail.7", "ada@example.org", "ada", "Welcome", "a secret", "a secret")

    assert repr(mail) == "Mail(key='welcome-mail.7')"
