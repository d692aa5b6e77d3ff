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
from urllib.parse import urlsplit

from functions.inputs import AwsRegion, Origin, Seconds, UrlPath

from .document import List, Map, Node, Scalar, found, read
from .mistakes import Mistakes, quoted
from .registry import inputs
from .values import Reader
from .wording import did_you_mean, nearest, one_of, the_first

SUFFIX = ".topology.yaml"
MARKER = "{marker}"
"""Stands for a text of one write alone, as in a runbook."""
BOTH = "both"
MOST_CUSTOMERS = 1000
TOP = Scalar("", True, 1, 0)


@dataclass(frozen=True)
class Customers:
    """Who comes."""

    count: Annotated[int, "how many there are"] = 7
    stale: Annotated[int, "how many of them never look a name up again"] = 1
    every: Annotated[Seconds, "how long after a visit each comes again, give or take half of it"] = Seconds(4)


@dataclass(frozen=True)
class Entry:
    """What customers write, what lets it in, and which data keep it."""

    write: Annotated[UrlPath, "the path that customers POST to"]
    url: Annotated[Origin | None, "scheme and host that they call; as the runbook has it"] = None
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
    hosts: Sequence[str]
    """Of all its URLs."""
    called: Sequence[str]
    """Those of them that customers call, as far as the runbook says."""
    lets_in: Mapping[str, Mapping[str, Set[str]]]
    """What lets customers' requests in: by the type of name, by name, its Regions."""
    data: Sequence[str]


def beside(runbook: str | Path) -> Path:
    """Where the topology of the runbook of this path stands, if it has one."""
    path = Path(runbook)
    return path.with_name(f"{path.stem}{SUFFIX}")


def is_one(path: Path) -> bool:
    """By its name."""
    return path.name.endswith(SUFFIX)


def written() -> list[Any]:
    """What may be written in one."""
    return [each for each in inputs(Topology) if each.doc]


def load(path: Path, names: Names) -> Topology:
    """The topology of one file. Raises Mistakes."""
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
        self._customers(root, said.get("customers") or {})
        self._hosts(root)
        self._entries(root, said.get("hosts") or {})
        if self.reader.mistakes:
            return None
        return Topology(
            str(self.path),
            Customers(**said.get("customers", {})),
            said.get("hosts", {}),
            tuple(_entry(each) for each in said.get("entries", ())),
        )

    def _customers(self, root: Map, said: Mapping[str, Any]) -> None:
        at = _under(_under(root, "customers"), "count"), _under(_under(root, "customers"), "stale")
        count, stale = (said.get(name, getattr(Customers, name)) for name in ("count", "stale"))
        if at[0] is not None and count is not None and not 1 <= count <= MOST_CUSTOMERS:
            what = f"count: {count} customers"
            self.reader.wrong(at[0], what, f"write 1 to {MOST_CUSTOMERS:,}")
        elif at[1] is not None and None not in (count, stale) and stale > count:
            self.reader.wrong(at[1], f"stale: {stale} of {count} customers", "write no more than there are")
        every = _under(_under(root, "customers"), "every")
        if every is not None and said.get("every") == 0:
            self.reader.wrong(every, "every: customers who never pause stop the clock", "write 4s, say")

    def _hosts(self, root: Map) -> None:
        hosts, known = _under(root, "hosts"), self.names.hosts
        for host, entry in hosts.entries.items() if isinstance(hosts, Map) else ():
            if host not in known:
                what = f"hosts: no URL of the runbook has the host {quoted(host)}"
                self.reader.wrong(entry.key, what, self._meant(host, known, "it has"))
            value = entry.value
            if isinstance(value, Scalar) and value.text not in (*self.names.regions[:2], BOTH):
                what = f"hosts.{host}: {quoted(value.text)} is no Region of the application"
                self._once(value, what, f"write {one_of([*self.names.regions[:2], BOTH])}")

    def _entries(self, root: Map, hosts: Mapping[str, str]) -> None:
        listed = _under(root, "entries")
        first: dict[str, int] = {}
        for node in listed.items if isinstance(listed, List) else ():
            if not isinstance(node, Map):
                continue
            write = _under(node, "write")
            if isinstance(write, Scalar) and first.setdefault(write.text, write.line) != write.line:
                what = f"write: {quoted(write.text)} stands in line {first[write.text]} already"
                self.reader.wrong(write, what, "write one entry for it")
            for name in ("body", "read"):
                text = _under(node, name)
                if isinstance(text, Scalar) and MARKER not in text.text:
                    self.reader.wrong(text, f"{name} lacks {MARKER}", "put it in: each write has its own")
            self._url(_under(node, "url"), hosts)
            self._through(_under(node, "through"))
            for each in _texts(_under(node, "data")):
                if each.text not in self.names.data:
                    what = f"data: the runbook has no table or global database {quoted(each.text)}"
                    self.reader.wrong(each, what, self._meant(each.text, self.names.data, "it has"))

    def _url(self, node: Node | None, hosts: Mapping[str, str]) -> None:
        host = host_of(node.text) if isinstance(node, Scalar) else ""
        if not host:
            return
        assert node is not None
        if hosts.get(host, BOTH) != BOTH:
            what = f"url: {host} leads to {hosts[host]} alone, as hosts says"
            self.reader.wrong(node, what, f"write the host that customers call, or {host}: {BOTH}")
        elif self.names.called and host not in self.names.hosts:
            what = f"url: no URL of the runbook has the host {quoted(host)}"
            self.reader.wrong(node, what, self._meant(host, self.names.hosts, "it has"))

    def _through(self, node: Node | None) -> None:
        known = {name: type for type, names in self.names.lets_in.items() for name in names}
        mine: dict[str, set[str]] = {}
        for each in _texts(node):
            if each.text not in known:
                what = f"through: nothing of the runbook that lets customers in is {quoted(each.text)}"
                self.reader.wrong(each, what, self._meant(each.text, list(known), "there are"))
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
                self.reader.wrong(node, what, f"add {one_of(others)}")

    def _meant(self, word: str, known: Sequence[str], otherwise: str) -> str:
        if not known:
            return "leave it out: there is none"
        near = nearest(word, known)
        return did_you_mean(near, known, otherwise) if near else f"{otherwise} {the_first(known)}"

    def _once(self, node: Node, what: str, instead: str) -> None:
        """Unless something is said of that very place already."""
        if not any((it.line, it.column) == (node.line, node.column) for it in self.reader.mistakes):
            self.reader.wrong(node, what, instead)


def host_of(url: str) -> str:
    """Without scheme, port and path."""
    return urlsplit(url).hostname or ""


def _entry(said: Mapping[str, Any]) -> Entry:
    plain: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in said.items()}
    return Entry(**plain)


def _under(node: Node | None, name: str) -> Node | None:
    return node.entries[name].value if isinstance(node, Map) and name in node.entries else None


def _texts(node: Node | None) -> Iterator[Scalar]:
    yield from (each for each in node.items if isinstance(each, Scalar)) if isinstance(node, List) else ()
