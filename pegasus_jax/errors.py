"""The one exception for mistakes that a user can repair."""


class UserError(ValueError):
    """Something the user gave is wrong; the message is one sentence: what, where, and what to do.

    The launcher prints the sentence alone and exits with status 2.
    """
