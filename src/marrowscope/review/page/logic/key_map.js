// Which key means which class. Only single signs: what arrows, Enter and the like do is fixed.

/** Keys that a class cannot have, because they do something else. */
export const TAKEN = [" ", "?", "/", "+", "-"];

const ROWS = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];

/** Layouts, with their words on the page: "letters" are those of the vocabulary, easy to remember;
 *  "rows" lie as cells mature, for a hand that stays where it is. */
export const LAYOUTS = { letters: "letters of the names", rows: "rows by lineage, in order of maturation" };

/** The keys of a reader: those of a layout with the reader's own in their place.
 *  Classes without a key get a free one in the order of the keyboard. */
export function keyMap(vocabulary, own = {}, layout = "letters") {
  const codes = [...vocabulary.classes.map((one) => one.code), vocabulary.unidentified];
  const usual = layout === "rows" ? keysInRows(vocabulary) : (vocabulary.keys ?? {});
  const keys = new Map();
  const used = new Set();
  const give = (code, key) => {
    if (!key || keys.has(code) || used.has(key) || !allowed(key)) return;
    keys.set(code, key);
    used.add(key);
  };
  for (const code of codes) give(code, own[code]);
  give(vocabulary.unidentified, "0");
  for (const code of codes) give(code, usual[code]);
  for (const code of codes) {
    for (const key of [...code.toLowerCase(), ...ROWS.join("")]) give(code, key);
  }
  return { keys, codes: new Map([...keys].map(([code, key]) => [key, code])) };
}

/** The first lineage on the upper row of letters, the next two on the middle one, the rest on the
 *  lower; what does not fit goes to the end of the row below. Classes are in order of maturation. */
function keysInRows(vocabulary) {
  const lineages = [...new Set(vocabulary.classes.map((one) => one.lineage))];
  const rows = [[], [], []];
  for (const one of vocabulary.classes) {
    rows[Math.min(Math.ceil(lineages.indexOf(one.lineage) / 2), 2)].push(one.code);
  }
  const keys = {};
  rows.forEach((codes, at) => {
    const letters = ROWS[at + 1];
    codes.forEach((code, place) => {
      if (place < letters.length) keys[code] = letters[place];
      else rows[at + 1]?.push(code);
    });
  });
  return keys;
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
export function withKey(vocabulary, own, code, key, layout) {
  const now = keyMap(vocabulary, own, layout);
  const other = now.codes.get(key);
  const changed = { ...Object.fromEntries(now.keys), [code]: key };
  if (other && other !== code) changed[other] = now.keys.get(code);
  return changed;
}

/** The keys as they lie on the keyboard: rows of {key, code}, rows without a class left out.
 *  Keys that are on none of the four rows come last. */
export function keypad(map) {
  const rows = ROWS.map((row) => [...row].map((key) => ({ key, code: map.codes.get(key) ?? null })));
  const rest = [...map.codes]
    .filter(([key]) => !ROWS.join("").includes(key))
    .map(([key, code]) => ({ key, code }));
  return [...rows, rest].filter((row) => row.some((one) => one.code !== null));
}
