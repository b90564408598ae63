"""Mails: their words, their form, and where they go.

`templates` says what stands in a mail and `composing` makes a message of it; `smtp` hands it to a
mail server, `files` writes it into a folder, and `memory` keeps it in a list. None of them retries:
a mail belongs to a job, and the job is tried again.
"""
