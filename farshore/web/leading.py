"""The person at the page, as a rehearsal sees one: what they do, and how fast time goes for them.

The rehearsal has one thread, the server another. Between them are a queue of acts, which is short, and a
mailbox that keeps the newest state.
"""

from __future__ import annotations

import dataclasses
import json
import queue
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast, get_args

from ..simulate.by_hand import Act, Do
from ..simulate.rehearsal import WARM_UP
from ..simulate.report import Scene
from .mailbox import Mailbox

BEATS = 5
"""How often in a second the page is drawn."""
WARM_UP_BEAT = 5.0
"""Simulated seconds between two looks while time goes as fast as it can."""
WAITING_MOST = 32
"""Acts that may wait: nobody presses more buttons than that in a fifth of a second."""
SLOWEST, FASTEST = 0.1, 100.0
PACE = 10.0
"""Simulated seconds in a second, where nothing else is said: a person can follow, and decide."""
PACES = (1.0, 5.0, 10.0, 30.0, FASTEST)
Control = Literal["begin", "pause", "resume", "step", "pace", "leave"]
CONTROLS: tuple[Control, ...] = get_args(Control)
PLAN = re.compile("[0-9a-f]{12}")


class Leading:
    """Of one rehearsal."""

    def __init__(self, application: str, mode: str, pace: float) -> None:
        self.mailbox = Mailbox()
        self.documents: Mapping[str, str] = {}
        """The report in each form, by its file's name; none before the end."""
        self._told = {"application": application, "mode": mode}
        self._pace, self._paused, self._begun, self._step = pace, False, False, False
        self._over = False
        """The person has ended it."""
        self._closed = False
        """The person has left the page, too: there is nothing more to come."""
        self._verdict: Mapping[str, Any] | None = None
        self._acts: queue.SimpleQueue[tuple[str, str, str]] = queue.SimpleQueue()
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
        while not self._step:
            try:
                do, what, how = self._acts.get(timeout=self._wait(at))
            except queue.Empty:
                break
            if do == "end":
                self._post()
                yield Act("end")
                return
            if do in CONTROLS:
                self._control(do, what)
                self._post()
            elif self._ready:
                yield Act(cast(Do, do), what, how)
        self._step = False
        if at >= WARM_UP:
            self._due += self.beat(at) / self._pace

    def end(self, ok: bool, said: str, documents: Mapping[str, str]) -> None:
        """The report can be fetched from now on."""
        self.documents = documents
        self._verdict = {"ok": ok, "said": said, "documents": list(documents)}
        self._over = True
        if self._scene is not None:
            self._scene = dataclasses.replace(self._scene, doing="the rehearsal has ended")
        self._post()

    def wait_until_left(self) -> None:
        """Until the person has closed the page's rehearsal."""
        try:
            while self._acts.get()[0] != "leave":
                pass
        finally:
            self._closed = True
            self._post()

    def interrupt(self) -> None:
        """Ctrl-C, from a signal's handler: it ends the game day as the page does, so that there is a report.
        Raises KeyboardInterrupt before its beginning, and once it has been ended."""
        if self._over or not self._begun:
            raise KeyboardInterrupt
        self.do("end", "", "")

    # For the server's.

    def do(self, do: str, what: str, how: str) -> bool:
        """False where too much waits already."""
        if self._acts.qsize() >= WAITING_MOST:
            return False
        self._over = self._over or do == "end"
        self._acts.put((do, what, how))
        return True

    def refusal(self, do: str, what: str, how: str) -> str:
        """Why that is not done, and what is; "" where it is done."""
        hands = self._scene.hands if self._scene is not None else None
        plugs = [plug.name for plug in hands.plugs] if hands else []
        hows = [how for how, _ in hands.hows] if hands else []
        match do:
            case "leave":
                return "" if self._verdict else "the rehearsal has not ended: end it first"
            case _ if self._over:
                return "the rehearsal is over"
            case "pace":
                return "" if _is_pace(what) else f"what is a pace from {SLOWEST:g} to {FASTEST:g}"
            case "begin" | "pause" | "resume" | "step" | "end":
                return ""
            case _ if hands is None or not self._ready:
                return "it is not yours yet: press Start, and wait until five minutes have passed"
            case "pull" | "mend" if what not in plugs:
                return f"what is one of {', '.join(plugs)}"
            case "pull" if how not in ("", *hows):
                return f"how is one of {', '.join(hows)}"
            case "start" if what not in hands.procedures:
                return f"what is one of {', '.join(hands.procedures)}"
            case "start" if how not in hands.modes:
                return f"how is one of {', '.join(hands.modes)}"
            case "approve" | "decline" if not PLAN.fullmatch(what):
                return "what is a plan's hash: 12 hexadecimal digits"
        return ""

    @property
    def _ready(self) -> bool:
        """It is the person's: customers have come, and evidence has a history."""
        return self._begun and self._scene is not None and self._scene.at >= WARM_UP

    def _wait(self, at: float) -> float | None:
        """Seconds to wait for an act; None for as long as it takes."""
        if not self._begun or self._paused:
            return None
        return 0.0 if at < WARM_UP else max(0.0, self._due - time.perf_counter())

    def _control(self, do: str, what: str) -> None:
        match do:
            case "begin":
                self._begun = True
            case "pause":
                self._paused = True
            case "resume":
                self._paused = False
            case "step":
                self._step = self._begun
            case "pace":
                self._pace, self._due = float(what), time.perf_counter()

    def _post(self) -> None:
        state = {
            **self._told,
            "scene": self._scene and scene_as_json(self._scene),
            "begun": self._begun,
            "theirs": self._ready and not self._over,
            "paused": self._paused,
            "pace": self._pace,
            "paces": sorted({*PACES, self._pace}),
            "over": self._over,
            "verdict": self._verdict,
            "closed": self._closed,
        }
        self.mailbox.post(json.dumps(state, default=str))


def scene_as_json(scene: Scene) -> dict[str, Any]:
    """A scene with all that it says of itself."""
    told = dataclasses.asdict(scene)
    for name, region in scene.regions.items():
        for row, as_json in zip(region.rows, told["regions"][name]["rows"], strict=True):
            as_json["says"] = row.says
    return told


def _is_pace(text: str) -> bool:
    try:
        return SLOWEST <= float(text) <= FASTEST
    except ValueError:
        return False
