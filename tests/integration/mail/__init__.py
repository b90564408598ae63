"""Mails over real lines to a real SMTP server, which may misbehave."""
