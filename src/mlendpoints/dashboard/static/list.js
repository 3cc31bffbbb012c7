// The lists of endpoints and MLModels: one row for each, of which only changed ones are touched.

import { age, element, follow, setHidden, setText, state } from "./page.js";

const COLUMNS = { endpoints: ["Name", "Namespace", "State", "Traffic", "Why", "Age"], mlmodels: ["Name", "Namespace", "Phase", "Ready", "Why", "Age"] };
const filter = document.getElementById("filter");
const shown = new Map(); // id -> {row, line}
let complete = [];

function makeLine(row) {
  const kind = row.id.split("/")[0];
  const line = element("tr", { role: "row" });
  COLUMNS[kind].forEach((name, index) => {
    line.append(element(index ? "td" : "th", { role: index ? "cell" : "rowheader", scope: index ? undefined : "row", class: name === "Namespace" ? "namespace" : undefined, "data-label": name }));
  });
  const path = row.id.split("/").map(encodeURIComponent).join("/");
  line.cells[0].append(element("a", { href: `/${path}` }, row.name));
  setText(line.cells[1], row.namespace);
  line.cells[5].append(age(row.created));
  return line;
}

function fill(line, row) {
  if (line.cells[2].textContent !== state(row.mark, row.state).textContent || line.mark !== row.mark) {
    line.cells[2].replaceChildren(state(row.mark, row.state));
  }
  line.mark = row.mark;
  setText(line.cells[3], row.serves);
  setText(line.cells[4], row.sentence);
}

function place(line, row) {
  const body = document.querySelector(`#${row.id.split("/")[0]} tbody`);
  const later = [...body.rows].find((other) => other.key > row.id);
  line.key = row.id;
  body.insertBefore(line, later ?? null);
}

function fillAll(rows) {
  // In order, so that each new row is appended: with 500 of them, looking for its place would be slow.
  for (const row of rows.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    const line = makeLine(row);
    line.key = row.id;
    fill(line, row);
    document.querySelector(`#${row.id.split("/")[0]} tbody`).append(line);
    shown.set(row.id, { row, line });
  }
}

function take(change) {
  complete = change.complete;
  if (change.first) {
    reset(change.rows);
  } else {
    for (const id of change.gone) remove(id);
    change.rows.forEach(put);
  }
  sift();
}

function reset(rows) {
  const ids = new Set(rows.map((row) => row.id));
  for (const id of shown.keys()) if (!ids.has(id)) remove(id);
  if (shown.size) rows.forEach(put);
  else fillAll(rows);
}

function put(row) {
  let line = shown.get(row.id)?.line;
  if (!line || shown.get(row.id).row.created !== row.created) {
    if (line) remove(row.id);
    line = makeLine(row);
    place(line, row);
  }
  fill(line, row);
  shown.set(row.id, { row, line });
}

function remove(id) {
  shown.get(id)?.line.remove();
  shown.delete(id);
}

function matches(row, words) {
  const text = `${row.namespace}/${row.name} ${row.state} ${row.sentence}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function sift() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const counts = { endpoints: [0, 0], mlmodels: [0, 0] };
  for (const { row, line } of shown.values()) {
    const visible = matches(row, words);
    setHidden(line, !visible);
    const count = counts[row.id.split("/")[0]];
    count[0] += visible;
    count[1] += 1;
  }
  for (const [kind, [some, all]] of Object.entries(counts)) tell(kind, some, all);
  const [some, all] = counts.endpoints;
  setText(document.getElementById("count"), words.length ? `${some} of ${all} endpoints` : `${all} endpoints`);
}

function tell(kind, some, all) {
  const title = kind === "endpoints" ? "endpoints" : "MLModels";
  const none = all ? `None of ${all} ${title} matches.` : complete.includes(kind) ? `There are no ${title} here.` : "Loading…";
  setHidden(document.getElementById(kind), some === 0);
  const said = document.getElementById(`${kind}-none`);
  setHidden(said, some > 0);
  setText(said, none);
}

function remember() {
  const address = new URL(location);
  if (filter.value) address.searchParams.set("filter", filter.value);
  else address.searchParams.delete("filter");
  history.replaceState(null, "", address);
}

filter.value = new URL(location).searchParams.get("filter") ?? "";
filter.addEventListener("input", () => {
  sift();
  remember();
});
document.getElementById("search").addEventListener("submit", (event) => event.preventDefault());
follow("/events/lists", { rows: take });
