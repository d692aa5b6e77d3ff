"""A topology: what is so of an application besides its runbook, for the twin that is furnished from that.

It stands beside the runbook, NAME.topology.yaml beside NAME.yaml, and is found there. Nothing that is
deployed depends on it. What it does not say is assumed as without it. It is read as strictly as a runbook:
what it names must be there, and every mistake is said at once.

Errors: `Mistakes`, each with file, line, what is wrong and what would be right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from functions.inputs import AwsRegion, Seconds, UrlPath

from .document import List, Map, Node, Scalar, found, read
from .mistakes import Mistake, Mistakes, quoted
from .registry import inputs
from .values import Reader
from .wording import did_you_mean, nearest, one_of, the_first

SUFFIX = ".topology.yaml"
MISNAMED = ".topology.yml"
MARKER = "{marker}"
"""Stands for a text of one write alone, as in a runbook."""
BOTH = "both"
MOST_CUSTOMERS = 1000
SOONEST, LATEST = 1, 60
"""Seconds from a visit to the next, as `every` has them: what customers felt is no finer than that."""
TOP = Scalar("", True, 1, 0)


@dataclass(frozen=True)
class Customers:
    """Who comes."""

    count: Annotated[int, "how many there are"] = 7
    stale: Annotated[int, "how many of them never look a name up again"] = 1
    every: Annotated[
        Seconds, "1s to 60s: how long after a visit each comes again, give or take half of it"
    ] = Seconds(4)


@dataclass(frozen=True)
class Entry:
    """What customers write, what lets it in, and which data keep it."""

    write: Annotated[UrlPath, "the path that customers POST to"]
    host: Annotated[str, "which of the hosts that customers call; as the runbook verifies this path"] = ""
    body: Annotated[str, "what they send, with {marker} in it; as the runbook verifies this path"] = ""
    read: Annotated[UrlPath | None, "where it is read back, with {marker} in it; the same"] = None
    through: Annotated[
        tuple[str, ...],
        "functions, services or groups of the runbook that let it in, and no others of their kind; all",
    ] = ()
    data: Annotated[
        tuple[str, ...], "tables and global databases of the runbook that keep it, and no others; all"
    ] = ()


@dataclass(frozen=True)
class Topology:
    """One file. What is left out is assumed."""

    path: str
    customers: Annotated[Customers, "how many, and how often they come"] = field(default_factory=Customers)
    hosts: Annotated[
        Mapping[str, AwsRegion | Literal["both"]],
        "hosts of the runbook's URLs: the Region to which each leads, or both where customers call it",
    ] = field(default_factory=dict)
    entries: Annotated[tuple[Entry, ...], "what customers do, in turn"] = ()


@dataclass(frozen=True)
class Names:
    """What a runbook names that a topology may speak of."""

    regions: tuple[str, ...]
    hosts: Mapping[str, str]
    """Of all its URLs: the Region to which each leads, or both where customers call it, as far as it says."""
    lets_in: Mapping[str, Mapping[str, Set[str]]]
    """What lets customers' requests in: by the type of name, by name, its Regions."""
    data: Sequence[str]


def beside(runbook: str | Path) -> Path:
    """Where the topology of the runbook of this path stands, if it has one."""
    path = Path(runbook)
    return path.with_name(f"{path.stem}{SUFFIX}")


def of(runbook: str | Path) -> Path | None:
    """The topology of the runbook of this path; None where it has none.

    A link that leads nowhere is one, too: it is read, and refused. Raises Mistakes where the topology that
    was meant has a name by which none is found.
    """
    path = beside(runbook)
    if _is_there(path):
        return path
    other = path.with_suffix(".yml")
    if wrong := [*([misnamed(other)] if _is_there(other) else []), *map(orphan, _meant_for(path))]:
        raise Mistakes(wrong)
    return None


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _meant_for(path: Path) -> Iterator[Path]:
    """Topologies in this folder without a runbook, whose names are all but this path's."""
    for other in sorted(path.parent.glob(f"*{SUFFIX}")):
        name = other.name.removesuffix(SUFFIX)
        alone = not any(other.with_name(f"{name}{suffix}").exists() for suffix in (".yaml", ".yml"))
        if alone and nearest(name, [path.name.removesuffix(SUFFIX)]):
            yield other


