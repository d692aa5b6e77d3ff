"use strict";
// Draws the newest state that the server sends, and sends what a person does. It keeps nothing of its own.

const $ = (id) => document.getElementById(id);
const ENDED_BADLY = new Set(["Refused", "Untouched", "Aborted"]);
const LONG_LAG = 10;
const MARKS = { "": "·", waiting: "▸", unknown: "?" };
let state = null;
let asked = "";
let events = null;

function text(node, said) {
  if (node.textContent !== said) node.textContent = said;
}

function name(node, classes) {
  if (node.className !== classes) node.className = classes;
}

function make(tag, classes = "", said = "") {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  if (said) node.textContent = said;
  return node;
}

// Makes the children of a list those of the items: what is there is changed, so that the focus stays.
function list(parent, items, build, change) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  items.forEach((item, at) => {
    if (at >= parent.children.length) parent.append(build(item));
    change(parent.children[at], item);
  });
}

function options(select, values, says, chosen) {
  const wanted = values.map(String);
  const there = [...select.options].map((option) => option.value);
  if (wanted.join("\n") !== there.join("\n")) {
    select.replaceChildren(...values.map((value) => new Option(says(value), value)));
    if (chosen !== undefined) select.value = String(chosen);
  }
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const shown = (seconds) => (seconds < 60 ? `${seconds.toFixed(1)} s` : `${clock(seconds)} min`);

async function act(does, what = "", how = "") {
  try {
    const answer = await fetch("act", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ do: does, what, how }),
    });
    if (!answer.ok) say(await answer.text(), true);
  } catch {
    say("The rehearsal does not answer: has it been stopped in its terminal?", true);
  }
}

function say(said, bad = false) {
  text($("status"), said);
  name($("status"), bad ? "bad" : "");
}

function drawHead() {
  const { scene, begun, paused, verdict } = state;
  text($("application"), state.application);
  text($("clock"), clock(scene.at));
  text($("doing"), verdict ? "" : scene.doing);
  $("begin").hidden = begun || Boolean(verdict);
  $("pause").hidden = !begun || Boolean(verdict);
  text($("pause"), paused ? "Go on" : "Pause");
  $("step").hidden = !begun || !paused || Boolean(verdict);
  $("end").hidden = !begun || Boolean(verdict);
  $("leave").hidden = !verdict;
  options($("pace"), state.paces, (pace) => `${pace}×`);
  if (document.activeElement !== $("pace")) $("pace").value = String(state.pace);
  document.title = `${clock(scene.at)} ${state.application}: rehearsal`;
}

function drawCustomers() {
  const { done, failed, fared } = state.scene;
  const tries = done + failed;
  text($("share"), tries ? `${Math.round((100 * done) / tries)} %` : "–");
  name($("share").parentElement, tries && done / tries < 0.95 ? "figure bad" : "figure");
  const said = tries ? `of visits went well in the last half minute: ${done} of ${tries}` : "nobody has come yet";
  text($("visits"), said);
  const last = fared.length ? fared[fared.length - 1].at : 0;
  const points = fared.map((each) => {
    const all = each.done + each.failed;
    return [1440 - (last - each.at), 97 - (all ? each.done / all : 0) * 94];
  });
  const way = points.map(([x, y]) => `${x.toFixed(0)},${y.toFixed(1)}`).join("L");
  $("rate").setAttribute("d", way && `M${way}`);
  $("area").setAttribute("d", way && `M${points[0][0].toFixed(0)},100L${way}L1440,100Z`);
  text($("line-says"), `Success rate of customers' visits: now ${$("share").textContent}`);
}

