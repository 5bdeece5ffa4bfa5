// Counts per class → the differential count, as marrowscope.differential computes it.

const Z = 1.959964; // 97.5 % quantile of the normal distribution

/** Wilson (1927) 95 % interval of a share, [low, high]; 0 to 1 for no cells. */
export function wilsonInterval(count, cells) {
  const share = cells > 0 ? count / cells : 0.5;
  const half = Math.sqrt(Z * Z * share * (1 - share) * cells + Z ** 4 / 4);
  const middle = cells * share + (Z * Z) / 2;
  const clip = (value) => Math.min(Math.max(value / (cells + Z * Z), 0), 1);
  return [clip(middle - half), clip(middle + half)];
}

/** Percentages with one decimal that sum to 100 as shown (largest remainder, Hamilton). */
export function percentages(counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!total) return counts.map(() => 0);
  const exact = counts.map((count) => (count / total) * 1000);
  const whole = exact.map((value) => Math.floor(value + 1e-9));
  const rest = exact.map((value, place) => Math.round((value - whole[place]) * 1e9));
  const missing = 1000 - whole.reduce((sum, value) => sum + value, 0);
  counts
    .map((_, place) => place)
    .sort((a, b) => rest[b] - rest[a] || counts[b] - counts[a] || a - b)
    .slice(0, Math.max(missing, 0))
    .forEach((place) => {
      whole[place] += 1;
    });
  return whole.map((value) => value / 10);
}

/** Ratio of two counts of one sample with its interval: the odds of Wilson's interval. */
export function ratioOfCounts(over, under) {
  const cells = over + under;
  if (!cells) return { value: null, low: 0, high: null };
  const [low, high] = wilsonInterval(over, cells);
  const odds = (share) => (share < 1 ? share / (1 - share) : null);
  return {
    value: under ? over / under : null,
    low: over ? odds(low) : 0,
    high: under ? odds(high) : null,
  };
}

/** Further cells until the interval leaves a threshold out if the share stays; null: never. */
export function cellsToExclude(count, cells, threshold) {
  const away = Math.abs(count / cells - threshold);
  if (away < 1e-12) return null;
  const total = Math.floor((Z * Z * threshold * (1 - threshold)) / away ** 2) + 1;
  const more = Math.max(total, cells + 1) - cells;
  return more > 20000 ? null : more;
}

/** The differential of a reading.
 *
 * tally: of CellTable. vocabulary: its classes have code, lineage, role. Classes that are not in
 * it are counted, in no lineage.
 */
export function differential(tally, vocabulary) {
  const known = new Map(vocabulary.classes.map((one) => [one.code, one]));
  const role = (code) =>
    code === vocabulary.unidentified ? "not classified" : (known.get(code)?.role ?? "counted");
  const codes = [...new Set([...known.keys(), ...[...tally.classes.keys()].sort()])];
  const counted = codes.filter((code) => role(code) === "counted");
  const number = (code) => tally.classes.get(code) ?? 0;
  const sum = (wanted) => codes.reduce((all, code) => all + (wanted(code) ? number(code) : 0), 0);
  const countable = sum((code) => role(code) === "counted");
  const percent = percentages(counted.map(number));
  const classes = counted.map((code, place) => {
    const [low, high] = wilsonInterval(number(code), countable);
    return { code, count: number(code), percent: percent[place], low: 100 * low, high: 100 * high };
  });
  const lineage = (side) => sum((code) => role(code) === "counted" && known.get(code)?.lineage === side);
  return {
    countable,
    notClassified: sum((code) => role(code) === "not classified") + tally.unsure,
    excluded: sum((code) => role(code) === "excluded"),
    classes,
    me: ratioOfCounts(lineage("myeloid"), lineage("erythroid")),
    blasts: blastShare(vocabulary, number, countable),
  };
}

function blastShare(vocabulary, number, countable) {
  const count = vocabulary.blasts.reduce((sum, code) => sum + number(code), 0);
  const [low, high] = wilsonInterval(count, countable);
  const open = vocabulary.decisions.filter((one) => countable && low <= one && one <= high);
  return {
    count,
    percent: countable ? (100 * count) / countable : null,
    low: 100 * low,
    high: 100 * high,
    decisions: open.map((one) => ({ threshold: 100 * one, more: cellsToExclude(count, countable, one) })),
  };
}
