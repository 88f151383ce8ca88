/**
 * Answers on their way: each lies in the browser's storage until the server says that it is on disk. They are sent one
 * after the other, in order, as often as it takes; the server takes each trial's answer once.
 */

import { persistent, post } from "./server.js";

export class Outbox {
  /**
   * @param {string} token @param {string} tab @param {(lost: boolean) => void} tell
   * @param {(error: unknown) => void} refused
   */
  constructor(token, tab, tell, refused) {
    this.token = token;
    this.tab = tab;
    this.tell = tell;
    this.refused = refused;
    this.key = `visavis-answers-${token}`;
    /** @type {object[]} */
    this.waiting = JSON.parse(read(this.key) || "[]");
    this.sending = null;
    window.addEventListener("beforeunload", (event) => {
      if (this.waiting.length) event.preventDefault();
    });
  }

  /** Keep an answer and send it. @param {object} answer */
  add(answer) {
    this.waiting.push({ ...answer, given_at: Date.now() });
    this.store();
    this.send();
  }

  /** Resolves once everything is on the server's disk. */
  async empty() {
    while (this.waiting.length) await this.send();
  }

  send() {
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  async sendAll() {
    while (this.waiting.length) {
      const { given_at: givenAt, ...answer } = this.waiting[0];
      const message = () => ({ ...answer, tab: this.tab, ago_ms: Math.max(0, Date.now() - givenAt) });
      try {
        await persistent(() => post(`/api/p/${this.token}/answer`, message()), this.tell);
      } catch (error) {
        this.refused(error);
        if (error.reason === "other_tab") {
          this.waiting.length = 0; // the other tab has these answers, from the same storage
          return;
        }
        // What the server refuses, it would refuse again: it is kept apart, and those after it are sent by the next page.
        const refused = JSON.parse(read(`${this.key}-refused`) || "[]");
        write(`${this.key}-refused`, JSON.stringify([...refused, this.waiting.shift()]));
        this.store();
        this.waiting.length = 0;
        return;
      }
      this.waiting.shift();
      this.store();
    }
  }

  store() {
    write(this.key, this.waiting.length ? JSON.stringify(this.waiting) : "");
  }
}

/** @param {string} key @returns {string} */
export function read(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return ""; // storage is switched off
  }
}

/** @param {string} key @param {string} value */
export function write(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // storage is switched off: answers wait in memory
  }
}
