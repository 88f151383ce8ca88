/**
 * One trial: its timeline is shown frame by frame, and the answer to it is read.
 *
 * The onset is the time stamp of the frame after the one that drew the images: they appear then, or a frame later.
 * Keys and clicks carry the browser's time stamp, on the same clock.
 */

import { keyName } from "./keys.js";
import { trialPlaces } from "./layout.js";
import { element } from "./pages.js";
import { median, nextFrame, pinch, put, scale, watchWindow, windowPx } from "./pixels.js";

/** @type {Map<string, Promise<HTMLImageElement>>} */
const pictures = new Map();
const KEPT = 48;

/** Load and decode an image, trying again while there is no connection. @param {string} address */
function picture(address, tries = 0) {
  if (!pictures.has(address)) {
    const image = new Image();
    image.decoding = "sync";
    image.alt = "";
    image.draggable = false;
    image.src = address;
    pictures.set(address, image.decode().then(() => image, () => {
      pictures.delete(address);
      return new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, 5000))).then(() => picture(address, tries + 1));
    }));
    if (pictures.size > KEPT) pictures.delete(pictures.keys().next().value);
  }
  return pictures.get(address);
}

const imageAddress = (image) => `/image/${image.image}.png`;

/** Begin to load the images of trials. */
export const preload = (steps) => Promise.all(steps.flatMap((step) => step.images.map((image) => picture(imageAddress(image)))));

/** Load what a trial shows, so that each element is there before the first frame of it. */
async function load(step) {
  const found = {};
  for (const image of step.images) {
    found[image.role] = (await picture(imageAddress(image))).cloneNode();
    found[image.role].className = "place";
    found[image.role].dataset.role = image.role;
  }
  for (const { mask_of: role } of step.timeline) {
    if (!role || found[`mask ${role}`]) continue;
    const [width, height] = step.images.find((image) => image.role === role).size;
    found[`mask ${role}`] = (await picture(`/mask/${width}x${height}.png`)).cloneNode();
    found[`mask ${role}`].className = "place";
  }
  await Promise.all(Object.values(found).map((image) => image.decode()));
  return found;
}

/**
 * Show a trial once.
 * @param {object} step @param {number} frameMs
 * @returns {Promise<object>} the answer, or {interrupted: reason}
 */
export async function attempt(step, frameMs) {
  const images = await load(step);
  const places = trialPlaces(step, windowPx());
  if (!places || pinch() !== 1) return { interrupted: places ? "zoomed" : "too_small" };
  const window_ = watchWindow();
  const presses = listen(step);
  try {
    const drawing = lay(step, images, places);
    return await show(step, drawing, places, window_, presses, frameMs);
  } finally {
    delete document.body.dataset.onset;
    presses.close();
    window_.close();
  }
}

function lay(step, images, places) {
  document.body.classList.add("trial");
  const stage = document.getElementById("stage");
  const question = element("p", step.question, "question hidden");
  const top = Math.min(...Object.values(places).map((place) => place.top));
  question.style.bottom = `${window.innerHeight - top / scale()}px`;
  question.style.margin = "0";
  const cross = element("div", "", "cross");
  for (const [name, image] of Object.entries(images)) {
    const role = name.replace("mask ", "");
    put(image, places[role]);
    if (name === role) image.alt = `${role}`;
  }
  const answers = element("div", "", "answers hidden");
  for (const [choice, label] of Object.entries(step.buttons)) {
    const button = element("button", label);
    button.type = "button";
    button.dataset.choice = choice;
    button.tabIndex = -1;
    answers.append(button);
  }
  stage.replaceChildren(question, cross, ...Object.values(images), answers);
  return { stage, question, cross, images, answers };
}

function draw(drawing, showing) {
  const shown = new Set([...showing.images, showing.mask_of ? `mask ${showing.mask_of}` : ""]);
  for (const [name, image] of Object.entries(drawing.images)) image.classList.toggle("shown", shown.has(name));
  drawing.cross.classList.toggle("shown", showing.cross);
  drawing.question.classList.toggle("hidden", !showing.question);
  drawing.answers.classList.toggle("hidden", !showing.answers);
}

