"""What every test stands on: no network, no account, no credentials of whoever runs it."""

from __future__ import annotations

import functools
import pickle
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from samples import is_there

READER = JSONFileLoader()
HERE = ("127.0.0.1", "127.0.0.2", "::1")
INTERNET = (socket.AF_INET, socket.AF_INET6)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sfn-endpoint",
        metavar="URL",
        help="run the state machines of test_machines.py there, on Step Functions Local, instead of in the "
        "twin; it must have been started with the SFN_MOCK_CONFIG that tests/own_shop.py makes",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that is about a sample goes with it."""
    gone = [item for item in items if not all(is_there(mark.args[0]) for mark in item.iter_markers("sample"))]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


@pytest.fixture(autouse=True, scope="session")
def nobodys_account() -> Iterator[None]:
    """Credentials that open nothing, whatever stands in this machine's own configuration."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"):
            patch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, "/dev/null")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        yield


@pytest.fixture(autouse=True, scope="session")
def models_read_once() -> Iterator[None]:
    """moto begins each world with a new session, which would parse botocore's models from disk again."""
    load = functools.cache(functools.partial(JSONFileLoader.load_file, READER))

    @functools.cache
    def pickled(path: str) -> bytes:
        return pickle.dumps(load(path))

    def loaded(self: JSONFileLoader, path: str) -> Any:
        """Of a service's model a copy each time: moto writes its own shapes into the one that it gets."""
        return pickle.loads(pickled(path)) if "service-2" in path else load(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", loaded)
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing may be connected to but this machine. botocore swallows what its connections raise, so the
    test fails at its end, too."""
    tried: list[str] = []
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(plug: socket.socket, address: Any) -> None:
        if plug.family in INTERNET and address[0] not in HERE:
            tried.append(f"{address[0]}:{address[1]}")
            raise OSError(f"a test tried to connect to {tried[-1]}: the twin must answer, not the network")

    def guarded(plug: socket.socket, address: Any) -> None:
        check(plug, address)
        connect(plug, address)

    def guarded_ex(plug: socket.socket, address: Any) -> int:
        check(plug, address)
        return connect_ex(plug, address)

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in (None, "", "localhost", b"localhost", *HERE):
            tried.append(f"{host}:{port}")
            raise OSError(f"a test asked for the address of {host}: the twin must answer, not the network")
        return getaddrinfo(host, port, *args, **kwargs)

    getaddrinfo = socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield
    assert not tried, f"the network was tried: {', '.join(tried)}: the twin must answer"
