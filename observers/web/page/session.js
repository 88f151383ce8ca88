/** The course of a session: the server's steps, one after the other. */

import { Outbox } from "./outbox.js";
import * as pages from "./pages.js";
import { environment, frameInterval, pinch, scale, windowPx } from "./pixels.js";
import { Refused, persistent, post, wait } from "./server.js";
import { attempt, feedback, preload } from "./trial.js";

const AHEAD = 4;

class Ended extends Error {}

export class Session {
  /** @param {string} token */
  constructor(token) {
    this.token = token;
    this.tab = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
    this.frameMs = 1000 / 60;
    /** @type {Record<string, string>} */
    this.texts = {};
    this.refusal = null;
  }

  /** Show everything until the session is over. */
  async run() {
    this.frameMs = await frameInterval();
    this.tell = (lost) => pages.notice(lost ? (this.texts.offline ?? "…") : "");
    this.outbox = new Outbox(this.token, this.tab, this.tell, (error) => (this.refusal = error));
    try {
      let found = await this.ask("open", { tab: this.tab, environment: environment(this.frameMs) });
      this.take(found);
      if (this.outbox.waiting.length) {
        await this.saved(); // answers that an earlier page could not send
        found = await this.ask("open", { tab: this.tab, environment: environment(this.frameMs) });
      }
      if (found.phase === "opening") found = await this.begin(found.steps);
      while (found.phase === "trials") {
        await this.show(found.steps);
        await this.saved();
        found = await this.ask("more", { tab: this.tab });
      }
      this.finish(found);
    } catch (error) {
      if (error instanceof Ended) pages.farewell([this.texts.ended], this.texts);
      else if (error instanceof Refused && error.reason === "other_tab") {
        await pages.tell(this.texts.other_tab, this.texts.use_here);
        location.reload();
      } else if (error instanceof Refused) pages.farewell([this.texts[error.reason] ?? this.texts.failed], this.texts);
      else throw error;
    }
  }

  ask(action, message) {
    return persistent(() => post(`/api/p/${this.token}/${action}`, message), this.tell);
  }

  take(found) {
    this.texts = found.texts;
    this.stop = found.stop;
    this.needed = found.needed_px;
    this.screenedOut = found.screened_out;
    document.documentElement.lang = found.language;
    const [red, green, blue] = found.background;
    document.documentElement.style.setProperty("--ground", `rgb(${red} ${green} ${blue})`);
    document.body.classList.toggle("dark", 0.2126 * red + 0.7152 * green + 0.0722 * blue > 117);
  }

  async begin(steps) {
    await this.enoughRoom();
    const answers = {};
    let agreed = false;
    for (const step of steps) {
      if (step.step === "consent") {
        agreed = await pages.consent(step, this.texts);
        if (!agreed) break;
      } else if (step.step === "field") answers[step.name] = await pages.field(step, this.texts);
      else await this.read(step);
    }
    agreed ||= !steps.some((step) => step.step === "consent");
    return this.ask("begin", { tab: this.tab, environment: environment(this.frameMs), agreed, answers: agreed ? answers : {} });
  }

  /** Wait until the window has room for every trial; a screen that has none is the end. */
  async enoughRoom() {
    const fits = ([width, height]) => width >= this.needed[0] && height >= this.needed[1];
    const screenPx = [screen.width * scale(), screen.height * scale()];
    const turned = [screenPx[1], screenPx[0]];
    if (!fits(screenPx) && !fits(turned) && !fits(windowPx())) {
      await this.ask("screen_out", { tab: this.tab });
      pages.farewell([this.texts.screen_too_small], this.texts, { link: this.screenedOut });
      await new Promise(() => {});
    }
    while (!fits(windowPx()) || pinch() !== 1) {
      pages.words([fits(windowPx()) ? this.texts.zoomed : this.texts.too_small]);
      while (!fits(windowPx()) || pinch() !== 1) await wait(200);
    }
  }

  async show(steps) {
    const trials = steps.filter((step) => step.step === "trial");
    let done = 0;
    for (const step of steps) {
      if (this.refusal) throw this.refusal;
      if (step.step === "loading") {
        pages.words([step.text]);
        await preload(trials.slice(0, AHEAD));
      } else if (step.step === "trial") {
        done += 1;
        const given = await this.trial(step, trials.slice(done, done + AHEAD));
        this.outbox.add(given);
        await feedback(step, given);
      } else await this.read(step);
    }
  }

  async trial(step, coming) {
    const interruptions = [];
    for (;;) {
      const trying = attempt(step, this.frameMs);
      preload(coming);
      const found = await trying;
      if (this.refusal) throw this.refusal;
      if (!found.interrupted) return { ...found, interruptions };
      interruptions.push(found.interrupted);
      if (found.interrupted === "escape") await this.askToStop();
      else {
        await this.enoughRoom();
        await pages.tell(this.texts.interrupted, this.texts.continue);
      }
    }
  }

  async read(step) {
    while ((await pages.read(step, this.texts)) === "escape") await this.askToStop();
  }

  async askToStop() {
    if (!(await pages.askToStop(this.stop, this.texts))) return;
    await this.saved();
    await this.ask("stop", { tab: this.tab });
    throw new Ended();
  }

  async saved() {
    if (this.outbox.waiting.length) pages.words([this.texts.saving]);
    await this.outbox.empty();
    if (this.refusal) throw this.refusal;
  }

  finish(found) {
    if (found.phase === "declined") pages.farewell([this.texts.declined], this.texts, { link: found.link });
    else pages.farewell(found.steps.flatMap((step) => step.paragraphs), this.texts, found);
  }
}