def misnamed(path: Path) -> Mistake:
    return Mistake(str(path), 0, "not read as a topology", f"name it {path.stem}.yaml")


def orphan(path: Path) -> Mistake:
    instead = "name it as its runbook: NAME.topology.yaml beside NAME.yaml"
    return Mistake(str(path), 0, "a topology, and no runbook beside it", instead)


def is_one(path: Path) -> bool:
    """By its name."""
    return path.name.endswith((SUFFIX, MISNAMED))


def written() -> list[Any]:
    """What may be written in one."""
    return [each for each in inputs(Topology) if each.doc]


def load(path: Path, names: Names) -> Topology:
    """The topology of one file. Raises Mistakes."""
    if path.is_dir():
        what = "this is a directory, and would be the topology of the runbook beside it"
        raise Mistakes([Mistake(str(path), 0, what, "take it away, or name it otherwise")])
    draft = _Draft(path, names)
    topology = draft.topology()
    if topology is None:
        raise Mistakes(draft.reader.mistakes)
    return topology


class _Draft:
    """One file on its way to a Topology."""

    def __init__(self, path: Path, names: Names) -> None:
        self.path, self.names = path, names
        self.reader = Reader(str(path), [], names.regions)

    def topology(self) -> Topology | None:
        root = read(self.path, self.reader.mistakes, "topology", "customers, hosts or entries")
        if root is None:
            return None
        if not isinstance(root, Map):
            what = f"expected a mapping of customers, hosts or entries, found {found(root)}"
            self.reader.wrong(root, what, "write `customers: {count: 40}`")
            return None
        said = self.reader.fields(TOP, root, written(), "key", "the topology")
        self._customers(_under(root, "customers"), said.get("customers") or {})
        self._entries(_under(root, "entries"), self._hosts(_under(root, "hosts")))
        if self.reader.mistakes:
            return None
        return Topology(
            str(self.path),
            Customers(**said.get("customers", {})),
            said.get("hosts", {}),
            tuple(_entry(each) for each in said.get("entries", ())),
        )

    def _customers(self, node: Node | None, said: Mapping[str, Any]) -> None:
        """Some come, of whom some look names up again: what those felt is the RTO."""
        count, stale = (said.get(name, getattr(Customers, name)) for name in ("count", "stale"))
        if count is not None and not 1 <= count <= MOST_CUSTOMERS:
            what = f"count: {count} customers"
            self._once(_under(node, "count"), what, f"write 1 to {MOST_CUSTOMERS:,}")
        elif None not in (count, stale) and stale >= count:
            what = f"stale: {stale} of {count} customers, and the RTO is what the others feel"
            at = _under(node, "stale") or _under(node, "count")
            self._once(at, what, f"write stale: {count - 1}, or fewer")
        every = _under(node, "every")
        if isinstance(every, Scalar) and not SOONEST <= (said.get("every") or 0) <= LATEST:
            what = f"every: customers who come again after {quoted(every.text)}"
            self._rather(every, what, f"write {SOONEST}s to {LATEST}s")

    def _hosts(self, node: Node | None) -> Mapping[str, str]:
        """Where every host leads, as `Names.hosts`."""
        known, places = self.names.hosts, (*self.names.regions[:2], BOTH)
        leads = dict(known)
        for host, entry in node.entries.items() if isinstance(node, Map) else ():
            if host not in known:
                what = f"hosts: no URL of the runbook has the host {quoted(host)}"
                self._once(entry.key, what, self._meant(host, list(known), "it has"))
            elif isinstance(entry.value, Scalar) and entry.value.text in places:
                leads[host] = entry.value.text
            elif isinstance(entry.value, Scalar):
                what = f"hosts.{host}: {quoted(entry.value.text)} is no Region of the application"
                self._rather(entry.value, what, f"write {one_of(places)}")
        if (called := _called(known)) and not _called(leads):
            what = "hosts: no host is left that customers call"
            self._once(node, what, f"write {called[0]}: {BOTH}, or leave it out")
        return leads

    def _entries(self, listed: Node | None, leads: Mapping[str, str]) -> None:
        first: dict[str, Map] = {}
        for node in listed.items if isinstance(listed, List) else ():
            if not isinstance(node, Map):
                continue
            write = _under(node, "write")
            if isinstance(write, Scalar):
                self._write(write)
                if (other := first.setdefault(write.text, node)) is not node:
                    what = f"write: {quoted(write.text)} stands in line {other.line} already"
                    self._once(node, what, "write one entry for it")
            for name in ("body", "read"):
                text = _under(node, name)
                if isinstance(text, Scalar) and MARKER not in text.text:
                    self._once(text, f"{name} lacks {MARKER}", "put it in: each write has its own")
            self._host(_under(node, "host"), leads)
            self._through(_under(node, "through"))
            for each in _texts(_under(node, "data")):
                if each.text not in self.names.data:
                    what = f"data: the runbook has no table or global database {quoted(each.text)}"
                    self._once(each, what, self._meant(each.text, self.names.data, "it has"))

    def _write(self, node: Scalar) -> None:
        if MARKER in node.text:
            instead = "put it in the body: all writes go to one path"
            self._once(node, f"write: {quoted(node.text)} has {MARKER} in it", instead)
        elif "?" in node.text:
            path = node.text.partition("?")[0]
            self._once(node, f"write: {quoted(node.text)} is more than a path", f"write {path}")

    def _host(self, node: Node | None, leads: Mapping[str, str]) -> None:
        if not isinstance(node, Scalar) or leads.get(node.text) == BOTH:
            return
        if node.text not in leads:
            what = f"host: no URL of the runbook has the host {quoted(node.text)}"
            self._once(node, what, self._meant(node.text, _called(leads), "customers call"))
            return
        region = leads[node.text]
        whose = "the runbook has it" if self.names.hosts[node.text] == region else "hosts says"
        what = f"host: {node.text} leads to {region} alone, as {whose}"
        self._once(node, what, f"write a host that customers call, or in hosts {node.text}: {BOTH}")

    def _through(self, node: Node | None) -> None:
        known = {name: type for type, names in self.names.lets_in.items() for name in names}
        mine: dict[str, set[str]] = {}
        for each in _texts(node):
            if each.text not in known:
                what = f"through: nothing of the runbook that lets customers in is {quoted(each.text)}"
                self._once(each, what, self._meant(each.text, list(known), "there are"))
            else:
                type = known[each.text]
                mine.setdefault(type, set()).update(self.names.lets_in[type][each.text])
        for type, regions in mine.items():
            everywhere = {region for its in self.names.lets_in[type].values() for region in its}
            if node is not None and (missing := sorted(everywhere - regions)):
                others = [name for name, its in self.names.lets_in[type].items() if its & set(missing)]
                what = (
                    f"through: nothing of it is in {' and '.join(missing)}, where the runbook has such, too"
                )
                self._once(node, what, f"add {one_of(others)}")

    def _meant(self, word: str, known: Sequence[str], otherwise: str) -> str:
        if not known:
            return "leave it out: there is none"
        near = nearest(word, known)
        return did_you_mean(near, known, otherwise) if near else f"{otherwise} {the_first(known)}"

    def _once(self, node: Node | None, what: str, instead: str) -> None:
        """Unless something is said of that very place already."""
        if node is not None and not any(_is_at(node, it) for it in self.reader.mistakes):
            self.reader.wrong(node, what, instead)

    def _rather(self, node: Node, what: str, instead: str) -> None:
        """In place of what is said of that very place already."""
        self.reader.mistakes[:] = [it for it in self.reader.mistakes if not _is_at(node, it)]
        self.reader.wrong(node, what, instead)


def _is_at(node: Node, mistake: Mistake) -> bool:
    return (mistake.line, mistake.column) == (node.line, node.column)


def _called(leads: Mapping[str, str]) -> list[str]:
    """The hosts that customers call."""
    return [host for host, where in leads.items() if where == BOTH]


def _entry(said: Mapping[str, Any]) -> Entry:
    plain: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in said.items()}
    return Entry(**plain)


def _under(node: Node | None, name: str) -> Node | None:
    return node.entries[name].value if isinstance(node, Map) and name in node.entries else None


def _texts(node: Node | None) -> Iterator[Scalar]:
    yield from (each for each in node.items if isinstance(each, Scalar)) if isinstance(node, List) else ()
