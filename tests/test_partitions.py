"""A runbook in another partition of AWS: its ARNs and endpoints are of that one, and none is mixed in."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from farshore.cli import farshore
from farshore.compile.machine import machines
from farshore.compile.samples import events
from farshore.compile.template import with_derived_part
from farshore.operate.permissions import PERMISSIONS
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes
from farshore.runbook.regions import partitions
from functions.steps.s3_public_access import S3PublicAccess

ROOT = Path(__file__).parent.parent
PAIRS = {
    "aws": ("us-east-1", "us-west-1"),
    "aws-us-gov": ("us-gov-east-1", "us-gov-west-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
}
TEXT = """\
application: shop
regions: {primary: PRIMARY, standby: STANDBY}
objectives: {rto: 20m, rpo: 30s}
triggers:
  - {alarm: canary, mode: ungraceful}
failover:
  - region_impaired:
      region: $from
      at_least: 1
      of: [{alarm: canary, at: STANDBY}, {alarm: latency, at: STANDBY}]
  - approval:
      topics:
        PRIMARY: arn:PARTITION:sns:PRIMARY:123456789012:pages
        STANDBY: arn:PARTITION:sns:STANDBY:123456789012:pages
      within: 15m
  - lambda_concurrency: {functions: [buy], region: $from, reserved: 0}
  - aurora_writer:
      cluster: shop
      members: {PRIMARY: one, STANDBY: other}
      region: $to
      lose_at_most: 30s
  - lambda_concurrency: {functions: [buy], region: $to, reserved: restore}
outage:
  - s3_public_access: {buckets: {PRIMARY: pages-one, STANDBY: pages-other}, region: $from, blocked: true}
"""


def written(folder: Path, partition: str) -> Path:
    path = folder / "shop.yaml"
    primary, standby = PAIRS[partition]
    words = {"PARTITION": partition, "PRIMARY": primary, "STANDBY": standby}
    path.write_text(re.sub("PARTITION|PRIMARY|STANDBY", lambda found: words[found[0]], TEXT))
    return path


@pytest.mark.parametrize("partition", PAIRS)
def test_every_arn_that_is_compiled_is_of_the_runbooks_partition(tmp_path: Path, partition: str) -> None:
    runbook = load(written(tmp_path, partition))
    made = machines(runbook)
    template = with_derived_part(
        "template.yaml",
        (ROOT / "template.yaml").read_text(),
        [(runbook, machine) for machine in made],
        PERMISSIONS,
    )
    texts = [json.dumps(machine.definition) for machine in made]
    texts += [json.dumps(event) for event in events(made).values()]
    assert set(re.findall(r"arn:(aws[a-z-]*):", "".join(texts))) == {partition}
    resources, _, _ = template.partition("\nParameters:\n")
    assert set(re.findall(r"arn:([^:\s]+(?:::Partition})?):", resources)) == {partition, "${AWS::Partition}"}


@pytest.mark.parametrize("partition", PAIRS)
def test_a_website_is_asked_for_where_its_partition_has_it(partition: str) -> None:
    regions = PAIRS[partition]
    step = S3PublicAccess(region=regions[1], buckets=dict.fromkeys(regions, "pages"), blocked=True)  # type: ignore[arg-type]
    assert step.website.endswith(".amazonaws.com.cn/") is (partition == "aws-cn")


@pytest.mark.parametrize("partition", [each for each in PAIRS if each != "aws"])
@pytest.mark.parametrize("verb", ["compile", "rehearse"])
def test_where_no_ledger_can_be_a_runbook_is_refused_with_that_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partition: str, verb: str
) -> None:
    folder = tmp_path / "runbooks"
    folder.mkdir()
    written(folder, partition)
    (tmp_path / "template.yaml").write_text((ROOT / "template.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    done = CliRunner(mix_stderr=False).invoke(farshore, [verb, *(["shop"] if verb == "rehearse" else [])])
    assert isinstance(done.exception, Mistakes), done.output
    assert (
        "shop.yaml:2: regions: AWS has no table of multi-Region strong consistency in the partition "
        f"{partition}: the ledger must be one" in str(done.exception)
    )


@pytest.mark.parametrize("ledger", ["", "ledger: {regions: [us-east-1, us-east-2, us-west-2]}\n"])
def test_a_runbook_that_mixes_partitions_is_refused(tmp_path: Path, ledger: str) -> None:
    path = written(tmp_path, "aws-cn")
    path.write_text(path.read_text().replace("arn:aws-cn:sns", "arn:aws:sns", 1) + ledger)
    with pytest.raises(Mistakes) as refused:
        load(path)
    assert "is in the partition aws" in str(refused.value)


def test_every_region_of_a_pair_is_in_its_partition() -> None:
    assert {partition: {partitions()[region] for region in pair} for partition, pair in PAIRS.items()} == {
        partition: {partition} for partition in PAIRS
    }
