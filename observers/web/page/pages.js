/** Pages of words: read and left, agreed to, or filled in. Text is set as text, never as HTML. */

import { keyName } from "./keys.js";

const stage = () => document.getElementById("stage");
const GLANCE_MS = 250;

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} text @param {string} name */
export function element(tag, text = "", name = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

/** Show a page of words, and return it. @param {string[]} paragraphs @param {string} hint */
export function words(paragraphs, hint = "") {
  document.body.classList.remove("trial");
  const page = element("section", "", "words");
  page.tabIndex = -1;
  for (const paragraph of paragraphs) page.append(element("p", paragraph));
  if (hint) page.append(element("p", hint, "hint"));
  stage().replaceChildren(page);
  window.scrollTo(0, 0);
  page.focus({ preventScroll: true });
  return page;
}

/** @param {HTMLElement} page @param {Record<string, string>} labels @returns {Record<string, HTMLButtonElement>} */
function buttons(page, labels) {
  const row = element("div", "", "buttons");
  const made = Object.fromEntries(
    Object.entries(labels).map(([name, label]) => {
      const button = element("button", label);
      button.type = "button";
      button.dataset.does = name;
      row.append(button);
      return [name, button];
    }),
  );
  page.append(row);
  return made;
}

/**
 * Wait for a key or a click that means something.
 * @param {(event: {key: string, does: string}) => any} meaning  undefined for what means nothing
 */
export function pressed(meaning) {
  const from = performance.now() + GLANCE_MS;
  return new Promise((resolve) => {
    /** @param {KeyboardEvent | MouseEvent} event */
    const heard = (event) => {
      if (event.timeStamp < from || (event instanceof KeyboardEvent && event.repeat)) return;
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      let key = "";
      if (event instanceof KeyboardEvent) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        key = keyName(event);
        if (key === "tab" || /^(l|r)(shift|ctrl|alt|windows)$/.test(key)) return;
        if (button && (key === "return" || key === "space")) return; // the browser makes a click of it
      }
      const found = meaning({ key, does: key ? "" : (button?.dataset.does ?? "page") });
      if (found === undefined) return;
      event.preventDefault();
      window.removeEventListener("keydown", heard);
      window.removeEventListener("click", heard);
      resolve(found);
    };
    window.addEventListener("keydown", heard);
    window.addEventListener("click", heard);
  });
}

const SCROLLING = ["up", "down", "pageup", "pagedown", "home", "end"];

/** Show text until it is left; Escape returns "escape". @returns {Promise<string>} */
export async function read(step, texts) {
  const page = words(step.paragraphs, step.hint);
  buttons(page, { go: texts.continue });
  const long = () => document.documentElement.scrollHeight > window.innerHeight;
  return pressed(({ key, does }) => {
    if (key === "escape") return "escape";
    if (long() && (SCROLLING.includes(key) || does === "page")) return undefined;
    return "go";
  });
}

/** @returns {Promise<boolean>} whether the participant agrees */
export async function consent(step, texts) {
  buttons(words(step.paragraphs, step.hint), { agree: texts.agree, leave: texts.leave });
  return pressed(({ key, does }) => {
    if (key === "return" || key === "num_enter" || does === "agree") return true;
    if (key === "escape" || does === "leave") return false;
    return undefined;
  });
}

/** @returns {Promise<boolean>} whether to end */
export async function askToStop(step, texts) {
  buttons(words(step.paragraphs, step.hint), { end: texts.end, go: texts.continue });
  return pressed(({ key, does }) => (does === "page" ? undefined : key === "return" || key === "num_enter" || does === "end"));
}

/** Ask a question of the form. @returns {Promise<string>} the answer as it is recorded */
export async function field(step, texts) {
  const page = words([], step.hint);
  if (!step.choices.length) {
    const label = element("label");
    label.append(element("p", step.ask));
    const input = element("input");
    input.maxLength = 2000;
    input.autocomplete = "off";
    label.append(input);
    page.prepend(label);
    buttons(page, { go: texts.continue });
    input.focus();
    return pressed(({ key, does }) =>
      (key === "return" || key === "num_enter" || does === "go") && input.value.trim() ? input.value.trim() : undefined,
    );
  }
  const set = element("fieldset");
  set.append(element("legend", step.ask));
  buttons(set, Object.fromEntries(step.choices.map((choice, n) => [`choice${n + 1}`, `${n + 1}   ${choice}`])));
  page.prepend(set);
  return pressed(({ key, does }) => {
    const number = Number(does.startsWith("choice") ? does.slice(6) : key.replace("num_", ""));
    return step.recorded[number - 1];
  });
}

/** Say something and wait for the button, or a key. @param {string} text @param {string} label */
export async function tell(text, label) {
  buttons(words([text]), { go: label });
  await pressed(({ key, does }) => (key && key !== "escape") || does === "go" || undefined);
}

/** @param {string} text */
export function notice(text) {
  const shown = document.getElementById("notice");
  shown.textContent = text;
  shown.hidden = !text;
}

/** The last page: thanks, the code, the way back. */
export function farewell(paragraphs, texts, { code = "", link = "" } = {}) {
  const page = words(paragraphs);
  page.dataset.over = "yes";
  if (code) {
    const line = element("p", `${texts.code} `);
    line.append(element("code", code));
    page.append(line);
  }
  if (link) {
    const line = element("p", `${texts.return} `);
    const anchor = element("a", link);
    anchor.href = link;
    line.append(anchor);
    page.append(line);
  }
}
