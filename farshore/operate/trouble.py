"""`Trouble`: a message for the person who typed. It says who could not do what, where, and what to do now."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click
from botocore.exceptions import BotoCoreError

from functions.errors import NotYet, Refused

P = ParamSpec("P")
T = TypeVar("T")


class Trouble(click.ClickException):
    """Who could not do what, where, and what to do now."""


def answering(command: Callable[P, T]) -> Callable[P, T]:
    """A command whose every failure is one clear message."""

    @functools.wraps(command)
    def answered(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except NotYet as silence:
            raise Trouble(f"{silence}: try again; `farshore plan --as-cli` needs no ledger") from silence
        except Refused as refusal:
            raise Trouble(f"{refusal}: whoever owns the account must allow it to you") from refusal
        except BotoCoreError as error:
            raise Trouble(f"AWS cannot be asked from here: {error}: log in, then try again") from error

    return answered
