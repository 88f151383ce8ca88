/**
 * Where images stand, in whole device pixels: the rule of `observers/human/layout.py`, which a test compares with this.
 * @typedef {[number, number]} Size
 * @typedef {{left: number, top: number, width: number, height: number}} Place
 */

/** Room above the images for the question and below them for the feedback, in device pixels. */
export const QUESTION_PX = 90;

/**
 * Place images side by side in the middle of a window; null where they do not fit.
 * @param {Size[]} sizes @param {number} gap @param {Size} window
 * @returns {Place[] | null}
 */
export function inARow(sizes, gap, [width, height]) {
  const all = sizes.reduce((sum, size) => sum + size[0], 0) + gap * (sizes.length - 1);
  const tallest = Math.max(...sizes.map((size) => size[1]));
  if (all > width || tallest + 2 * QUESTION_PX > height) return null;
  let left = Math.floor((width - all) / 2);
  return sizes.map(([w, h]) => {
    const place = { left, top: Math.floor((height - h) / 2), width: w, height: h };
    left += w + gap;
    return place;
  });
}

/**
 * Place the images of a trial, by their roles; null where they do not fit.
 * @param {{images: {role: string, size: Size}[], gap: number, successive: boolean}} step @param {Size} window
 * @returns {Record<string, Place> | null}
 */
export function trialPlaces(step, window) {
  const rows = step.successive ? step.images.map((image) => [image]) : [step.images];
  const places = rows.map((row) => inARow(row.map((image) => image.size), step.gap, window));
  if (places.some((row) => row === null)) return null;
  return Object.fromEntries(step.images.map((image, at) => [image.role, places.flat()[at]]));
}
