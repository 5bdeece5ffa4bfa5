// What the server knows about one cell beyond the table: probabilities, history, surroundings.

import { useEffect, useState } from "../vendor/preact-htm/standalone.module.js";

const KEPT = 200; // cells whose facts stay in memory
export const PAUSE = 70; // ms that the pointer rests on a cell before it is asked about

/** Facts of a cell, null until they are there; those of a reading are asked for once. */
export function useCellFacts(api, session, id) {
  const [facts, setFacts] = useState(null);
  const stamp =
    id === null
      ? null
      : session.queue.unsaved.has(id)
        ? "unsaved"
        : session.table.state[session.table.row.get(id)];
  useEffect(() => {
    setFacts((now) => (now?.id === id ? now : null));
    if (id === null) return undefined;
    session.facts ??= new Map();
    const kept = session.facts.get(id);
    if (kept && kept.stamp === stamp) {
      setFacts(kept.facts);
      return undefined;
    }
    let wanted = true;
    const timer = setTimeout(async () => {
      try {
        const answer = await api.get(`/api/cells/${id}?reading=${session.reading.id}`);
        session.facts.delete(id);
        session.facts.set(id, { stamp, facts: answer });
        if (session.facts.size > KEPT) session.facts.delete(session.facts.keys().next().value);
        if (wanted) setFacts(answer);
      } catch {
        /* the picture of the sheet stays */
      }
    }, PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [session, id, stamp]);
  return facts?.id === id ? facts : null;
}

/** Fetch standard crops before they are wanted. */
export function preloadCrops(ids) {
  for (const id of ids) new Image().src = cropOf(id);
}

export function cropOf(id) {
  return `/api/cells/${id}/crop.jpg`;
}

export function contextOf(id, side) {
  return `/api/cells/${id}/context.jpg?side=${side}`;
}
