// The part of an address after #: which screen of which smear.

export const SCREENS = ["gallery", "one", "field", "agreement", "sign", "trail"];

/** "#/smear/3/gallery?reading=5" → {screen, smear, reading}; what is not understood is the list. */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean);
  const reading = Number(new URLSearchParams(query).get("reading")) || null;
  if (parts[0] === "users") return { screen: "users", smear: null, reading: null };
  if (parts[0] === "smear" && /^[1-9]\d{0,14}$/.test(parts[1] ?? "")) {
    const screen = SCREENS.includes(parts[2]) ? parts[2] : "gallery";
    return { screen, smear: Number(parts[1]), reading };
  }
  return { screen: "worklist", smear: null, reading: null };
}

/** The address of a screen. */
export function routeTo(screen, smear = null, reading = null) {
  if (screen === "worklist") return "#/";
  if (smear === null) return `#/${screen}`;
  return `#/smear/${smear}/${screen}${reading ? `?reading=${reading}` : ""}`;
}
