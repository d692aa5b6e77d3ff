"""`python -m farshore` is `farshore`."""

from .cli import main

main()
