/** The window in device pixels, and whatever would keep images from being shown pixel for pixel. */

/** @returns {number} device pixels a CSS pixel, the browser's zoom among them */
export const scale = () => window.devicePixelRatio;

/** @returns {number} how far the page is spread with the fingers, 1 where it is not */
export const pinch = () => window.visualViewport?.scale ?? 1;

/** @returns {[number, number]} size of the window in whole device pixels */
export const windowPx = () => [Math.floor(window.innerWidth * scale() + 1e-6), Math.floor(window.innerHeight * scale() + 1e-6)];

/**
 * Put an element on whole device pixels.
 * @param {HTMLElement} element @param {import("./layout.js").Place} place
 */
export function put(element, { left, top, width, height }) {
  const ratio = scale();
  Object.assign(element.style, {
    left: `${left / ratio}px`, top: `${top / ratio}px`, width: `${width / ratio}px`, height: `${height / ratio}px`,
  });
}

/** Resolves with the time stamp of the next frame. @returns {Promise<number>} */
export const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/** Median interval of frames in ms, of 24 of them. @returns {Promise<number>} */
export async function frameInterval() {
  const stamps = [];
  for (let n = 0; n < 25; n += 1) stamps.push(await nextFrame());
  return median(stamps.slice(1).map((stamp, n) => stamp - stamps[n])) || 1000 / 60;
}

/** @param {number[]} values @returns {number} */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : 0;
}

/** Least step of the page's clock that was seen, in ms. @returns {number} */
function clockResolution() {
  let least = Infinity;
  for (let n = 0; n < 20; n += 1) {
    const began = performance.now();
    let now = began;
    while (now === began) now = performance.now();
    least = Math.min(least, now - began);
  }
  return least;
}

const media = (query) => window.matchMedia(query).matches;

/** Everything about browser and screen that is recorded. @param {number} frameMs */
export function environment(frameMs) {
  return {
    user_agent: navigator.userAgent.slice(0, 300),
    languages: [...navigator.languages].slice(0, 20),
    device_pixel_ratio: scale(),
    window_px: windowPx(),
    screen_px: [Math.round(screen.width * scale()), Math.round(screen.height * scale())],
    pinch: pinch(),
    colour_depth: screen.colorDepth,
    gamut: ["rec2020", "p3", "srgb"].find((gamut) => media(`(color-gamut: ${gamut})`)) ?? "unknown",
    dynamic_range: ["high", "standard"].find((range) => media(`(dynamic-range: ${range})`)) ?? "unknown",
    touch: navigator.maxTouchPoints > 0,
    frame_ms: frameMs,
    clock_resolution_ms: clockResolution(),
  };
}

/**
 * Watch for what interrupts a trial: the window changes, the page is hidden, zoomed or left.
 * @returns {{reason: () => string, close: () => void}}
 */
export function watchWindow() {
  let reason = "";
  const before = JSON.stringify([windowPx(), scale(), pinch()]);
  const changed = () => {
    if (JSON.stringify([windowPx(), scale(), pinch()]) !== before) reason ||= "window";
  };
  const hidden = () => {
    if (document.hidden) reason ||= "hidden";
  };
  const left = () => (reason ||= "focus");
  hidden();
  window.addEventListener("resize", changed);
  window.visualViewport?.addEventListener("resize", changed);
  document.addEventListener("visibilitychange", hidden);
  window.addEventListener("blur", left);
  return {
    reason() {
      changed();
      return reason;
    },
    close() {
      window.removeEventListener("resize", changed);
      window.visualViewport?.removeEventListener("resize", changed);
      document.removeEventListener("visibilitychange", hidden);
      window.removeEventListener("blur", left);
    },
  };
}
