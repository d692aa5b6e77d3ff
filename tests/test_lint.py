"""`farshore lint`: each rule by a runbook that breaks it, and what it says of the runbook that ships."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from own_shop import SHOP as RUNBOOK
from own_shop import TESTS

from farshore.cli import farshore
from farshore.compile.states import function_name
from farshore.lint import judged
from farshore.lint.reach import named_region
from farshore.runbook.load import load
from farshore.runbook.model import Line
from farshore.runbook.registry import steps
from farshore.simulate.rehearsal import Rehearsal
from functions.calls import HOMES
from functions.ledger import REGION_SETS
from functions.steps import arc_controls
from functions.steps.website_config import WebsiteConfig
from twin.faults import Request
from twin.rows import homes
from twin.services.dynamodb import strong_table

SHOP = RUNBOOK.read_text()
DETECT, APPROVE, FENCE, DATA, RESTORE, TRAFFIC, VERIFY = range(7)

ADDRESS, OWN_ADDRESS = "https://api.unicorn-shop.example", "https://api.us-west-1.unicorn-shop.example"

Edit = Callable[[str], str]
Place = tuple[str, int]
"""A step, and which of its lines: ("lambda_concurrency", 2) is the second that the file holds."""


def lint(*words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(farshore, ["lint", *words])


def findings(text: str, tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "shop.yaml"
    path.write_text(text)
    result = lint(str(path), "--json")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    assert all(finding["path"] == str(path) for finding in found)
    assert result.exit_code == any(finding["severity"] == "error" for finding in found)
    return found


def survives(text: str, tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "shop.yaml"
    path.write_text(text)
    said: dict[str, Any] = json.loads(lint(str(path), "--json").stdout)["survives"]["unicorn-shop"]
    return said


def line_of(text: str, place: Place) -> int:
    step, nth = place
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(rf" *(- )?{step}:", line)]
    return lines[nth - 1]


def replaced(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        return text.replace(old, new)

    return edit


def entries(text: str) -> tuple[str, list[str], str]:
    """What stands before the steps of failover, the steps, and what stands after."""
    head, rest = text.split("\nfailover:\n")
    body, tail = rest.split("\n\noutage:")
    return f"{head}\nfailover:\n", re.split(r"^(?=  - )", body + "\n", flags=re.M)[1:], f"\noutage:{tail}"


def ordered(*places: int) -> Edit:
    def edit(text: str) -> str:
        head, each, tail = entries(text)
        return head + "".join(each[place] for place in places) + tail

    return edit


def step(place: int, old: str, new: str) -> Edit:
    """A change within one step of failover."""

    def edit(text: str) -> str:
        head, each, tail = entries(text)
        each[place] = replaced(old, new)(each[place])
        return head + "".join(each) + tail

    return edit


def with_failback(*places: int) -> Edit:
    """The same steps written out once more, but for some."""

    def edit(text: str) -> str:
        head, each, tail = entries(text)
        return f"{head}{''.join(each)}\nfailback:\n{''.join(each[place] for place in places)}{tail}"

    return edit


def both(*edits: Edit) -> Edit:
    def edit(text: str) -> str:
        for each in edits:
            text = each(text)
        return text

    return edit


def beside(text: str) -> str:
    """Promotion and traffic side by side."""
    head, each, tail = entries(text)
    indented = "".join(re.sub("^", "    ", each[place], flags=re.M).rstrip(" ") for place in (DATA, TRAFFIC))
    whole = [*each[:DATA], f"  - together:\n{indented}", *each[RESTORE:TRAFFIC], *each[VERIFY:]]
    return head + "".join(whole) + tail


ONE_ENDPOINT = re.compile(r"\n +(us-west-2|eu-west-1|ap-\w+-\d): https://\w+\.route53.*")
UNASKED = both(
    ordered(DETECT, FENCE, APPROVE, DATA, RESTORE, TRAFFIC, VERIFY),
    replaced("reserved: 0\n  - approval", "reserved: 0\n      before_approval: true\n  - approval"),
)
WITHOUT_TRIGGERS = replaced(
    "triggers:\n  - alarm: unicorn-shop-canary\n    mode: ungraceful\n    cooldown: 60m\n", ""
)

BROKEN: dict[str, tuple[Edit, set[tuple[str, Place]], str]] = {
    # What is wrong: the edit, the rules that find it and where, and words of what is said.
    "a promotion that asks the Region that is left": (
        step(DATA, "region: $to", "region: $from"),
        {("dark", ("aurora_writer", 1)), ("direction", ("aurora_writer", 1))},
        "with us-east-1, which is left, dark, an ungraceful failover does not end",
    ),
    "a proof through the endpoint of one Region": (
        replaced("url: https://api.unicorn", "url: https://api.us-east-1.unicorn"),
        {("dark", ("synthetic_write", 1))},
        "needs http:GET and http:POST in us-east-1",
    ),
    "customers who are led to the Region that is left": (
        both(replaced("on_in: $to", "on_in: $from"), replaced("off_in: $from", "off_in: $to")),
        {("direction", ("arc_controls", 1))},
        "leads customers to $from, the Region that is left",
    ),
    "a fence in the Region that takes over": (
        step(RESTORE, "reserved: restore", "reserved: 0"),
        {("fence", ("lambda_concurrency", 1)), ("fence", ("lambda_concurrency", 2))},
        "closes $to, the Region that takes over: reserved is 0",
    ),
    "a fence that lets five in": (
        step(FENCE, "reserved: 0", "reserved: 5"),
        {("fence", ("lambda_concurrency", 1))},
        "leaves $from open: reserved is 5, and writes that come in there would be lost",
    ),
    "a state that has no time": (
        replaced("within: 15m", "within: 0s"),
        {("time", ("approval", 1))},
        "approval has no time: within is 0",
    ),
    "a silent Region that has no time": (
        step(FENCE, "reserved: 0", "reserved: 0\n      patience: 0s"),
        {("time", ("lambda_concurrency", 1))},
        "lambda_concurrency has no time: patience is 0",
    ),
    "a single endpoint of ARC": (
        lambda text: ONE_ENDPOINT.sub("", text),
        {("dark", ("arc_controls", 1)), ("incomplete", ("arc_controls", 1))},
        "1 endpoints, of the 5",
    ),
    "an alarm in the Region that it is about": (
        replaced("unicorn-shop-canary, at: us-west-1", "unicorn-shop-canary, at: us-east-1"),
        {("evidence", ("region_impaired", 1))},
        "dies with the Region that it is about",
    ),
    "evidence that needs every source": (
        replaced("at_least: 2", "at_least: 3"),
        {("evidence", ("region_impaired", 1))},
        "with us-east-1 and us-west-2 dark, 2 of 3 sources can still say yes, and at_least is 3",
    ),
    "evidence that two dark Regions leave too thin": (
        replaced("{alarm: unicorn-shop-canary, at: us-west-1}", "{health: RDS}"),
        {("evidence", ("region_impaired", 1))},
        "with us-east-1 and us-west-2 dark, 1 of 3 sources can still say yes, and at_least is 2",
    ),
    "evidence that only advises": (
        both(WITHOUT_TRIGGERS, replaced("at_least: 2", "at_least: 3")),
        {("evidence", ("region_impaired", 1))},
        "at_least is 3",
    ),
    "customers before their data": (
        ordered(DETECT, APPROVE, FENCE, TRAFFIC, DATA, RESTORE, VERIFY),
        {("order", ("arc_controls", 1))},
        "arc_controls stands before aurora_writer in line 55: reads look green, and writes fail",
    ),
    "customers beside their data": (
        beside,
        {("order", ("arc_controls", 1))},
        "arc_controls stands beside aurora_writer",
    ),
    "a promotion before the fence": (
        ordered(DETECT, APPROVE, DATA, FENCE, RESTORE, TRAFFIC, VERIFY),
        {("order", ("aurora_writer", 1))},
        "the old writer is still open",
    ),
    "a Region that opens before its data": (
        ordered(DETECT, APPROVE, FENCE, RESTORE, DATA, TRAFFIC, VERIFY),
        {("order", ("lambda_concurrency", 2))},
        "before its data is writable there",
    ),
    "customers before their functions": (
        ordered(DETECT, APPROVE, FENCE, DATA, TRAFFIC, RESTORE, VERIFY),
        {("order", ("arc_controls", 1))},
        "still turns them away",
    ),
    "an approval before the evidence": (
        ordered(APPROVE, DETECT, FENCE, DATA, RESTORE, TRAFFIC, VERIFY),
        {("order", ("approval", 1))},
        "without the evidence",
    ),
    "a fence before the approval": (
        ordered(DETECT, FENCE, APPROVE, DATA, RESTORE, TRAFFIC, VERIFY),
        {("order", ("lambda_concurrency", 1))},
        "before a person has spoken",
    ),
    "a proof before the traffic": (
        ordered(DETECT, APPROVE, FENCE, DATA, RESTORE, VERIFY, TRAFFIC),
        {("order", ("synthetic_write", 1)), ("verify", ("arc_controls", 1))},
        "proves nothing",
    ),
    "two probes of one host": (
        replaced(
            "- {alarm: unicorn-shop-canary, at: us-west-1}",
            "- probe:\n            us-east-1: https://api.us-east-1.unicorn-shop.example/users\n"
            "            us-west-1: https://another.unicorn-shop.example/users",
        ),
        {("evidence", ("region_impaired", 1))},
        "2 sources ask api.us-east-1.unicorn-shop.example: when it fails alone, all of them say yes",
    ),
    "a fence of what carries the runs out": (
        lambda text: text.replace("[unicorn-shop-users, ", "[farshore-lease, "),
        {("own", ("lambda_concurrency", nth)) for nth in (1, 2, 3)},
        "takes farshore-lease, which carries out the runs themselves",
    ),
    "an endpoint in another Region than its entry's": (
        replaced(
            "cccccccc.route53-recovery-cluster.eu-west-1", "cccccccc.route53-recovery-cluster.us-east-1"
        ),
        {("entry", ("arc_controls", 1))},
        "the entry of eu-west-1 is in us-east-1",
    ),
    "no proof": (
        ordered(DETECT, APPROVE, FENCE, DATA, RESTORE, TRAFFIC),
        {("verify", ("arc_controls", 1))},
        "ends without a write that proves it",
    ),
    "a fence that nothing gives back": (
        ordered(DETECT, APPROVE, FENCE, DATA, TRAFFIC, VERIFY),
        {("fence", ("lambda_concurrency", 1))},
        "and nothing gives it back",
    ),
    "a fence that is given back in part": (
        step(RESTORE, "[unicorn-shop-users, unicorn-shop-basket, ", "[unicorn-shop-users, "),
        {("fence", ("lambda_concurrency", 2))},
        "does not give back unicorn-shop-basket, which line 38 takes",
    ),
    "a function given back that nothing takes": (
        step(RESTORE, "[unicorn-shop-users, ", "[unicorn-shop-users, unicorn-shop-mail, "),
        {("restore", ("lambda_concurrency", 2))},
        "unicorn-shop-mail, which no fence takes",
    ),
    "a restore without a fence": (
        ordered(DETECT, APPROVE, DATA, RESTORE, TRAFFIC, VERIFY),
        {("restore", ("lambda_concurrency", 1)), ("unfenced", ("aurora_writer", 1))},
        "which no fence takes",
    ),
    "a fence that is given back where it was not taken": (
        step(RESTORE, "region: $to", "region: $from"),
        {
            ("restore", ("lambda_concurrency", 2)),
            ("fence", ("lambda_concurrency", 1)),
        },
        "gives back in $from",
    ),
    "a failback that does not give back what failover took": (
        with_failback(DETECT, APPROVE, FENCE, DATA, TRAFFIC, VERIFY),
        {("fence", ("lambda_concurrency", 1))},
        "and nothing gives it back",
    ),
    "a failover that does not give back what failback takes": (
        lambda text: with_failback(*range(7))(text).replace(entries(text)[1][RESTORE], "", 1),
        {("fence", ("lambda_concurrency", 2))},
        "and nothing gives it back",
    ),
    "nothing is fenced": (
        ordered(DETECT, APPROVE, DATA, TRAFFIC, VERIFY),
        {("unfenced", ("aurora_writer", 1))},
        "the Region that is left goes on taking writes",
    ),
    "nobody is asked": (
        ordered(DETECT, FENCE, DATA, RESTORE, TRAFFIC, VERIFY),
        {("unapproved", ("aurora_writer", 1))},
        "aurora_writer is the point of no return of failover, and nobody has approved it",
    ),
    "a fence that goes up unasked": (
        UNASKED,
        {("before-approval", ("lambda_concurrency", 1))},
        "takes unicorn-shop-basket, unicorn-shop-unicorns, unicorn-shop-users from customers of us-east-1 "
        "for up to 15m",
    ),
    "a fence that goes up unasked, and a person starts every run": (
        both(UNASKED, WITHOUT_TRIGGERS),
        {("before-approval", ("lambda_concurrency", 1))},
        "no alarm starts failover in ungraceful mode",
    ),
    "before_approval behind the approval": (
        step(FENCE, "reserved: 0", "reserved: 0\n      before_approval: true"),
        {("before-approval", ("lambda_concurrency", 1))},
        "no approval comes after it",
    ),
    "a limit above the RTO": (
        step(APPROVE, "within: 15m", "within: 21m"),
        {("rto", ("approval", 1))},
        "may wait for 21m, and the rto is 20m",
    ),
    "a loss above the RPO": (
        step(DATA, "lose_at_most: 30s", "lose_at_most: 2m"),
        {("rpo", ("aurora_writer", 1))},
        "may lose 2m, and the rpo is 30s",
    ),
    "a Region by name": (
        step(VERIFY, "region: $to", "region: us-west-1"),
        {("literal", ("synthetic_write", 1))},
        "names us-west-1 as its `region`",
    ),
    "no observer": (
        both(
            replaced(", observer: us-west-2}", "}"),
            replaced("        - {alarm: unicorn-shop-canary, at: us-west-2}\n", ""),
        ),
        {("observer", ("regions", 1))},
        "no observer",
    ),
    "a ledger that no Region set holds": (
        replaced("[us-east-1, us-east-2, us-west-2]", "[us-east-1, us-east-2, us-west-1]"),
        {("ledger", ("ledger", 1))},
        "no table of strong consistency spans us-east-1, us-east-2, us-west-1",
    ),
    "a topic of the Region that is left": (
        replaced("us-west-1: arn:aws:sns:us-west-1:", "us-west-1: arn:aws:sns:us-east-1:"),
        {("entry", ("approval", 1))},
        "the entry of us-west-1 is in us-east-1",
    ),
    "a website that may lead to a stale writer": (
        lambda text: re.sub(r"prepare:\n(  .*\n)+", "", text),
        {("keeps", ("s3_public_access", 1))},
        "relies on the website, which no step of `prepare` keeps true",
    ),
    "inputs that do not go together": (
        replaced("at_least: 2", "at_least: 4"),
        {("runbook", ("region_impaired", 1))},
        "at_least is 4, of 3 sources",
    ),
    "a step that is unknown": (
        replaced("- aurora_writer:", "- aurora_witer:"),
        {("runbook", ("aurora_witer", 1))},
        "unknown step",
    ),
}
WARNINGS = {
    "a single endpoint of ARC": {"incomplete"},
    "evidence that only advises": {"evidence"},
    "an approval before the evidence": {"order"},
    "a proof before the traffic": {"verify"},
    "two probes of one host": {"evidence"},
    "no proof": {"verify"},
    "a fence that goes up unasked": {"before-approval"},
    "before_approval behind the approval": {"before-approval"},
    "a limit above the RTO": {"rto"},
    "no observer": {"observer"},
    "nothing is fenced": {"unfenced"},
    "a restore without a fence": {"unfenced"},
    "a website that may lead to a stale writer": {"keeps"},
}
"""What is a warning; everything else is an error."""


@pytest.mark.parametrize("wrong", BROKEN)
def test_what_is_wrong_is_found_at_its_line_and_nothing_else_is(wrong: str, tmp_path: Path) -> None:
    edit, expected, words = BROKEN[wrong]
    text = edit(SHOP)
    found = findings(text, tmp_path)
    assert {(f["rule"], f["line"]) for f in found} == {(rule, line_of(text, at)) for rule, at in expected}
    assert any(words in f["what"] for f in found), [f["what"] for f in found]
    assert all(f["instead"] for f in found)
    assert {f["rule"] for f in found if f["severity"] == "warning"} == WARNINGS.get(wrong, set())


@pytest.mark.parametrize(
    ("phase", "place", "severity", "words"),
    [
        ("consumers", DATA, "error", "website_config stands before aurora_writer"),
        ("consumers", VERIFY, "warning", "arc_controls stands before website_config"),
        ("capacity", VERIFY, "warning", "no room for them"),
    ],
)
def test_room_and_consumers_have_their_place(
    phase: str, place: int, severity: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebsiteConfig, "phase", phase)
    line = re.search(r"  - website_config:\n(?:      .*\n)+", SHOP)
    assert line is not None
    head, each, tail = entries(SHOP)
    each.insert(place, line[0])
    found = findings(head + "".join(each) + tail, tmp_path)
    (finding,) = (finding for finding in found if finding["rule"] == "order")
    assert finding["severity"] == severity
    assert words in finding["what"]


MAPPINGS = (
    "{us-east-1: [14e0db71-5d35-4eb5-b481-8945cf9d10c2], us-west-1: [24e0db71-5d35-4eb5-b481-8945cf9d10c2]}"
)


@pytest.mark.parametrize(("place", "orders"), [(DATA + 2, []), (DATA, [("data", "error")])])
def test_a_fence_that_is_open_in_the_region_that_takes_over_has_the_place_of_its_phase(
    place: int, orders: list[tuple[str, str]], tmp_path: Path
) -> None:
    """Consumers that poll before the data is writable lose what they take."""
    head, each, tail = entries(SHOP)
    fence, restore, enable = (
        f"  - event_sources: {{region: {region}, enabled: {enabled}, mappings: {MAPPINGS}}}\n"
        for region, enabled in (("$from", "false"), ("$to", "restore"), ("$to", "true"))
    )
    each.insert(place, enable)
    each.insert(each.index(next(line for line in each if "aurora_writer" in line)) + 1, restore)
    each.insert(FENCE, fence)
    found = findings(head + "".join(each) + tail, tmp_path)
    assert [f["severity"] for f in found] == [severity for _, severity in orders]
    assert all("messages are consumed, and their writes fail" in f["what"] for f in found)


def test_an_arn_of_another_account_than_the_others_is_a_warning(tmp_path: Path) -> None:
    old = "us-west-1: arn:aws:sns:us-west-1:123456789012:"
    text = replaced(old, old.replace("123456789012", "123456789021"))(SHOP)
    (found,) = findings(text, tmp_path)
    assert (found["rule"], found["severity"]) == ("account", "warning")
    assert found["line"] == line_of(text, ("approval", 1))
    assert "of the account 123456789021, and other ARNs of 123456789012" in found["what"]


def test_requests_through_a_cdn_rely_on_what_the_website_names(tmp_path: Path) -> None:
    bare = re.sub(r"prepare:\n(  .*\n)+", "", SHOP).partition("\noutage:")[0]
    assert findings(bare, tmp_path) == []
    text = bare.replace("url: https://api.unicorn-shop.example", "url: https://d111.cloudfront.net")
    (found,) = findings(text, tmp_path)
    assert (found["rule"], found["line"], found["severity"]) == (
        "keeps",
        line_of(text, ("synthetic_write", 1)),
        "warning",
    )
    assert found["instead"].startswith("write website_config there: ")


def test_of_many_names_a_message_says_some(tmp_path: Path) -> None:
    text = step(FENCE, "[", f"[{', '.join(f'f{n}' for n in range(10, 40))}, ")(SHOP)
    (finding,) = findings(text, tmp_path)
    assert "does not give back f10, f11, f12, f13, f14, f15, f16, f17 and 22 more, which" in finding["what"]


GALLERY = (TESTS / "stand_ins" / "gallery.yaml").read_text()
"""Its failover detaches a database, which a graceful run never may."""
EDGE = (
    "  - cloudfront_origin: {distribution: EDFDVBD632BHDS5, origins: {us-east-1: east, us-west-1: west}}\n"
    "  - aurora_detached: {cluster: a, members: {us-east-1: e, us-west-1: w}, lose_at_most: 30s}\n"
)


def test_an_alarm_that_starts_what_a_step_always_refuses_is_an_error(tmp_path: Path) -> None:
    trigger = "triggers: [{alarm: a-canary, mode: %s, cooldown: 60m}]\n"
    (found,) = (each for each in findings(GALLERY + trigger % "graceful", tmp_path) if each["rule"] == "mode")
    assert found["what"] == (
        "the alarm a-canary starts graceful runs, and aurora_detached refuses them: detaching may lose writes"
    )
    assert (found["severity"], found["instead"]) == ("error", "write mode: ungraceful")
    well = findings(GALLERY + trigger % "ungraceful", tmp_path)
    assert [each for each in well if each["rule"] == "mode"] == []


def test_a_procedure_of_which_every_run_is_refused_is_an_error(tmp_path: Path) -> None:
    text = GALLERY.replace("\noutage:", f"{EDGE}\noutage:")
    (found,) = (each for each in findings(text, tmp_path) if each["rule"] == "mode")
    assert found["line"] == text.split("\n").index("failback:") + 1
    assert found["what"].startswith(
        "no run of failback can succeed: of graceful ones aurora_detached refuses"
    )
    assert "of ungraceful ones cloudfront_origin refuses them" in found["what"]


def test_a_runbook_that_keeps_its_promises_is_clean(tmp_path: Path) -> None:
    assert findings(SHOP, tmp_path) == []
    assert findings(with_failback(*range(7))(SHOP), tmp_path) == []


def test_a_write_may_come_before_customers_do_where_another_comes_after_them(tmp_path: Path) -> None:
    """It goes to the Region's own address, since nobody leads customers there yet."""
    head, each, tail = entries(SHOP)
    for address, found in ((OWN_ADDRESS, False), (ADDRESS, True)):
        early = replaced(ADDRESS, address)(each[VERIFY])
        failover = "".join([*each[:TRAFFIC], early, each[TRAFFIC], each[VERIFY]])
        text = f"{head}{failover}\nfailback:\n{''.join(each)}{tail}"
        said = [(f["rule"], f["line"]) for f in findings(text, tmp_path)]
        assert said == [("order", line_of(text, ("synthetic_write", 1)))] * found


