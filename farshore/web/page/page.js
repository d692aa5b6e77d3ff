"use strict";
// Draws the newest state that the server sends, and sends what a person does. It keeps nothing of its own.

const $ = (id) => document.getElementById(id);
const ENDED_BADLY = new Set(["Refused", "Untouched", "Aborted"]);
const WELL = 0.95; // of visits
const LOG_SHORT = 15;
const DO_NOTHING_MS = 700; // a plan that has just come is not decided on by a click that was meant for something else
const TOLD = new Set(["outage", "return", "alarm", "end", "failed", "over"]); // to whoever does not see the page
const RETRY_MS = 500, LONGEST_RETRY_MS = 5000;
const MARKS = { "": "·", waiting: "▸", unknown: "?" };
let state = null;
let asked = "";
let told = "";
let whole = false; // all of the log is shown
let events = null;
let retry = RETRY_MS;
let again = 0;

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
const lasted = (seconds) => (seconds < 60 ? "" : `${Math.floor(seconds / 60)} min `) + `${Math.floor(seconds % 60)} s`;

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
  const { scene, begun, paused, over, verdict } = state;
  const focused = document.activeElement;
  text($("application"), state.application);
  text($("clock"), clock(scene.at));
  text($("doing"), scene.doing);
  $("begin").hidden = begun || over;
  $("pause").hidden = !begun || over;
  text($("pause"), paused ? "Go on" : "Pause");
  $("step").hidden = !begun || !paused || over;
  $("pace-label").hidden = over;
  $("end").hidden = !begun || over;
  $("leave").hidden = !verdict || state.closed;
  options($("pace"), state.paces, (pace) => `${pace}×`);
  if (focused !== $("pace")) $("pace").value = String(state.pace);
  if (focused === $("begin") && $("begin").hidden) $("pause").focus();
  if (focused === $("end") && over) $("application").focus();
  document.title = `${clock(scene.at)} ${state.application}: rehearsal`;
}

function drawCustomers() {
  const { scene } = state;
  const { done, failed, fared } = scene;
  const tries = done + failed;
  text($("share"), tries ? `${Math.round((100 * done) / tries)} %` : "–");
  text($("glance"), tries ? `${$("share").textContent} go well` : "");
  for (const each of [$("share").parentElement, $("glance")]) each.classList.toggle("bad", tries > 0 && done / tries < WELL);
  text($("visits"), tries ? `of visits went well in the last half minute: ${done} of ${tries}`
    : scene.fared.length ? "nobody has tried in the last half minute" : "nobody has come yet");
  text($("trouble"), trouble(scene));
  const last = fared.length ? fared[fared.length - 1].at : 0;
  const points = fared.map((each) => {
    const all = each.done + each.failed;
    return [1440 - (last - each.at), 97 - (all ? each.done / all : 0) * 94];
  });
  const way = points.map(([x, y]) => `${x.toFixed(0)},${y.toFixed(1)}`).join("L");
  $("rate").setAttribute("d", way && `M${way}`);
  $("area").setAttribute("d", way && `M${points[0][0].toFixed(0)},100L${way}L1440,100Z`);
  drawMarks(last);
  drawLatency(fared, last);
  text($("line-says"), `Success rate of customers' visits: now ${$("share").textContent}`);
}

// What is away, for how long customers have been without service, and what that may cost, as it stands.
function trouble({ at, outage, at_risk: risk, hands }) {
  const pulled = hands.plugs.filter((plug) => plug.how);
  if (!pulled.length && outage === null) return "";
  const said = pulled.map((plug) => `${what(plug)} is ${plug.how} since ${clock(plug.since)}`);
  said.push(outage === null ? "customers have service" : `customers without service for ${lasted(at - outage)}`);
  said.push(risk ? `${risk} ${risk === 1 ? "write" : "writes"} at risk, at most` : "no write at risk");
  return said.join("; ");
}

const what = (plug) => (plug.kind === "region" || plug.kind === "between" ? plug.what : `${plug.what} in ${plug.region}`);

// How long visits take that go well, over the same time: the line breaks where none did.
function drawLatency(fared, last) {
  const known = fared.filter((each) => each.latency !== null);
  const slowest = Math.max(0.001, ...known.map((each) => each.latency));
  let pen = "M";
  const way = fared.map(({ at, latency }) => {
    if (latency === null) {
      pen = "M";
      return "";
    }
    const point = `${pen}${(1440 - (last - at)).toFixed(0)},${(97 - (latency / slowest) * 94).toFixed(1)}`;
    pen = "L";
    return point;
  }).join("");
  $("took").setAttribute("d", way);
  const now = known[known.length - 1];
  text($("slowest"), now ? took(slowest) : "");
  text($("latency-now"), now ? `a visit that goes well, with its writes, took ${took(now.latency)} lately, ${took(slowest)} at most` : "");
}

