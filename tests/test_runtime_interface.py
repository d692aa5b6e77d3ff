"""Every step's function in Lambda's own Python runtime, under the real Runtime Interface Emulator.

The one that `sam local` uses, without its container. No AWS stands behind it: whatever a step asks is refused
at once, so that a well-formed tick is NotYet, and says that the ledger did not answer.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from own_shop import ROOT, house

from farshore.runbook.registry import steps

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the emulator is a Linux program")

HOUSE = house()
STEPS = sorted(steps().keys() & {path.stem for path in (HOUSE / "tests/events").glob("*.json")})
INVOKE = "/2015-03-31/functions/function/invocations"
START_SECONDS, ANSWER_SECONDS = 10, 30
AT_ONCE = 4
NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_REGION": "us-west-1",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
}

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that aws-sam-cli carries, as a copy that may be executed."""
    samcli = find_spec("samcli")
    assert samcli is not None
    assert samcli.origin is not None
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    carried = Path(samcli.origin).parent / "local" / "rapid" / f"aws-lambda-rie-{machine}"
    if os.access(carried, os.X_OK):
        return carried
    copy = tmp_path_factory.mktemp("rapid") / carried.name
    shutil.copy(carried, copy)
    copy.chmod(0o755)
    return copy


@pytest.fixture(scope="module")
def answers(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Answer, Answer]]:
    """By step: what its function says to its event, and to a run that was started with {}."""
    logs = tmp_path_factory.mktemp("logs")
    ports = free_ports(2 * len(STEPS))

    def converse(step: str) -> tuple[Answer, Answer]:
        pair = ports.pop(), ports.pop()
        event = json.loads((HOUSE / f"tests/events/{step}.json").read_text())
        with running(emulator, f"functions.steps.{step}.handler", pair, logs / step) as port:
            return invoked(port, event), invoked(port, event | {"input": {}})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(STEPS, pool.map(converse, STEPS), strict=True))


def free_ports(number: int) -> list[int]:
    """All held at once, so that all differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@contextmanager
def running(emulator: Path, handler: str, ports: tuple[int, int], log: Path) -> Iterator[int]:
    """A function's emulator and runtime; gives the port to invoke it at."""
    front, back = ports
    words = [
        str(emulator),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{front}"),
        *("--runtime-api-address", f"127.0.0.1:{back}"),
        *(sys.executable, "-m", "awslambdaric", handler),
    ]
    with log.open("w") as out:
        process = subprocess.Popen(words, cwd=ROOT, env={**os.environ, **NOWHERE}, stdout=out, stderr=out)
    try:
        await_port(process, front, log)
        yield front
    finally:
        process.terminate()
        process.wait(timeout=10)


def await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """A real process takes real time to listen."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError(f"the emulator does not listen: {log.read_text()}")


def invoked(port: int, event: Answer) -> Answer:
    """One invocation after another: two at once crash the emulator."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    connection.request("POST", INVOKE, json.dumps(event))
    response = connection.getresponse()
    answer: Answer = json.loads(response.read())
    connection.close()
    assert response.status == 200, answer
    return answer


@pytest.mark.parametrize("step", STEPS)
def test_a_tick_whose_ledger_does_not_answer_is_not_yet(
    answers: dict[str, tuple[Answer, Answer]], step: str
) -> None:
    answer, _ = answers[step]
    state = json.loads((HOUSE / f"tests/events/{step}.json").read_text())["state"]["Name"]
    assert answer["errorType"] == "NotYet", answer
    assert answer["errorMessage"].startswith(f"{state}: the ledger did not answer"), answer


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_was_started_with_nothing_is_refused_saying_what_is_accepted(
    answers: dict[str, tuple[Answer, Answer]], step: str
) -> None:
    _, answer = answers[step]
    assert answer["errorType"] == "Refused", answer
    assert 'start it with {"mode": "graceful"} or {"mode": "ungraceful"}' in answer["errorMessage"]