def test_the_unicorn_shop_as_committed_has_no_error_and_survives_every_single_region() -> None:
    result = lint(str(RUNBOOK), "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {f["severity"] for f in said["findings"]} <= {"warning"}
    assert {
        loss: (v["region"], v["survives"], v["runs"]) for loss, v in said["survives"]["unicorn-shop"].items()
    } == {
        "us-east-1": ("us-east-1", True, ["failover"]),
        "us-west-2": ("us-west-2", True, ["failover", "failback"]),
        "the primary": ("us-east-1", True, ["failover"]),
        "the standby": ("us-west-1", True, ["failback"]),
    }


def test_a_loss_names_the_line_that_does_not_survive(tmp_path: Path) -> None:
    text = replaced("at_least: 2", "at_least: 3")(SHOP)
    said = survives(text, tmp_path)
    assert [loss for loss, survival in said.items() if not survival["survives"]] == ["us-west-2"]
    assert [each["line"] for each in said["us-west-2"]["because"]] == [line_of(text, ("region_impaired", 1))]


def test_what_only_failback_cannot_do_without_counts_for_the_standby(tmp_path: Path) -> None:
    text = replaced("url: https://api.unicorn", "url: https://api.us-west-1.unicorn")(SHOP)
    said = survives(text, tmp_path)
    assert [loss for loss, survival in said.items() if not survival["survives"]] == ["the standby"]


def test_a_failback_that_is_written_out_may_need_both_regions_and_says_so(tmp_path: Path) -> None:
    text = with_failback(*range(7))(SHOP)
    before, after = text.split("\nfailback:\n")
    promotion = "lose_at_most: 30s"
    changed = after.replace(f"region: $to\n      {promotion}", f"region: $from\n      {promotion}")
    assert changed != after
    found = findings(f"{before}\nfailback:\n{changed}", tmp_path)
    (finding,) = (each for each in found if each["rule"] == "dark")
    assert (finding["rule"], finding["severity"]) == ("dark", "warning")
    assert not survives(f"{before}\nfailback:\n{changed}", tmp_path)["the standby"]["survives"]


def test_a_global_control_plane_is_an_error_wherever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookup = dataclasses.replace(
        arc_controls.GET,
        action="route53-recovery-control-config:DescribeCluster",
        plane="control",
        home="us-west-2",
    )
    monkeypatch.setattr(arc_controls.ArcControls, "reads", (arc_controls.GET, lookup))
    found = findings(SHOP, tmp_path)
    line = line_of(SHOP, ("arc_controls", 1))
    assert {(f["rule"], f["line"], f["severity"]) for f in found} == {
        ("control-plane", line, "error"),
        ("dark", line, "error"),
    }
    assert [loss for loss, survival in survives(SHOP, tmp_path).items() if not survival["survives"]] == [
        "us-west-2"
    ]


def test_every_call_is_listed_with_its_plane_and_its_regions() -> None:
    said = json.loads(lint(str(RUNBOOK), "--json").stdout)["calls"]["unicorn-shop"]
    by_step = {(each["procedure"], each["line"], each["operation"]): each for each in said if each["seen"]}
    fence = by_step["failover", line_of(SHOP, ("lambda_concurrency", 1)), "GetFunctionConcurrency"]
    assert (fence["plane"], fence["regions"], fence["touches_from"]) == ("control", ["us-east-1"], True)
    assert fence["tolerated"].keys() == {"us-east-1"}
    restore = by_step["failover", line_of(SHOP, ("lambda_concurrency", 2)), "GetFunctionConcurrency"]
    assert (restore["regions"], restore["touches_from"], restore["tolerated"]) == (["us-west-1"], False, {})
    arc = by_step["failback", line_of(SHOP, ("arc_controls", 1)), "GetRoutingControlState"]
    assert arc["plane"] == "data"
    assert len(arc["regions"]) == 5


# The command line.


def test_warnings_alone_end_well_and_errors_do_not(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(step(APPROVE, "within: 15m", "within: 21m")(SHOP))
    result = lint(str(path))
    assert result.exit_code == 0
    assert "warning: approval may wait for 21m, and the rto is 20m" in result.stdout
    assert "unicorn-shop  survives  the loss of the primary (us-east-1)  by failover" in result.stdout
    assert result.stdout.endswith("1 warning\n")
    text = step(DATA, "region: $to", "region: $from")(SHOP)
    path.write_text(text)
    result = lint(str(path))
    assert result.exit_code == 1
    at = f"{path}:{line_of(text, ('aurora_writer', 1))}"
    assert f"{at}: error: aurora_writer needs rds:DescribeGlobalClusters" in result.stdout
    assert f"unicorn-shop  does not survive  the loss of the primary (us-east-1)  {at}" in result.stdout


def test_without_a_name_every_runbook_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runbooks").mkdir()
    for name in ("unicorn-shop", "other-shop"):
        text = SHOP.replace("application: unicorn-shop", f"application: {name}")
        (tmp_path / "runbooks" / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert list(json.loads(lint("--json").stdout)["survives"]) == ["other-shop", "unicorn-shop"]
    assert list(json.loads(lint("other-shop", "--json").stdout)["survives"]) == ["other-shop"]
    assert lint("other-shop", "--calls").stdout.count("region_impaired") > 4
    unknown = lint("third-shop")
    assert unknown.exit_code == 2
    assert "the applications here are: other-shop, unicorn-shop" in unknown.stderr


# What functions/ say of AWS is what the twin, which must not ask them, does.


def test_the_facts_about_aws_are_those_of_the_twin() -> None:
    assert REGION_SETS == strong_table.REGION_SETS
    assert set(HOMES) == set(homes().values())


def test_every_call_to_a_global_control_plane_declares_its_home() -> None:
    for kind in steps().values():
        for api in (*kind.reads, *kind.writes):
            if api.service in homes():
                assert (api.home, api.plane) == (homes()[api.service], "control"), (
                    f"{kind.name}: {api.action}"
                )


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("http://active-primary-uibucket.s3-website-us-east-1.amazonaws.com/config.json", "us-east-1"),
        ("http://bucket.s3-website.ap-southeast-3.amazonaws.com/", "ap-southeast-3"),
        ("https://aaaaaaaa.route53-recovery-cluster.ap-northeast-1.amazonaws.com/v1", "ap-northeast-1"),
        ("https://api.shop.example/us-east-1", None),
        ("arn:aws:sns:us-gov-west-1:123456789012:pages", "us-gov-west-1"),
        ("arn:aws:route53-recovery-control::123456789012:controlpanel/0/routingcontrol/us-east-1", None),
        ("unicorn-shop-east", None),
    ],
)
def test_an_address_names_its_region(address: str, region: str | None) -> None:
    assert named_region(address) == region


# What lint says about the dark, a rehearsal shows.


def test_what_an_ungraceful_run_calls_is_what_lint_said_that_it_would() -> None:
    runbook = load(RUNBOOK)
    rehearsal = Rehearsal(runbook, "ungraceful", "us-east-1", 1, lambda moment: None)
    made: set[tuple[str, str, str]] = set()

    def note(request: Request) -> None:
        """Until the failback, which is graceful, and may ask the Region that is left."""
        if not any(procedure == "failback" for procedure, _ in rehearsal.simulation.executions.values()):
            made.add((request.caller, request.operation, request.region))

    with rehearsal:
        rehearsal.simulation.cloud.faults.injectors.append(note)
        report = rehearsal.play()
    assert [(run.procedure, run.status) for run in report.runs[:1]] == [("failover", "SUCCEEDED")]
    said = {
        (function_name(reach.placed.name), reach.api.operation_name, region)
        for reach in judged(runbook).reaches
        if reach.procedure == "failover"
        for region in reach.regions
    }
    # Where a request goes, its host's name decides on the day; of the ledger two of three replicas live.
    aside = {"GET", "POST", "Query", "PutItem", "DeleteItem"}
    functions = {name for name, _, _ in said}
    assert {call for call in made if call[0] in functions and call[1] not in aside} <= said
    assert {name for name, _, _ in made} >= functions


def test_a_run_that_lint_says_does_not_end_does_not_end() -> None:
    one = tuple(load(RUNBOOK).procedures["failover"])
    arc = next(line for line in one if isinstance(line, Line) and line.step == "arc_controls")
    endpoints = {"us-east-1": arc.inputs["endpoints"]["us-east-1"]}
    lonely = dataclasses.replace(arc, inputs={**arc.inputs, "endpoints": endpoints})
    runbook = load(RUNBOOK)
    failover = tuple(lonely if line is arc else line for line in one)
    runbook = dataclasses.replace(runbook, procedures={**runbook.procedures, "failover": failover})
    assert [v.loss for v in judged(runbook).survivals if v.because] == ["us-east-1", "the primary"]
    rehearsal = Rehearsal(runbook, "ungraceful", "us-east-1", 1, lambda moment: None)
    with rehearsal:
        report = rehearsal.play()
    (failover_run,) = (run for run in report.runs if run.procedure == "failover")
    assert failover_run.status == "FAILED"
    assert failover_run.why.startswith("Refused: arc_controls")


# What is held for a run is given back by it.

HOLD = "  - freeze: {rules: [{at: $from, name: nightly}, {at: $to, name: nightly}], held: true}\n"
GIVE_BACK = HOLD.replace("held: true", "held: restore")
FIRST, LAST = "  - lambda_concurrency:\n", "  - synthetic_write:\n"


def test_what_is_held_in_both_regions_and_given_back_at_the_end_is_well_in_the_dark_too(
    tmp_path: Path,
) -> None:
    text = SHOP.replace(FIRST, HOLD + FIRST, 1).replace(LAST, GIVE_BACK + LAST)
    assert findings(text, tmp_path) == []


def test_what_is_held_and_never_given_back_or_too_early_is_found(tmp_path: Path) -> None:
    for text in (SHOP.replace(FIRST, HOLD + FIRST, 1), SHOP.replace(FIRST, GIVE_BACK + HOLD + FIRST, 1)):
        found = findings(text, tmp_path)
        assert "fence" in [each["rule"] for each in found]
        said = next(each for each in found if each["rule"] == "fence")
        assert said["what"].endswith("for the run, and nothing gives it back at its end")
        assert said["instead"] == "write freeze again at the end, held: restore"


def test_what_is_given_back_and_never_held_is_found(tmp_path: Path) -> None:
    (found,) = findings(SHOP.replace(LAST, GIVE_BACK + LAST), tmp_path)
    assert (found["rule"], found["instead"]) == ("restore", "write that line, or remove it here")