const took = (seconds) => (seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(1)} s`);

function drawMarks(last) {
  const { marks } = state.scene;
  const svg = "http://www.w3.org/2000/svg";
  list($("marks"), marks, () => {
    const line = document.createElementNS(svg, "line");
    line.setAttribute("y1", "0");
    line.setAttribute("y2", "100");
    return line;
  }, (line, mark) => {
    const x = String(Math.round(1440 - Math.max(0, last - mark.at)));
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.setAttribute("class", mark.kind);
  });
}

const meaning = (away) => state.scene.hands.hows.find(([how]) => how === away)[1];

function drawRegion(node, [region, it]) {
  const { away } = it;
  name(node, `region ${away ? "away" : it.has_customers ? "active" : "standby"}`);
  node.dataset.region = region;
  const [title, facts] = node.children;
  text(title.children[0], region);
  text(title.children[1], away ? `${away}: ${meaning(away)}` : it.has_customers ? "customers are here" : "stands by");
  const tries = it.done + it.failed;
  const taken = state.scene.hands.plugs.filter((plug) => plug.how && plug.region === region && plug.kind !== "region");
  const rows = [
    ["visits", `${it.done} went well`, ""],
    ["errors", tries ? `${it.failed} of ${tries}` : "none", it.failed ? "bad" : ""],
    ["latency", it.latency === null ? "–" : `${(1000 * it.latency).toFixed(0)} ms a visit`, ""],
    ["writes", `${it.writes} taken`, ""],
    ...taken.map((plug) => ["pulled", `${plug.what} is ${plug.how}`, "bad"]),
    ...(away ? [] : it.rows).flatMap((row) => [
      [row.name, row.says, row.serves ? "good" : ""],
      ...(row.newest ? [["", `has ${row.newest.name} (${clock(row.newest.at)})`, "soft"]] : []),
    ]),
  ];
  list(facts, rows.flatMap(([what, says, tone]) => [["dt", what, ""], ["dd", says, tone]]),
    ([tag]) => make(tag),
    (fact, [, says, tone]) => { text(fact, says); name(fact, tone); });
}

function drawRegions() {
  list($("regions"), Object.entries(state.scene.regions), () => {
    const node = make("article");
    const title = make("h2");
    title.id = `region-${$("regions").children.length}`;
    node.setAttribute("aria-labelledby", title.id);
    title.append(make("span"), make("span", "pill"));
    node.append(title, make("dl"));
    return node;
  }, drawRegion);
}

// Regions and what lies between them, then what each Region has.
function drawPlugs() {
  const { plugs } = state.scene.hands;
  if (!$("plugs").children.length) buildPlugs(plugs);
  options($("how"), state.scene.hands.hows.map(([how]) => how), (how) => `${how}: ${meaning(how)}`);
  for (const plug of plugs) {
    const button = $(`plug ${plug.name}`);
    button.setAttribute("aria-pressed", String(Boolean(plug.how)));
    button.disabled = !state.theirs;
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
    rest.append(make("summary", "", `Services of ${key}`), services);
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
    group.append(make("legend", "", key));
    if (first.children.length) group.append(first);
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
  $("start").disabled = !state.theirs;
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
  const focused = $("plan").contains(document.activeElement);
  $("plan").hidden = !plan || state.over;
  $("to-plan").hidden = $("plan").hidden;
  if ($("plan").hidden) {
    if (focused) $("run-title").focus();
    if (asked) say("Connected.");
    asked = "";
    return;
  }
  if (asked !== plan.hash) {
    asked = plan.hash;
    text($("plan-title"), `Plan ${plan.hash} waits for you${plan.mode ? `: ${plan.mode}` : ""}`);
    say(`Plan ${plan.hash} waits for your decision.`);
    if (focused) $("plan-title").focus();
    $("decision").inert = true;
    setTimeout(() => { $("decision").inert = false; }, DO_NOTHING_MS);
  }
  text($("approve"), plan.deciding === "approve" ? "Approving …" : "Approve");
  text($("decline"), plan.deciding === "decline" ? "Declining …" : "Decline");
  for (const each of [$("approve"), $("decline")]) each.setAttribute("aria-disabled", String(Boolean(plan.deciding)));
  list($("plan-steps"), plan.steps, planStep, (node, step) => {
    const [outcome, title, , says] = node.children;
    name(node, step.edge ? "edge" : "");
    text(outcome, step.outcome);
    text(title, step.name);
    list(says, step.says, () => make("div"), (line, said) => text(line, said));
    const [calls, doubts] = [node.children[4], node.children[5]];
    fold(calls, step.calls.length === 1 ? step.calls[0][0] : `${step.calls.length} calls`,
      step.calls.map(([call, given]) => (step.calls.length === 1 ? given : `${call} ${given}`)));
    fold(doubts, "what it could not read", step.doubts);
  });
  list($("at-stake"), plan.at_stake, () => {
    const node = make("li");
    node.append(make("span"), make("b"), make("span", "why"));
    return node;
  }, (node, said) => said.forEach((each, at) => text(node.children[at], each)));
}

function planStep() {
  const node = make("li");
  const edge = make("span", "no-return", "point of no return: with this, customers' data or traffic moves");
  node.append(make("span"), make("b"), edge, make("div", "why"), folded(), folded());
  return node;
}

function folded() {
  const node = make("details", "why");
  node.append(make("summary"), make("div", "call"));
  return node;
}

function fold(node, says, lines) {
  node.hidden = !lines.length;
  text(node.children[0], says);
  list(node.children[1], lines, () => make("p"), (line, said) => text(line, said));
}

function drawLog() {
  const { said, written, regions } = state.scene;
  const build = () => {
    const node = make("li");
    node.append(make("time"), make("span"));
    return node;
  };
  list($("log"), whole ? said : said.slice(0, LOG_SHORT), build, (node, moment) => {
    text(node.children[0], clock(moment.at));
    text(node.children[1], moment.text);
    name(node.children[1], moment.kind);
  });
  $("more").hidden = said.length <= LOG_SHORT;
  text($("more"), whole ? "Show less" : `Show ${said.length - LOG_SHORT} more`);
  $("more").setAttribute("aria-expanded", String(whole));
  const news = said.find((moment) => TOLD.has(moment.kind));
  if (news && `${news.at} ${news.text}` !== told) {
    told = `${news.at} ${news.text}`;
    text($("news"), `${clock(news.at)} ${news.text}`);
  }
  list($("writes"), written, build, (node, write) => {
    text(node.children[0], clock(write.at));
    text(node.children[1], `${write.region}: ${write.name}`);
    name(node.children[1], regions[write.region] && regions[write.region].away ? "bad" : "");
  });
}

function drawVerdict() {
  const { verdict } = state;
  const first = $("verdict").hidden && Boolean(verdict);
  $("verdict").hidden = !verdict;
  if (!verdict) return;
  name($("verdict"), verdict.ok ? "wide" : "wide bad");
  text($("said"), verdict.said);
  if (first) {
    text($("news"), `The rehearsal has ended. ${verdict.said}`);
    $("verdict-title").focus();
  }
  list($("documents"), state.closed ? [] : verdict.documents, () => {
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

// A browser has few connections to a host: a page that nobody sees holds none, and has missed nothing.
function listen() {
  clearTimeout(again);
  if (events) events.close();
  events = null;
  if (document.hidden || (state && state.closed)) return;
  events = new EventSource("events");
  events.addEventListener("open", () => say("Connected."));
  events.addEventListener("message", (event) => {
    state = JSON.parse(event.data);
    retry = RETRY_MS;
    if ($("status").className === "bad") say("Connected again.");
    draw();
    if (state.closed) {
      events.close();
      say("The rehearsal is closed. Its terminal has the result.");
    }
  });
  events.addEventListener("error", () => {
    events.close();
    say("The connection is lost; it is tried again.", true);
    again = setTimeout(listen, retry);
    retry = Math.min(2 * retry, LONGEST_RETRY_MS);
  });
}

function decide(decision) {
  const { plan } = state.scene;
  if (plan && !plan.deciding) act(decision, asked);
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
$("leave").addEventListener("click", () => act("leave"));
$("more").addEventListener("click", () => {
  whole = !whole;
  drawLog();
});
$("start").addEventListener("click", () => act("start", $("procedure").value, $("mode").value));
$("approve").addEventListener("click", () => decide("approve"));
$("decline").addEventListener("click", () => decide("decline"));

document.addEventListener("keydown", (event) => {
  const own = event.target.closest("button, select, summary, a, input");
  if (!state || event.ctrlKey || event.metaKey || event.altKey || (own && event.key === " ")) return;
  if (own && own.tagName === "SELECT") return;
  const keys = {
    " ": () => state.begun && !state.over && act(state.paused ? "resume" : "pause"),
    ".": () => state.paused && !state.over && act("step"),
    "+": () => !state.over && change(1),
    "-": () => !state.over && change(-1),
    p: () => !$("plan").hidden && $("plan-title").focus(),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

document.addEventListener("visibilitychange", listen);
listen();
