/** A participant comes in: by the study's link, which gives a place, or by the link of a place. */

import { read, write } from "./outbox.js";
import { farewell } from "./pages.js";
import { Session } from "./session.js";
import { Refused, persistent, post } from "./server.js";

const KNOWN = "visavis-place";

async function place() {
  const found = location.pathname.match(/^\/p\/([\w-]+)$/);
  if (found) return found[1];
  const parameters = Object.fromEntries([...new URLSearchParams(location.search)].slice(0, 30));
  const message = { parameters, token: read(KNOWN) };
  const { token } = await persistent(() => post("/api/enter", message), () => {});
  return token;
}

async function main() {
  try {
    const token = await place();
    write(KNOWN, token);
    if (location.pathname === "/") history.replaceState(null, "", `/p/${token}`);
    await new Session(token).run();
  } catch (error) {
    const language = new URLSearchParams(location.search).get("lang") ?? "";
    const texts = await (await fetch(`/texts?lang=${encodeURIComponent(language)}`)).json();
    if (error instanceof Refused) farewell([texts[error.reason] ?? texts.failed], texts);
    else farewell([texts.failed], texts);
    if (!(error instanceof Refused)) throw error;
  }
}

main();
