// Numbers and times as the page writes them.

/** 12.345 → "12.3"; nothing → "–". */
export function decimal(value, places = 1) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(places);
}

/** An interval of percentages, "4.1–9.8". */
export function interval(low, high, places = 1) {
  return `${decimal(low, places)}–${high === null ? "∞" : decimal(high, places)}`;
}

/** 1 cell, 2 cells. */
export function many(number, one, several = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : several}`;
}

/** A time of the server as date and minute in the reader's zone. */
export function when(time) {
  if (!time) return "–";
  const date = new Date(typeof time === "number" ? time * 1000 : time);
  if (Number.isNaN(date.getTime())) return String(time);
  const two = (value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** How long ago, in the largest unit: "3 min", "2 h", "5 d". */
export function age(time, now = Date.now()) {
  const date = new Date(typeof time === "number" ? time * 1000 : time);
  const minutes = Math.max(0, Math.floor((now - date.getTime()) / 60000));
  if (Number.isNaN(minutes)) return "–";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 1440)} d`;
}

/** Whether a count stands at a hundred or at its target: what the counter beeps at. */
export function beepAt(count, target) {
  if (count === target) return "long";
  return count > 0 && count % 100 === 0 ? "short" : null;
}
