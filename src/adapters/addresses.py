"""E-mail addresses, by the `email-validator` library."""


class EmailSyntax:
    """What an address looks like (RFC 5322, RFC 6531); whether it takes mail is not looked up."""

    def normalized(self, address: str) -> str:
        """The address in its usual form.

        Raises:
            ValueError: it is not exactly one address.
        """
        from email_validator import validate_email

        return validate_email(address, check_deliverability=False).normalized
