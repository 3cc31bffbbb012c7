// What both pages share: elements, times, the stream, banners. All text goes through textContent.

/** An element with attributes and children; strings become text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

/** Sets the text of an element only where it differs, so that screen readers hear what is new. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Hides or shows an element, and touches it only if that changes it. */
export function setHidden(target, hidden) {
  if (target.hidden !== hidden) target.hidden = hidden;
}

/** Replaces the children of an element if what they are made from has changed. */
export function update(target, value, make) {
  const source = JSON.stringify(value);
  if (target.source === source) return;
  target.source = source;
  const focused = document.activeElement?.id;
  target.replaceChildren(...make(value));
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
}

/** A link to a page elsewhere; text if the address is not one of the web, or known inside of a cluster only. */
export function link(address) {
  let parsed;
  try {
    parsed = new URL(address);
  } catch {
    return address;
  }
  if (!["http:", "https:"].includes(parsed.protocol) || /\.svc(\.|$)/.test(parsed.hostname)) return address;
  return element("a", { href: parsed.href, rel: "noopener noreferrer", target: "_blank" }, address);
}

/** Seconds in words, as kubectl shortens them. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole}s`;
  if (whole < 7200) return `${Math.floor(whole / 60)}m`;
  if (whole < 172800) return `${Math.floor(whole / 3600)}h`;
  return `${Math.floor(whole / 86400)}d`;
}

/** How long ago a time is; it stays current. */
export function age(timestamp, suffix = "") {
  if (!timestamp || Number.isNaN(Date.parse(timestamp))) return "";
  const made = element("time", { datetime: timestamp, title: timestamp, "data-suffix": suffix });
  tick(made);
  return made;
}

function tick(time) {
  const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
  setText(time, duration(seconds) + time.dataset.suffix);
}

setInterval(() => document.querySelectorAll("time").forEach(tick), 5000);

/** A state with a symbol, so that its color is not all that tells it. */
export function state(mark, text) {
  const symbols = { ready: "✔", waits: "◌", failed: "✖", off: "·" };
  return element("span", { class: `state ${mark}` }, element("span", { "aria-hidden": "true" }, symbols[mark] ?? "·"), ` ${text}`);
}

const said = { stream: "", health: [] };

function showBanners() {
  const texts = [...(said.stream ? [said.stream] : []), ...said.health];
  update(document.getElementById("banners"), texts, (all) => all.map((text) => element("p", {}, text)));
}

function showHealth(health) {
  said.health = [
    health.away && `The API server is away; what is shown was last seen at ${clock(health.since)}. It is retried. ${health.away}`,
    health.idle,
    ...health.problems,
    health.note,
  ].filter(Boolean);
  document.body.classList.toggle("stale", Boolean(health.away));
  showBanners();
}

function clock(timestamp) {
  return new Date(timestamp).toLocaleTimeString();
}

function showPlace(place) {
  const all = place.namespace === "*";
  document.body.classList.toggle("all", all);
  setText(document.getElementById("place"), `${all ? "All namespaces" : `Namespace ${place.namespace}`} of ${place.context || "this cluster"}`);
}

/** Follows a stream while the tab is visible: browsers allow six streams to one server. */
export function follow(path, handlers) {
  let source;
  const all = { health: showHealth, place: showPlace, ...handlers };

  function open() {
    source = new EventSource(path);
    for (const [name, handle] of Object.entries(all)) {
      source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
    source.addEventListener("open", () => tell(""));
    source.addEventListener("error", () => {
      const ended = source.readyState === EventSource.CLOSED;
      tell(ended ? "The dashboard was started again, or is open in too many tabs. Open the address that it has printed." : "The dashboard does not respond; reconnecting. Is `mlendpoints dashboard` still running?");
    });
  }

  function tell(text) {
    said.stream = text;
    showBanners();
  }

  function toggle() {
    source?.close();
    source = undefined;
    if (document.visibilityState === "visible") open();
  }

  document.addEventListener("visibilitychange", toggle);
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", (event) => event.persisted && toggle());
  toggle();
}

/** Fills a table by keys: rows and cells that are the same stay. Cells are texts, or a value and what makes an element of it. */
export function fillTable(table, head, rows, { numbers = [] } = {}) {
  if (!table.tHead) makeTable(table, head, numbers);
  const body = table.tBodies[0];
  const known = new Map([...body.rows].map((line) => [line.key, line]));
  rows.forEach((row, index) => {
    const line = known.get(row.key) ?? makeLine(row.key, head, numbers);
    known.delete(row.key);
    if (body.rows[index] !== line) body.insertBefore(line, body.rows[index] ?? null);
    row.cells.forEach((cell, column) => fillCell(line.cells[column], cell));
  });
  for (const line of known.values()) line.remove();
}

function makeTable(table, head, numbers) {
  const cells = head.map((text, column) => element("th", { role: "columnheader", scope: "col", class: numbers.includes(column) ? "number" : undefined }, text));
  table.append(
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...cells)),
    element("tbody", { role: "rowgroup" }),
  );
}

function makeLine(key, head, numbers) {
  const line = element("tr", { role: "row" });
  line.key = key;
  head.forEach((name, column) => {
    const attributes = { class: numbers.includes(column) ? "number" : undefined, "data-label": name };
    line.append(column ? element("td", { role: "cell", ...attributes }) : element("th", { role: "rowheader", scope: "row", ...attributes }));
  });
  return line;
}

function fillCell(target, cell) {
  if (typeof cell === "string") setText(target, cell);
  else update(target, cell.value, () => [cell.make()]);
}