function drawRegion(node, [region, it]) {
  const { away } = it;
  name(node, `region ${away ? "away" : it.has_customers ? "active" : "standby"}`);
  node.dataset.region = region;
  const [title, facts] = node.children;
  text(title.children[0], region);
  text(title.children[1], away ? `${away}: ${state.scene.hands.hows[away]}` : it.has_customers ? "customers are here" : "stands by");
  const tries = it.done + it.failed;
  const rows = [
    ["visits", `${it.done} went well`, ""],
    ["errors", tries ? `${it.failed} of ${tries}` : "none", it.failed ? "bad" : ""],
    ["latency", it.latency === null ? "–" : `${(1000 * it.latency).toFixed(0)} ms a visit`, ""],
    ["writes", `${it.writes} taken`, ""],
    ...(away ? [] : it.rows).map((row) => [row.name, row.says, row.lag > LONG_LAG ? "bad" : row.serves ? "good" : ""]),
  ];
  list(facts, rows.flatMap(([what, says, tone]) => [["dt", what, ""], ["dd", says, tone]]),
    ([tag]) => make(tag),
    (fact, [, says, tone]) => { text(fact, says); name(fact, tone); });
}

function drawRegions() {
  list($("regions"), Object.entries(state.scene.regions), () => {
    const node = make("article");
    const title = make("h2");
    title.append(make("span"), make("span", "pill"));
    node.append(title, make("dl"));
    return node;
  }, drawRegion);
}

// Regions and what lies between them, then what each Region has.
function drawPlugs() {
  const { plugs } = state.scene.hands;
  if (!$("plugs").children.length) buildPlugs(plugs);
  const off = !state.begun || Boolean(state.verdict);
  for (const plug of plugs) {
    const button = $(`plug ${plug.name}`);
    button.setAttribute("aria-pressed", String(Boolean(plug.how)));
    button.disabled = off;
  }
}

function buildPlugs(plugs) {
  const groups = new Map();
  for (const plug of plugs) {
    const key = plug.region || "Between the Regions";
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(plug);
  }
  for (const [key, mine] of groups) {
    const group = make("fieldset", "group");
    const first = make("div");
    const rest = make("details");
    const services = make("div");
    rest.append(make("summary", "", "A service of it"), services);
    for (const plug of mine) {
      const button = make("button", "", `${plug.verb[0].toUpperCase()}${plug.verb.slice(1)} ${plug.what}`);
      button.id = `plug ${plug.name}`;
      button.type = "button";
      button.addEventListener("click", () => {
        const pulled = button.getAttribute("aria-pressed") === "true";
        act(pulled ? "mend" : "pull", plug.name, $("how").value);
      });
      (plug.kind === "service" ? services : first).append(button);
    }
    group.append(make("legend", "", key), first);
    if (services.children.length) group.append(rest);
    $("plugs").append(group);
  }
}

function drawRun() {
  const { run, hands } = state.scene;
  text($("run-name"), run.name);
  const rows = [];
  let moved = false;
  for (const line of run.states) {
    if (line.moves && !moved) rows.push(null);
    moved = moved || line.moves;
    rows.push(line);
  }
  list($("states"), rows, () => {
    const node = make("li");
    node.append(make("span", "mark"), make("span", "name"), make("span", "took"), make("span", "why"));
    return node;
  }, drawState);
  options($("procedure"), hands.procedures, (each) => each);
  options($("mode"), hands.modes, (each) => each, state.mode);
  $("start").disabled = !state.begun || Boolean(state.verdict);
}

function drawState(node, line) {
  const [mark, title, took, why] = node.children;
  if (line === null) {
    name(node, "edge");
    [mark, took].forEach((each) => text(each, ""));
    text(title, "point of no return: below it data or customers move");
    text(why, "");
    return;
  }
  const bad = ENDED_BADLY.has(line.outcome);
  const kind = { "": "to-come", waiting: "waiting", unknown: "unknown" }[line.outcome] || (bad ? "failed" : "done");
  name(node, kind);
  text(mark, MARKS[line.outcome] || (bad ? "✗" : "✓"));
  text(title, line.name);
  const limit = line.outcome === "waiting" && line.limit ? ` of ${shown(line.limit)}` : "";
  text(took, line.outcome ? `${shown(line.seconds)}${limit}` : "");
  const says = kind === "done" && line.outcome !== "done" ? `${line.outcome} ${line.why}` : bad ? `${line.outcome}: ${line.why}` : line.why;
  text(why, says.trim());
}

