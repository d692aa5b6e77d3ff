"""`farshore rehearse --web`: a page on which a person leads a rehearsal, by HTTP and in a real browser."""

from __future__ import annotations

import http.client
import json
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from led_by_hand import PRIMARY, STANDBY, a_dark_game_day
from own_shop import BOOKWORM, SHOP, TESTS
from playwright.sync_api import Browser, Page, Request, Route, expect, sync_playwright

from farshore.cli import farshore
from farshore.simulate.by_hand import Act
from farshore.simulate.rehearsal import WARM_UP
from farshore.simulate.report import Moment, Scene
from farshore.web.leading import Leading
from farshore.web.server import MOST_READERS, Server

CHROMIUM = shutil.which("chromium") or ""
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SLOW = 120_000
"""Milliseconds within which a rehearsal gets anywhere, on a busy machine."""
in_a_browser = pytest.mark.skipif(not CHROMIUM, reason="no chromium on PATH: apt-get install chromium")


class Site:
    """A page's server, as whoever knows its address sees it."""

    def __init__(self, url: str) -> None:
        self.url, self.host, self.path = url, urlsplit(url).netloc, urlsplit(url).path

    def ask(
        self, method: str, what: str, body: str | None = None, **headers: str
    ) -> tuple[int, str, Mapping[str, str]]:
        """Headers whose value is "" are left out."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        said = {"Host": self.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.putrequest(method, what, skip_host=True, skip_accept_encoding=True)
        for name, value in said.items():
            if value:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(None if body is None else body.encode())
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())

    def act(self, body: str, **headers: str) -> tuple[int, str]:
        told = {"Content_Type": "application/json", "Origin": f"http://{self.host}", **headers}
        status, text, _ = self.ask("POST", f"{self.path}act", body, **told)
        return status, text

    def first_event(self, **headers: str) -> tuple[int, dict[str, Any]]:
        """Its number, and the state that it tells."""
        return next(self.events(**headers))

    def events(self, **headers: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Until the server ends them."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request("GET", f"{self.path}events", headers=headers)
        answer, number = connection.getresponse(), 0
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer:
            name, _, value = line.decode().partition(": ")
            if name == "id":
                number = int(value)
            elif name == "data":
                yield number, json.loads(value)
        connection.close()


class Led(Site):
    """`farshore rehearse --web` in a process of its own."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self.running = running
        self.said: list[str] = []
        urls: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(urls,), daemon=True)
        self._reader.start()
        super().__init__(urls.get(timeout=60))

    def _read(self, urls: queue.Queue[str]) -> None:
        assert self.running.stdout is not None
        for line in self.running.stdout:
            self.said.append(line)
            if found := re.search(r"http://\S+", line):
                urls.put(found[0])

    def ended(self) -> int:
        code = self.running.wait(60)
        self._reader.join(60)
        return code

    def state_when(self, met: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first state of the rehearsal that is so."""
        return next(state for _, state in self.events() if met(state))


@contextmanager
def led(*arguments: str) -> Iterator[Led]:
    program = [sys.executable, "-m", "farshore", "rehearse", *arguments, "--web"]
    with subprocess.Popen(
        program, cwd=TESTS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            yield Led(running)
        finally:
            running.kill()


@pytest.fixture(scope="module")
def at_rest() -> Iterator[Led]:
    """One that nobody has begun."""
    with led("unicorn-shop") as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def opened(browser: Browser, url: str, width: int = 1280, scheme: Any = "light") -> Page:
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page.set_default_timeout(SLOW)
    page.goto(url)
    return page


# The whole story, as a person sees it.


@in_a_browser
def test_a_person_darkens_a_region_approves_the_plan_and_takes_the_report_away(
    browser: Browser, tmp_path: Path
) -> None:
    with led("unicorn-shop", "--pace", "100x") as rehearsal:
        page = opened(browser, rehearsal.url)
        strange: list[str] = []
        page.on("pageerror", lambda error: strange.append(str(error)))
        page.on("console", lambda message: strange.append(message.text))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        expect(page.get_by_role("button", name=f"Darken Region {PRIMARY}")).to_be_disabled(timeout=SLOW)
        page.get_by_role("button", name="Start", exact=True).press("Enter")
        expect(page.locator("#share")).to_have_text("100 %", timeout=SLOW)
        expect(page.locator("#doing")).to_have_text("yours: pull a plug, or start a run", timeout=SLOW)

        page.get_by_role("button", name=f"Darken Region {PRIMARY}").click()
        away = page.locator(f"[data-region={PRIMARY}]")
        expect(away).to_have_class("region away", timeout=SLOW)
        expect(away).to_contain_text("dark: nobody answers")
        expect(page.locator("#share")).to_have_text("0 %", timeout=SLOW)

        expect(page.get_by_role("heading", name="waits for you")).to_be_visible(timeout=SLOW)
        rows, approve = page.locator("#plan-steps"), page.get_by_role("button", name="Approve")
        expect(rows).to_contain_text("aurora_writer us-west-1")
        expect(rows.locator(".no-return:visible")).to_have_count(1)
        expect(rows).to_contain_text("rds:FailoverGlobalCluster in us-west-1")
        expect(page.locator("#states .waiting")).to_contain_text("nobody has decided on plan")
        assert top(rows) < top(approve), "what is approved stands before the button"
        approve.click()

        expect(page.locator(f"[data-region={STANDBY}]")).to_have_class("region active", timeout=SLOW)
        expect(page.locator("#log")).to_contain_text("unicorn-shop-failover: SUCCEEDED", timeout=SLOW)
        all_but_stale = re.compile("^([89][0-9]|100) %$")  # one customer never looks a name up again
        expect(page.locator("#share")).to_have_text(all_but_stale, timeout=SLOW)
        line = page.locator("#rate").get_attribute("d") or ""
        heights = [float(y) for y in re.findall(r",([\d.]+)", line)]
        lowest = heights.index(max(heights))
        good, bad = 97 - 0.75 * 94, 97 - 0.25 * 94  # of a line 100 high, from the top
        assert min(heights[:lowest]) < good < bad < heights[lowest], "it falls"
        assert min(heights[lowest:]) < good, "it rises again"

        page.get_by_role("button", name=f"Darken Region {PRIMARY}").click()
        expect(page.locator(f"[data-region={PRIMARY}]")).to_have_class("region standby", timeout=SLOW)
        page.get_by_role("button", name="End and report").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download report.html").click()
        download.value.save_as(tmp_path / "report.html")
        page.get_by_role("button", name="Close").click()
        assert rehearsal.ended() == 0, "".join(rehearsal.said)
    report = (tmp_path / "report.html").read_text()
    assert "A person led it" in report
    assert "farshore rehearse unicorn-shop --web --seed 1" in report
    assert "customers felt" in "".join(rehearsal.said)
    assert strange == []
    assert {urlsplit(url).netloc for url in asked} == {rehearsal.host}, "nothing comes from outside"


def top(where: Any) -> float:
    box = where.bounding_box()
    assert box is not None
    return float(box["y"])


@in_a_browser
def test_keys_pause_step_and_change_the_pace(browser: Browser) -> None:
    with led(str(BOOKWORM)) as rehearsal:
        page = opened(browser, rehearsal.url)
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("#doing")).to_have_text("yours: pull a plug, or start a run", timeout=SLOW)
        page.locator("body").click(position={"x": 1, "y": 1})
        page.keyboard.press("+")
        expect(page.locator("#pace")).to_have_value("30")
        page.keyboard.press("-")
        expect(page.locator("#pace")).to_have_value("10")
        page.keyboard.press(" ")
        expect(page.get_by_role("button", name="Go on")).to_be_visible()
        at = seconds(page)
        page.keyboard.press(".")
        expect(page.locator("#clock")).to_have_text(f"{(at + 1) // 60}:{(at + 1) % 60:02d}")
        page.keyboard.press(" ")
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        expect(page.locator("#clock")).not_to_have_text(f"{(at + 1) // 60}:{(at + 1) % 60:02d}")


def seconds(page: Page) -> int:
    minutes, _, rest = (page.locator("#clock").text_content() or "").partition(":")
    return 60 * int(minutes) + int(rest)


def test_ctrl_c_stops_at_once_what_nobody_has_begun() -> None:
    with led(str(BOOKWORM)) as rehearsal:
        rehearsal.running.send_signal(signal.SIGINT)
        assert rehearsal.ended() == 130
    assert "Traceback" not in "".join(rehearsal.said)


def test_ctrl_c_ends_a_game_day_with_its_report_and_again_leaves(tmp_path: Path) -> None:
    report = tmp_path / "night.json"
    with led(str(BOOKWORM), "--report", str(report)) as rehearsal:
        assert rehearsal.act('{"do": "begin"}')[0] == 202
        rehearsal.state_when(lambda state: state["theirs"])
        rehearsal.running.send_signal(signal.SIGINT)
        rehearsal.state_when(lambda state: state["verdict"])
        rehearsal.running.send_signal(signal.SIGINT)
        assert rehearsal.ended() == 0
    assert json.loads(report.read_text())["by_hand"]
    assert "Traceback" not in "".join(rehearsal.said)


# Who may press its buttons.


def test_it_is_served_on_loopback_alone(at_rest: Led) -> None:
    port = int(at_rest.host.partition(":")[2])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert [each[1] for each in listening if each[3] == "0A" and each[1].endswith(f":{port:04X}")] == [
        f"0100007F:{port:04X}"
    ]
    six = Path("/proc/net/tcp6")
    assert f":{port:04X} " not in (six.read_text() if six.exists() else "")


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({}, 202, ""),
        ({"Origin": "http://evil.example"}, 403, "only the page that this rehearsal serves"),
        ({"Origin": "null"}, 403, "only the page"),
        ({"Origin": ""}, 403, "only the page"),
        ({"Host": "evil.example"}, 403, "use the address that farshore printed"),
        ({"Content_Type": "text/plain"}, 400, "an act is application/json"),
    ],
)
def test_only_the_page_itself_may_act(at_rest: Led, headers: dict[str, str], status: int, says: str) -> None:
    found, text = at_rest.act('{"do": "resume"}', **headers)
    assert found == status
    assert says in text


@pytest.mark.parametrize("path", ["/", "/act", "/events", "/guessed/", "/guessed/act"])
def test_who_does_not_know_the_token_finds_nothing(at_rest: Led, path: str) -> None:
    told = {"Content_Type": "application/json", "Origin": f"http://{at_rest.host}"}
    assert at_rest.ask("GET", path)[0] == 404
    assert at_rest.ask("POST", path, '{"do": "begin"}', **told)[0] == 404


def test_a_name_that_somebody_made_stand_for_loopback_reads_nothing(at_rest: Led) -> None:
    status, text, _ = at_rest.ask("GET", at_rest.path, Host=f"evil.example:{at_rest.host.partition(':')[2]}")
    assert status == 403
    assert "<" not in text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "an act is an object"),
        ("[]", "an act is an object"),
        ('{"do": "shutdown"}', "do is one of"),
        ('{"do": "pace", "what": "nan"}', "a pace from 0.1 to 100"),
        ('{"do": "pace", "what": "1e9"}', "a pace from 0.1 to 100"),
        ('{"do": "pace", "what": "1e-300"}', "a pace from 0.1 to 100"),
        ("[" * 1900, "an act is an object"),
        ('{"do": "pull", "what": "us-east-1"}', "press Start"),
        ('{"do": "start", "what": "failover", "how": "graceful"}', "press Start"),
        ('{"do": "leave"}', "end it first"),
        (json.dumps({"do": "x" * 3000}), "2000 bytes at most"),
    ],
)
def test_an_act_that_is_none_says_what_is_wrong_with_it(at_rest: Led, body: str, says: str) -> None:
    status, text = at_rest.act(body)
    assert status == 400
    assert says in text


@pytest.mark.parametrize(
    ("act", "says"),
    [
        ({"do": "pull", "what": "\ud800"}, "what is one of"),
        ({"do": "pull", "what": PRIMARY, "how": "\ud800"}, "how is one of dark, mute"),
        ({"do": "mend", "what": "the moon"}, "what is one of us-east-1"),
        ({"do": "start", "what": "nothing", "how": "graceful"}, "what is one of failover"),
        ({"do": "start", "what": "failover", "how": "gently"}, "how is one of graceful, ungraceful"),
        ({"do": "approve", "what": "\ud800"}, "12 hexadecimal digits"),
        ({"do": "decline", "what": "20E2206F6E1B"}, "12 hexadecimal digits"),
    ],
)
def test_what_is_no_plug_procedure_or_plan_is_refused(
    under_way: tuple[Leading, Site], act: dict[str, str], says: str
) -> None:
    leading, site = under_way
    status, text = site.act(json.dumps(act))
    assert (status, says in text) == (400, True), text
    assert leading.do("step", "", "")
    assert list(leading.acts(WARM_UP)) == [], "nothing comes of it"


def test_before_it_is_the_persons_acts_are_dropped(drawn: tuple[Leading, str], scenes: list[Scene]) -> None:
    leading, _ = drawn
    for do in ("pull", "end"):
        assert leading.do(do, PRIMARY, "dark")
    assert list(leading.acts(0.0)) == [Act("end")]


def test_another_pace_counts_at_once(
    under_way: tuple[Leading, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    (leading, _), waits = under_way, list[float]()
    acts = leading._acts

    def get(timeout: float) -> tuple[str, str, str]:
        waits.append(timeout)
        return acts.get_nowait()

    assert leading.do("pace", "0.1", "")
    assert list(leading.acts(WARM_UP)) == []
    assert leading.do("pace", "100", "")
    monkeypatch.setattr(leading, "_acts", SimpleNamespace(get=get))
    assert list(leading.acts(WARM_UP + 0.2)) == []
    assert waits[0] > 1, "a slow beat's two seconds"
    assert waits[-1] == 0


def test_more_pages_than_a_browser_can_bear_are_refused(under_way: tuple[Leading, Site]) -> None:
    _, site = under_way
    pages = [site.events() for _ in range(MOST_READERS)]
    for page in pages:
        next(page)
    status, text, _ = site.ask("GET", f"{site.path}events")
    assert status == 503
    assert "close one" in text
    assert site.act('{"do": "pause"}')[0] == 202


def test_whoever_looks_on_hears_that_the_person_has_left(under_way: tuple[Leading, Site]) -> None:
    leading, site = under_way
    letters = site.events()
    leading.end(True, "It went well.", {"report.md": ""})
    assert leading.do("leave", "", "")
    leading.wait_until_left()
    leading.mailbox.close()
    told = [state for _, state in letters]
    assert told[-1]["closed"]
    assert told[-1]["scene"]["doing"] == "the rehearsal has ended"


def test_every_answer_forbids_frames_scripts_and_styles_of_others(at_rest: Led) -> None:
    for path in (at_rest.path, f"{at_rest.path}page.js", "/"):
        _, _, headers = at_rest.ask("GET", path)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer", "the token goes nowhere"


def test_there_is_no_report_before_the_end(at_rest: Led) -> None:
    status, text, _ = at_rest.ask("GET", f"{at_rest.path}report.html")
    assert status == 404
    assert "once the rehearsal has ended" in text


def test_whoever_comes_back_gets_the_whole_present_state(at_rest: Led) -> None:
    number, first = at_rest.first_event()
    again, second = at_rest.first_event(**{"Last-Event-ID": str(number)})
    assert again >= number
    assert second["application"] == "unicorn-shop"
    assert second["scene"]["run"]["states"] == first["scene"]["run"]["states"]
    assert second["scene"]["hands"]["plugs"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--web", "--mode", "ungraceful", "--dark", PRIMARY], "you darken us-east-1 yourself, on the page"),
        (["--port", "80"], "add --web"),
        (["--web", "--pace", "1e-300"], "a pace is from 0.1x to 100x"),
        (["--web", "--pace", "1000000"], "a pace is from 0.1x to 100x"),
    ],
)
def test_what_does_not_go_with_a_page_is_said_at_once(arguments: list[str], says: str) -> None:
    result = CliRunner(mix_stderr=False).invoke(farshore, ["rehearse", str(SHOP), *arguments])
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_port_that_is_taken_is_one_sentence(at_rest: Led) -> None:
    port = at_rest.host.partition(":")[2]
    result = CliRunner(mix_stderr=False).invoke(farshore, ["rehearse", str(SHOP), "--web", "--port", port])
    assert result.exit_code == 1
    assert f"port {port} cannot be served on" in result.stderr
    assert "leave --port out" in result.stderr


# What the page draws, of scenes that are made here.


@pytest.fixture
def drawn() -> Iterator[tuple[Leading, str]]:
    leading = Leading("unicorn-shop", "graceful", 10.0)
    with Server(leading) as server:
        yield leading, server.url


@pytest.fixture
def under_way(drawn: tuple[Leading, str], scenes: list[Scene]) -> tuple[Leading, Site]:
    """One that has begun."""
    leading, url = drawn
    leading.show(scenes[-1])
    assert leading.do("begin", "", "")
    assert list(leading.acts(0.0)) == []
    return leading, Site(url)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """Of a game day that goes dark, with a plan that waits."""
    return a_dark_game_day()


READ = """() => {
  const wrong = [], width = document.documentElement.clientWidth;
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255,255,255)";
  };
  const shown = [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility());
  if (document.documentElement.scrollWidth > width) wrong.push("the page is wider than its window");
  for (const node of shown) {
    const box = node.getBoundingClientRect(), what = `${node.tagName} ${node.textContent.slice(0, 50)}`;
    if (box.width && (box.right > width + 1 || box.left < -1)) wrong.push(`outside: ${what}`);
    if (node.closest("svg, .unseen") || node.tagName === "OPTION") continue;
    if (node.scrollWidth > node.clientWidth + 1 && node.clientWidth) wrong.push(`cut off: ${what}`);
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${what}`);
  }
  const solid = shown.filter((node) => node.matches("button, select, summary, h1, h2, h3, dt, dd, li > *, label, p, a"));
  for (const one of solid) {
    for (const other of solid) {
      if (one === other || one.contains(other) || other.contains(one)) continue;
      if (one.closest("#log") !== other.closest("#log")) continue;
      const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
      const over = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const under = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (over > 1 && under > 1) wrong.push(`overlap: ${one.textContent.slice(0, 40)} / ${other.textContent.slice(0, 40)}`);
    }
  }
  return wrong;
}"""  # noqa: E501


@in_a_browser
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_or_overlaps_and_what_is_read_stands_out_as_wcag_aa_asks(
    browser: Browser, drawn: tuple[Leading, str], scenes: list[Scene], width: int, scheme: str
) -> None:
    leading, url = drawn
    waiting = next(scene for scene in scenes if scene.plan)
    page = opened(browser, url, width, scheme)
    leading.do("begin", "", "")
    assert list(leading.acts(0.0)) == []
    for scene in (scenes[0], waiting, scenes[-1]):
        leading.show(scene)
        expect(page.locator("#clock")).to_have_text(f"{int(scene.at) // 60}:{int(scene.at) % 60:02d}")
        expect(page.locator("#plan")).to_be_visible(visible=scene.plan is not None)
        for services in page.locator("details").all():
            services.evaluate("it => { it.open = true; }")
        assert page.evaluate(READ) == []
    leading.end(False, "It went badly.", {"report.html": ""})
    expect(page.locator("#said")).to_have_text("It went badly.")
    assert page.evaluate(READ) == []
    page.close()


@in_a_browser
def test_ten_thousand_events_leave_the_page_as_large_as_a_thousand(
    browser: Browser, scenes: list[Scene]
) -> None:
    """An hour has 18,000 at most, of which a page that is slow is sent fewer."""
    last = Leading("the last of all", "graceful", 10.0)
    last.show(scenes[-1])
    letters = [state_of(scene) for scene in scenes[-100:]]
    thousand = "retry: 1\n\n" + "".join(f"data: {letter}\n\n" for letter in letters) * 10
    with Server(last) as server:
        (few, small), (many, large) = (size_after(browser, server.url, thousand, times) for times in (1, 10))
    assert many == few
    assert large < small + 2_000_000


def state_of(scene: Scene) -> str:
    """As the page gets it."""
    leading = Leading("unicorn-shop", "graceful", 10.0)
    leading.show(scene)
    return leading.mailbox.letter


def size_after(browser: Browser, url: str, events: str, times: int) -> tuple[int, float]:
    """Elements of the page and bytes of its memory, once it has been sent these so many times."""
    page, sent = browser.new_page(), count(1)

    def send(route: Route) -> None:
        if next(sent) <= times:
            route.fulfill(content_type="text/event-stream", body=events)
        else:
            route.continue_()

    page.route("**/events", send)
    page.goto(url)
    expect(page.locator("#application")).to_have_text("the last of all", timeout=SLOW)
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.collectGarbage")
    elements = page.evaluate("document.querySelectorAll('*').length")
    used = float(client.send("Runtime.getHeapUsage")["usedSize"])
    page.close()
    return elements, used


@in_a_browser
@pytest.mark.parametrize(
    "breaks",
    [lambda route: route.abort("connectionreset"), lambda route: route.fulfill(status=503)],
    ids=["by the network", "by the server"],
)
def test_a_stream_that_breaks_is_taken_up_again(
    browser: Browser, drawn: tuple[Leading, str], scenes: list[Scene], breaks: Callable[[Route], None]
) -> None:
    leading, url = drawn
    leading.show(scenes[0])
    page, tries = browser.new_page(), count()

    def break_first(route: Route, request: Request) -> None:
        if next(tries):
            route.continue_()
        else:
            breaks(route)

    page.route("**/events", break_first)
    page.goto(url)
    expect(page.locator("#status")).to_have_text("The connection is lost; it is tried again.")
    expect(page.locator("#status")).to_have_text("Connected.", timeout=SLOW)
    leading.show(scenes[-1])
    at = int(scenes[-1].at)
    expect(page.locator("#clock")).to_have_text(f"{at // 60}:{at % 60:02d}")
    page.close()


# What the page does with it.


@pytest.fixture
def page(browser: Browser, under_way: tuple[Leading, Site]) -> Iterator[Page]:
    """Of the one that is under way."""
    page = opened(browser, under_way[1].url)
    expect(page.locator("#clock")).not_to_have_text("0:00")
    yield page
    page.close()


@pytest.fixture
def waiting(scenes: list[Scene]) -> Scene:
    return next(scene for scene in scenes if scene.plan)


@in_a_browser
def test_a_plan_that_comes_shoves_nothing_and_is_not_decided_on_by_a_click_meant_for_something_else(
    page: Page, under_way: tuple[Leading, Site], scenes: list[Scene], waiting: Scene
) -> None:
    leading, _ = under_way
    leading.show(replace(waiting, plan=None))
    darken = page.get_by_role("button", name=f"Darken Region {PRIMARY}")
    expect(page.locator("#how")).to_have_value("dark")
    expect(page.locator("#to-plan")).to_be_hidden()
    before = top(darken)
    page.clock.install()
    leading.show(waiting)
    expect(page.locator("#plan")).to_be_visible()
    assert top(darken) == before
    assert page.locator("#decision").evaluate("it => it.inert")
    page.clock.fast_forward(1000)
    assert not page.locator("#decision").evaluate("it => it.inert")
    page.get_by_role("link", name="A plan waits").click()
    expect(page.locator("#plan-title")).to_be_focused()
    expect(page.locator("#plan-title")).to_be_in_viewport()


@in_a_browser
def test_what_is_decided_is_decided_once(page: Page, under_way: tuple[Leading, Site], waiting: Scene) -> None:
    leading, _ = under_way
    assert waiting.plan is not None
    leading.show(replace(waiting, plan=replace(waiting.plan, deciding="approve")))
    expect(page.locator("#approve")).to_have_text("Approving …")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    for button in ("#approve", "#decline"):
        expect(page.locator(button)).to_have_attribute("aria-disabled", "true")
        page.locator(button).dispatch_event("click")
    page.evaluate("act('pause')")
    assert [json.loads(body)["do"] for body in asked] == ["pause"]


@in_a_browser
def test_focus_is_never_lost(
    page: Page, under_way: tuple[Leading, Site], scenes: list[Scene], waiting: Scene
) -> None:
    leading, _ = under_way
    leading.show(waiting)
    expect(page.locator("#decision[inert]")).to_have_count(0)
    page.locator("#decline").focus()
    leading.show(replace(waiting, plan=None))
    expect(page.locator("#run-title")).to_be_focused()
    page.locator("#end").focus()
    leading.do("end", "", "")
    leading.show(scenes[-1])
    expect(page.locator("#application")).to_be_focused()
    expect(page.locator("#pause")).to_be_hidden()
    expect(page.locator("#pace")).to_be_hidden()
    leading.end(True, "It went well.", {"report.md": ""})
    expect(page.locator("#verdict-title")).to_be_focused()
    expect(page.locator("#news")).to_have_text("The rehearsal has ended. It went well.")


@in_a_browser
def test_it_goes_from_start_to_pause(
    browser: Browser, drawn: tuple[Leading, str], scenes: list[Scene]
) -> None:
    leading, url = drawn
    leading.show(scenes[0])
    page = opened(browser, url)
    page.get_by_role("button", name="Start", exact=True).press("Enter")
    assert list(leading.acts(0.0)) == []
    expect(page.locator("#pause")).to_be_focused()
    page.close()


@in_a_browser
def test_a_page_that_nobody_sees_holds_no_connection_and_has_missed_nothing(
    page: Page, under_way: tuple[Leading, Site], scenes: list[Scene]
) -> None:
    leading, _ = under_way
    hidden = "it => { Object.defineProperty(document, 'hidden', {value: it, configurable: true});"
    dispatch = "document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hidden + dispatch, True)
    assert page.evaluate("events") is None
    leading.show(replace(scenes[-1], at=3661.0))
    page.evaluate(hidden + dispatch, False)
    expect(page.locator("#clock")).to_have_text("61:01")


@in_a_browser
def test_what_is_closed_offers_nothing_and_is_not_tried_again(
    page: Page, under_way: tuple[Leading, Site]
) -> None:
    leading, _ = under_way
    leading.end(True, "It went well.", {"report.md": ""})
    expect(page.get_by_role("link", name="Download report.md")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    leading.wait_until_left()
    expect(page.locator("#status")).to_have_text("The rehearsal is closed. Its terminal has the result.")
    expect(page.get_by_role("link", name="Download report.md")).to_have_count(0)
    assert page.evaluate("events.readyState") == 2


@in_a_browser
def test_it_says_what_is_away_since_when_and_what_that_costs(
    page: Page, under_way: tuple[Leading, Site], waiting: Scene
) -> None:
    leading, _ = under_way
    leading.show(replace(waiting, at=461.0, outage=310.0, at_risk=1))
    without = "customers without service for 2 min 31 s; 1 write at risk, at most"
    expect(page.locator("#trouble")).to_have_text(f"Region {PRIMARY} is dark since 5:11; {without}")
    expect(page.locator("#marks .outage")).to_have_count(1)
    expect(page.locator("#latency-now")).to_contain_text("a visit that goes well, with its writes, took")
    assert "L" in (page.locator("#took").get_attribute("d") or "")


@in_a_browser
def test_the_log_is_short_until_more_is_wanted(
    page: Page, under_way: tuple[Leading, Site], waiting: Scene
) -> None:
    leading, _ = under_way
    leading.show(replace(waiting, said=[Moment(400.0 - n, "failed", f"moment {n}") for n in range(40)]))
    expect(page.locator("#log li")).to_have_count(15)
    page.get_by_role("button", name="Show 25 more").click()
    expect(page.locator("#log li")).to_have_count(40)
    bad = page.locator("#log .failed").first.evaluate("it => getComputedStyle(it).color")
    assert bad == page.locator("#share").evaluate(
        "it => { it.style.color = 'var(--bad)'; return getComputedStyle(it).color; }"
    )
