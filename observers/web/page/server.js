/** Requests to the study's server; what it refuses is an error with the reason. */

export class Refused extends Error {
  /** @param {string} reason */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * Send JSON and return JSON. A connection that fails, and a server that is busy or restarting, raise `TypeError`.
 * @param {string} path @param {object} message @param {RequestInit} options
 */
export async function post(path, message, options = {}) {
  const reply = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(message), ...options,
  });
  if (reply.ok) return reply.json();
  let refused = "failed";
  try {
    refused = (await reply.json()).refused ?? refused;
  } catch {
    // a proxy's page
  }
  if (reply.status >= 500 || reply.status === 429 || reply.status === 408) throw new TypeError(refused);
  throw new Refused(refused);
}

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Repeat a request while there is no connection, saying so.
 * @template T @param {() => Promise<T>} request @param {(lost: boolean) => void} tell
 * @returns {Promise<T>}
 */
export async function persistent(request, tell) {
  for (let tries = 0; ; tries += 1) {
    try {
      const found = await request();
      tell(false);
      return found;
    } catch (error) {
      if (error instanceof Refused) throw error;
      tell(true);
      await wait(Math.min(500 * 2 ** tries, 5000));
    }
  }
}
