"""The person at the page, as a rehearsal sees one: what they do, and how fast time goes for them.

The rehearsal has one thread, the server another. Between them are a queue of acts, which is short, and a
mailbox that keeps the newest state.
"""

from __future__ import annotations

import dataclasses
import json
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args

from ..simulate.by_hand import DOES, Act
from ..simulate.rehearsal import WARM_UP
from ..simulate.report import Scene
from .mailbox import Mailbox

BEATS = 5
"""How often in a second the page is drawn."""
WARM_UP_BEAT = 5.0
"""Simulated seconds between two looks while time goes as fast as it can."""
WAITING_MOST = 32
"""Acts that may wait: nobody presses more buttons than that in a fifth of a second."""
FASTEST = 100.0
PACE = 10.0
"""Simulated seconds in a second, where nothing else is said: a person can follow, and decide."""
PACES = (1.0, 5.0, 10.0, 30.0, FASTEST)
Control = Literal["begin", "pause", "resume", "step", "pace", "leave"]
CONTROLS: tuple[Control, ...] = get_args(Control)


class Leading:
    """Of one rehearsal."""

    def __init__(self, application: str, mode: str, pace: float) -> None:
        self.mailbox = Mailbox()
        self.documents: Mapping[str, str] = {}
        """The report in each form, by its file's name; none before the end."""
        self._told = {"application": application, "mode": mode}
        self._pace, self._paused, self._begun, self._step = pace, False, False, False
        self._verdict: Mapping[str, Any] | None = None
        self._acts: queue.Queue[tuple[str, str, str]] = queue.Queue(WAITING_MOST)
        self._scene: Scene | None = None
        self._due = 0.0

    # For the rehearsal's thread.

    def show(self, scene: Scene) -> None:
        self._scene = scene
        self._post()

    def beat(self, at: float) -> float:
        if at < WARM_UP:
            return min(WARM_UP_BEAT, WARM_UP - at)
        return 1.0 if self._paused else max(self._pace / BEATS, 0.2)

    def acts(self, at: float) -> Iterator[Act]:
        """Waits as the pace has it, or, while it is paused or has not begun, for the person."""
        self._due = max(self._due, time.perf_counter())
        while True:
            try:
                do, what, how = self._acts.get(timeout=self._wait(at))
            except queue.Empty:
                break
            if do in CONTROLS:
                self._controls(do, what)
                if self._step:
                    break
                self._post()
            else:
                yield Act(next(each for each in DOES if each == do), what, how)
                if do == "end":
                    return
        self._step = False
        if at >= WARM_UP:
            self._due += self.beat(at) / self._pace

    def end(self, ok: bool, said: str, documents: Mapping[str, str]) -> None:
        """The report can be fetched from now on."""
        self.documents = documents
        self._verdict = {"ok": ok, "said": said, "documents": list(documents)}
        self._post()

    def wait_until_left(self) -> None:
        """Until the person has closed the page's rehearsal."""
        while self._acts.get()[0] != "leave":
            pass

    # For the server's.

    def do(self, do: str, what: str, how: str) -> bool:
        """False where too much waits already."""
        try:
            self._acts.put_nowait((do, what, how))
        except queue.Full:
            return False
        return True

    def _wait(self, at: float) -> float | None:
        """Seconds to wait for an act; None for as long as it takes."""
        if not self._begun or self._paused:
            return None
        return 0.0 if at < WARM_UP else max(0.0, self._due - time.perf_counter())

    def _controls(self, do: str, what: str) -> None:
        act: dict[str, Callable[[], None]] = {
            "begin": lambda: setattr(self, "_begun", True),
            "pause": lambda: setattr(self, "_paused", True),
            "resume": lambda: setattr(self, "_paused", False),
            "step": lambda: setattr(self, "_step", self._begun),
            "pace": lambda: setattr(self, "_pace", float(what)),
        }
        act.get(do, lambda: None)()

    def _post(self) -> None:
        state = {
            **self._told,
            "scene": self._scene and scene_as_json(self._scene),
            "begun": self._begun,
            "paused": self._paused,
            "pace": self._pace,
            "paces": sorted({*PACES, self._pace}),
            "verdict": self._verdict,
        }
        self.mailbox.post(json.dumps(state, default=str))


def scene_as_json(scene: Scene) -> dict[str, Any]:
    """A scene with all that it says of itself."""
    told = dataclasses.asdict(scene)
    for name, region in scene.regions.items():
        for row, as_json in zip(region.rows, told["regions"][name]["rows"], strict=True):
            as_json["says"] = row.says
    return told
