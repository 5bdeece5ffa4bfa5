// Which key means which class. Only single signs: what arrows, Enter and the like do is fixed.

/** Keys that a class cannot have, because they do something else. */
export const TAKEN = [" ", "?", "/", "+", "-"];

const ROWS = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];

/** The keys of a reader: those of the vocabulary with the reader's own in their place.
 *  Classes without a key get a free one in the order of the keyboard. */
export function keyMap(vocabulary, own = {}) {
  const codes = [...vocabulary.classes.map((one) => one.code), vocabulary.unidentified];
  const keys = new Map();
  const used = new Set();
  const give = (code, key) => {
    if (!key || keys.has(code) || used.has(key) || !allowed(key)) return;
    keys.set(code, key);
    used.add(key);
  };
  for (const code of codes) give(code, own[code]);
  give(vocabulary.unidentified, "0");
  for (const code of codes) give(code, vocabulary.keys?.[code]);
  for (const code of codes) {
    for (const key of [...code.toLowerCase(), ...ROWS.join("")]) give(code, key);
  }
  return { keys, codes: new Map([...keys].map(([code, key]) => [key, code])) };
}

/** Whether a key can stand for a class. */
export function allowed(key) {
  return key.length === 1 && !TAKEN.includes(key) && key === key.toLowerCase();
}

/** The class of a key event, null for none; a key with ctrl, alt or meta never means a class. */
export function classOfKey(map, event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.key.length !== 1) return null;
  return map.codes.get(event.key.toLowerCase()) ?? null;
}

/** A reader's keys with one changed; who had that key before gets the freed one. */
export function withKey(vocabulary, own, code, key) {
  const now = keyMap(vocabulary, own);
  const other = now.codes.get(key);
  const changed = { ...Object.fromEntries(now.keys), [code]: key };
  if (other && other !== code) changed[other] = now.keys.get(code);
  return changed;
}

/** The keys as they lie on the keyboard: rows of {key, code}, rows without a class left out.
 *  Keys that are on none of the four rows come last. */
export function keypad(map) {
  const rows = ROWS.map((row) => [...row].map((key) => ({ key, code: map.codes.get(key) ?? null })));
  const rest = [...map.codes].filter(([key]) => !ROWS.join("").includes(key))
    .map(([key, code]) => ({ key, code }));
  return [...rows, rest].filter((row) => row.some((one) => one.code !== null));
}