function drawPlan() {
  const { plan } = state.scene;
  $("plan").hidden = !plan || Boolean(state.verdict);
  if (!plan && asked) {
    asked = "";
    say("Connected.");
  }
  if (!plan) return;
  if (asked !== plan.hash) {
    asked = plan.hash;
    text($("plan-title"), `Plan ${plan.hash} waits for you${plan.mode ? `: ${plan.mode}` : ""}`);
    say(`Plan ${plan.hash} waits for your decision.`);
  }
  list($("plan-rows"), plan.rows, () => {
    const node = make("li");
    node.append(make("span"), make("b"), make("span", "why"));
    return node;
  }, (node, [outcome, what, why]) => {
    const edge = why.startsWith("-- ");
    const call = !outcome;
    name(node, edge ? "edge" : "");
    text(node.children[0], edge ? "" : outcome);
    text(node.children[1], edge ? "" : what.trim());
    text(node.children[2], edge ? why.replaceAll("--", "").trim() : why);
    name(node.children[2], edge ? "" : call ? "why call" : "why");
  });
}

function drawLog() {
  const { said, written, regions } = state.scene;
  const build = () => {
    const node = make("li");
    node.append(make("time"), make("span"));
    return node;
  };
  list($("log"), said, build, (node, moment) => {
    text(node.children[0], clock(moment.at));
    text(node.children[1], moment.text);
    name(node.children[1], moment.kind);
  });
  list($("writes"), written, build, (node, write) => {
    text(node.children[0], clock(write.at));
    text(node.children[1], `${write.region}: ${write.name}`);
    name(node.children[1], regions[write.region] && regions[write.region].away ? "bad" : "");
  });
}

function drawVerdict() {
  const { verdict } = state;
  $("verdict").hidden = !verdict;
  if (!verdict) return;
  name($("verdict"), verdict.ok ? "wide" : "wide bad");
  text($("said"), verdict.said);
  list($("documents"), verdict.documents, () => {
    const item = make("li");
    item.append(make("a"));
    return item;
  }, (item, file) => {
    const link = item.firstElementChild;
    link.href = file;
    link.download = file;
    text(link, `Download ${file}`);
  });
}

function draw() {
  if (!state.scene) return;
  [drawHead, drawCustomers, drawRegions, drawPlugs, drawRun, drawPlan, drawLog, drawVerdict].forEach((each) => each());
}

function listen() {
  events = new EventSource("events");
  events.addEventListener("open", () => say("Connected."));
  events.addEventListener("message", (event) => {
    state = JSON.parse(event.data);
    if ($("status").className === "bad") say("Connected again.");
    draw();
  });
  events.addEventListener("error", () => {
    say("The connection is lost; it is tried again.", true);
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  });
}

function change(by) {
  const at = state.paces.indexOf(state.pace) + by;
  if (state.paces[at] !== undefined) act("pace", String(state.paces[at]));
}

$("begin").addEventListener("click", () => act("begin"));
$("pause").addEventListener("click", () => act(state.paused ? "resume" : "pause"));
$("step").addEventListener("click", () => act("step"));
$("pace").addEventListener("change", () => act("pace", $("pace").value));
$("end").addEventListener("click", () => act("end"));
$("leave").addEventListener("click", async () => {
  await act("leave");
  events.close();
  $("leave").disabled = true;
  say("The rehearsal is closed. Its terminal has the result.");
});
$("start").addEventListener("click", () => act("start", $("procedure").value, $("mode").value));
$("approve").addEventListener("click", () => act("approve", asked));
$("decline").addEventListener("click", () => act("decline", asked));

document.addEventListener("keydown", (event) => {
  const own = event.target.closest("button, select, summary, a, input");
  if (!state || event.ctrlKey || event.metaKey || event.altKey || (own && event.key === " ")) return;
  if (own && own.tagName === "SELECT") return;
  const keys = {
    " ": () => state.begun && act(state.paused ? "resume" : "pause"),
    ".": () => act("step"),
    "+": () => change(1),
    "-": () => change(-1),
    p: () => !$("plan").hidden && $("plan-title").focus(),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

listen();
