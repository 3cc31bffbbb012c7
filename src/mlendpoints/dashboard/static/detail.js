// The page of one endpoint or MLModel. Only what has changed is touched.

import { age, element, fillTable, follow, link, setHidden, setText, state, update } from "./page.js";

const OUTCOMES = { Succeeded: "ready", Failed: "failed", RolledBack: "failed" };
const at = (id) => document.getElementById(id);

function show(detail) {
  setHidden(at("content"), !detail);
  if (!detail) return showMissing();
  document.title = `${detail.name}: ${detail.state} – mlendpoints`;
  setText(at("name"), detail.name);
  update(at("summary"), [detail.mark, detail.state, detail.sentence], ([mark, text, sentence]) => [
    element("p", {}, state(mark, text)),
    element("p", {}, sentence),
  ]);
  setHidden(at("todo"), !detail.action);
  setText(at("todo"), detail.action && `To do: ${detail.action}`);
  showFacts(detail);
  showTraffic(detail.traffic);
  showUpdate(detail);
  showVersions(detail);
  showConditions(detail.conditions);
  showHistory(detail.history);
  showEvents(detail);
}

function showMissing() {
  const name = decodeURIComponent(location.pathname.split("/").pop());
  document.title = `${name} – mlendpoints`;
  setText(at("name"), name);
  setHidden(at("todo"), true);
  update(at("summary"), "missing", () => [element("p", {}, "It does not exist, or not any more.")]);
}

function showFacts(detail) {
  const facts = [["URL", detail.url], ["Metrics", detail.monitoringUrl], ...Object.entries(detail.facts)];
  update(at("facts"), [facts.filter(([, value]) => value), detail.created], ([known, created]) => [
    ...known.map(([name, value]) => pair(name, name === "URL" || name === "Metrics" ? link(value) : value)),
    pair("Age", age(created)),
  ]);
}

function pair(name, value) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, value));
}

function showTraffic(shares) {
  setHidden(at("traffic"), !shares.length);
  for (const [id, weight, title] of [["in-force", "inForce", "In force"], ["requested", "requested", "Requested"]]) {
    const sum = shares.reduce((all, share) => all + share[weight], 0);
    const bar = at(id);
    while (bar.children.length < shares.length) bar.append(element("span", { class: `v${bar.children.length % 6}` }));
    while (bar.children.length > shares.length) bar.lastChild.remove();
    shares.forEach((share, index) => { bar.children[index].style.flexGrow = share[weight]; });
    const text = shares.map((share) => `${share.variant} ${percent(share[weight], sum)}`).join(", ");
    bar.setAttribute("aria-label", `${title}: ${text}`);
  }
  const sums = ["inForce", "requested"].map((weight) => shares.reduce((all, share) => all + share[weight], 0));
  update(at("legend"), [shares, sums], () => shares.map((share, index) => legend(share, index, sums)));
}

function legend(share, index, [inForce, requested]) {
  const now = percent(share.inForce, inForce);
  const wanted = percent(share.requested, requested);
  const text = now === wanted ? `${share.variant} ${now}` : `${share.variant} ${now}, requested ${wanted}`;
  return element("li", {}, element("span", { class: `dot v${index % 6}`, "aria-hidden": "true" }), text);
}

function percent(part, whole) {
  return whole ? `${Math.round((1000 * part) / whole) / 10} %` : "0 %";
}

function showUpdate({ update: running, history, kind }) {
  setHidden(at("steps"), !running);
  const text = running
    ? [`To version ${running.target}`, running.started ? ", for " : "", running.started ? age(running.started) : "", running.deadline ? `; it fails after ${running.deadline} s.` : "."]
    : [kind === "MLModel" || !history.length ? "None is running." : "None is running; the last one is the first in the history."];
  update(at("update-text"), running ?? [kind, history.length], () => text);
  update(at("steps"), running?.steps ?? [], (steps) => steps.map(step));
}

function step({ name, text, state: its }) {
  const words = { done: "done", now: "now", later: "later" };
  return element(
    "li",
    { class: its, "aria-current": its === "now" ? "step" : undefined },
    element("strong", {}, name),
    element("span", { class: "unseen" }, ` (${words[its]}): `),
    element("span", { class: "soft" }, text),
  );
}

function showVersions({ versions, note, kind }) {
  const head = [kind === "MLModel" ? "MLModel" : "Variant", "Model", "Version", "Weight", "Pods", "Requests/s", "Errors", "p50", "p99", "Waits for"];
  const rows = versions.map(({ id, variant, model, version, weight, ready, desired, waits, figures }) => ({
    key: id,
    cells: [variant, model, version, `${weight}`, `${ready} of ${desired}`, ...measured(figures), waits],
  }));
  fillTable(at("versions"), head, rows, { numbers: [3, 5, 6, 7, 8] });
  setText(at("note"), note);
}

function measured(figures) {
  if (!figures) return ["–", "–", "–", "–"];
  const errors = figures.rate ? `${round((100 * figures.errors) / figures.rate)} %` : "0 %";
  return [round(figures.rate), errors, latency(figures.p50), latency(figures.p99)];
}

function round(value) {
  return value >= 100 ? `${Math.round(value)}` : `${Math.round(value * 10) / 10}`;
}

function latency(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  return seconds < 1 ? `${round(seconds * 1000)} ms` : `${round(seconds)} s`;
}

function showConditions(conditions) {
  const rows = conditions.map(({ type, status, mark, reason, message, action, since }) => ({
    key: type,
    cells: [type, { value: [mark, status], make: () => state(mark, status) }, reason, message, action, { value: since, make: () => age(since) }],
  }));
  fillTable(at("conditions"), ["Condition", "Status", "Reason", "Message", "To do", "Since"], rows);
}

function showHistory(history) {
  setHidden(at("past"), !history.length);
  const rows = history.map(({ target, outcome, reason, message, started, ended }) => ({
    key: `${started}/${target}`,
    cells: [target, { value: outcome, make: () => state(OUTCOMES[outcome] ?? "off", outcome) }, { value: ended, make: () => age(ended, " ago") }, took(started, ended), reason, message],
  }));
  fillTable(at("history"), ["Version", "Outcome", "Ended", "Took", "Reason", "Message"], rows);
}

function took(started, ended) {
  const seconds = (Date.parse(ended) - Date.parse(started)) / 1000;
  return Number.isNaN(seconds) ? "" : `${Math.max(0, Math.round(seconds))} s`;
}

function showEvents({ events, eventsNote }) {
  const rows = events.map(({ type, reason, message, at: when, count }, index) => ({
    key: `${when}/${reason}/${index}`,
    cells: [{ value: when, make: () => age(when, " ago") }, type, reason, count > 1 ? `${message} (${count} times)` : message],
  }));
  setHidden(at("events"), !rows.length);
  fillTable(at("events"), ["Seen", "Type", "Reason", "Message"], rows);
  setText(at("events-note"), eventsNote || (rows.length ? "" : "There are no events; Kubernetes keeps them for an hour."));
}

follow(`/events${location.pathname}`, { detail: show });
