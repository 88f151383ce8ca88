/** The experimenter's page: who is where, renewed every two seconds. */

import { element } from "./pages.js";
import { wait } from "./server.js";

const address = `/api${location.pathname}`;
const COLUMNS = ["Code", "State", "Answered", "Outcomes", "Median time", "Catch trials", "Last seen", "Stands out", "Link"];

let shown = "";

function row(person) {
  const ago = Math.max(0, Math.round((Date.now() / 1000 - person.seen) / 60));
  const cells = [
    person.code, person.state.replace("_", " "), `${person.answered} of ${person.planned || "?"}`,
    Object.entries(person.outcomes ?? {}).map(([name, n]) => `${n} ${name}`).join(", "),
    person.median_s == null ? "" : `${person.median_s} s`,
    person.catch?.[1] ? `${person.catch[0]} of ${person.catch[1]}` : "", `${ago} min ago`, person.flags.join("; "),
  ];
  const made = element("tr");
  made.append(...cells.map((text) => element("td", text)));
  const link = element("button", "Show");
  link.type = "button";
  link.setAttribute("aria-label", `Show the link of ${person.code}`);
  link.onclick = () => {
    shown = `To go on in another browser, ${person.code} opens ${location.origin}${person.link}`;
    document.getElementById("link").textContent = shown;
  };
  const cell = element("td");
  cell.append(link);
  made.append(cell);
  return made;
}

function draw(found) {
  const states = Object.entries(found.states).map(([name, n]) => `${n} ${name.replace("_", " ")}`).join(", ");
  const limit = found.limit ? ` of ${found.limit}` : "";
  const link = element("p", shown);
  link.id = "link";
  link.setAttribute("role", "status");
  const table = element("table");
  const head = element("tr");
  head.append(...COLUMNS.map((name) => element("th", name)));
  table.append(head, ...found.people.map(row));
  const button = element("button", found.intake ? "Pause intake" : "Open intake");
  button.type = "button";
  button.onclick = async () => {
    button.disabled = true;
    const body = JSON.stringify({ intake: !found.intake });
    draw(await (await fetch(address, { method: "POST", headers: { "content-type": "application/json" }, body })).json());
  };
  document.getElementById("watch").replaceChildren(
    element("h1", found.experiment),
    element("p", `${found.people.length}${limit} place${found.people.length === 1 && !limit ? "" : "s"}: ${states || "no one yet"}. New participants are ${found.intake ? "let in" : "turned away"}.`),
    button,
    table,
    link,
  );
}

for (;;) {
  try {
    draw(await (await fetch(address)).json());
  } catch {
    // the server is away: what is shown stays
  }
  await wait(2000);
}