async function show(step, drawing, places, window_, presses, frameMs) {
  let onset = null;
  let vanished = null;
  const stamps = [];
  let stamp = await nextFrame();
  for (const showing of step.timeline) {
    draw(drawing, showing); // in the frame that began at `stamp`
    stamp = await nextFrame();
    const at = stamp;
    if (showing.answers && onset === null) {
      onset = at;
      document.body.dataset.onset = String(at);
    } else if (onset !== null && vanished === null) vanished = at;
    const until = showing.duration_s === null ? Infinity : at + 1000 * showing.duration_s;
    for (;;) {
      if (onset !== null) stamps.push(stamp);
      if (window_.reason()) return { interrupted: window_.reason() };
      const found = presses.take(onset === null ? Infinity : onset + 1000 * step.earliest_s);
      if (found?.leave) return { interrupted: "escape" };
      if (found) return answer(step, found, onset, vanished, stamps, places, frameMs);
      if (stamp >= until - 1.5 * frameMs) break; // the next frame draws what follows
      stamp = await nextFrame();
    }
    if (until === Infinity) throw new Error("the last showing of a timeline lasts until the answer");
  }
  throw new Error("the last showing of a timeline lasts until the answer");
}

function answer(step, press, onset, vanished, stamps, places, frameMs) {
  const intervals = stamps.slice(1).map((stamp, n) => stamp - stamps[n]);
  const usual = median(intervals) || frameMs;
  return {
    trial: step.trial,
    choice: press.choice,
    response_time_ms: Math.max(0, press.at - onset),
    uncertainty_ms: frameMs,
    device: press.device,
    key: press.key,
    at_px: press.px,
    exposure_ms: vanished === null ? null : vanished - onset,
    frames: {
      frames: intervals.length,
      median_ms: Number(usual.toFixed(3)),
      longest_ms: Number(Math.max(0, ...intervals).toFixed(3)),
      dropped: intervals.reduce((sum, interval) => sum + Math.max(0, Math.round(interval / usual) - 1), 0),
    },
    places: Object.fromEntries(
      Object.entries(places).map(([role, place]) => [role, [place.left, place.top, place.width, place.height]]),
    ),
    window_px: windowPx(),
    device_pixel_ratio: scale(),
    pinch: pinch(),
    untrusted: !press.trusted,
  };
}

/** Collect presses that could answer; `take` returns the first that is not too early. */
function listen(step) {
  const found = [];
  const down = (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyName(event);
    const common = { at: event.timeStamp, key, device: "keyboard", px: null, trusted: event.isTrusted };
    if (key === "escape") found.push({ ...common, leave: true });
    else if (key in step.keys) found.push({ ...common, choice: step.keys[key] });
    else return;
    event.preventDefault();
  };
  const point = (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    const target = event.target instanceof Element ? event.target : null;
    const button = target?.closest("button");
    const side = step.pointer && target?.classList.contains("shown") ? target.dataset.role : "";
    const choice = button?.dataset.choice ?? (side === "reference" ? "" : side);
    if (!choice) return;
    event.preventDefault();
    const px = [event.clientX * scale(), event.clientY * scale()].map((length) => Number(length.toFixed(2)));
    const device = button ? "button" : event.pointerType || "mouse";
    found.push({ at: event.timeStamp, key: button ? "button" : "mouse", device, px, choice, trusted: event.isTrusted });
  };
  window.addEventListener("keydown", down);
  window.addEventListener("pointerdown", point);
  return {
    take(earliest) {
      while (found.length) {
        const press = found.shift();
        if (press.leave || press.at >= earliest) return press;
      }
      return null;
    },
    close() {
      window.removeEventListener("keydown", down);
      window.removeEventListener("pointerdown", point);
    },
  };
}

/** Show what follows an answer, the images where they are. */
export async function feedback(step, given) {
  if (!step.feedback.duration_s) return;
  const stage = document.getElementById("stage");
  stage.querySelector(".answers")?.classList.add("hidden");
  const place = given.places[given.choice];
  if (step.feedback.frame && place) {
    const [left, top, width, height] = place;
    const thick = Math.max(2, Math.min(Math.floor(step.gap / 4), Math.round(4 * scale())));
    const frame = element("div", "", "frame");
    put(frame, { left: left - 2 * thick, top: top - 2 * thick, width: width + 4 * thick, height: height + 4 * thick });
    frame.style.borderWidth = `${thick / scale()}px`;
    stage.append(frame);
  }
  if (!step.feedback.frame) for (const image of stage.querySelectorAll(".place")) image.classList.remove("shown");
  if (given.choice in step.feedback.texts) {
    const spoken = element("p", step.feedback.texts[given.choice], "spoken");
    const below = Math.max(...Object.values(given.places).map(([, top, , height]) => top + height));
    spoken.style.top = `${below / scale() + 12}px`;
    spoken.style.margin = "0";
    stage.append(spoken);
  }
  const until = (await nextFrame()) + 1000 * step.feedback.duration_s;
  while ((await nextFrame()) < until);
}
