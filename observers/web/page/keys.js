/** Keys of a browser by PsychoPy's names, which definitions use. */

const NAMES = {
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", Space: "space", Enter: "return",
  Tab: "tab", Backspace: "backspace", Delete: "delete", Insert: "insert", Home: "home", End: "end", PageUp: "pageup",
  PageDown: "pagedown", Pause: "pause", ContextMenu: "menu", CapsLock: "capslock", Escape: "escape",
  ShiftLeft: "lshift", ShiftRight: "rshift", ControlLeft: "lctrl", ControlRight: "rctrl", AltLeft: "lalt",
  AltRight: "ralt", MetaLeft: "lwindows", MetaRight: "rwindows", NumLock: "numlock", NumpadAdd: "num_add",
  NumpadSubtract: "num_subtract", NumpadMultiply: "num_multiply", NumpadDivide: "num_divide",
  NumpadDecimal: "num_decimal", NumpadEnter: "num_enter", NumpadEqual: "num_equal",
};
const SIGNS = {
  "-": "minus", "=": "equal", "[": "bracketleft", "]": "bracketright", "\\": "backslash", ";": "semicolon",
  "'": "apostrophe", ",": "comma", ".": "period", "/": "slash", "`": "quoteleft", "<": "less", "#": "pound",
};

/**
 * Return PsychoPy's name of a key that went down: letters and signs by what they write, other keys by where they are.
 * @param {KeyboardEvent} event
 * @returns {string}
 */
export function keyName(event) {
  if (event.code in NAMES) return NAMES[event.code];
  if (/^Numpad\d$/.test(event.code)) return `num_${event.code.slice(6)}`;
  if (/^F\d+$/.test(event.key)) return event.key.toLowerCase();
  if (event.key in SIGNS) return SIGNS[event.key];
  if (event.key.length === 1) return event.key.toLowerCase();
  return { " ": "space", Enter: "return", Escape: "escape" }[event.key] ?? NAMES[event.key] ?? event.key.toLowerCase();
}
