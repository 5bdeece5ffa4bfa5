// What components share: following a source of changes, keys, and the width of an element.

import {
  useEffect,
  useLayoutEffect,
  useReducer,
  useRef,
  useState,
} from "../vendor/preact-htm/standalone.module.js";

/** Draw again when a source (with `subscribe`) changes. */
export function useChanges(source) {
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => source?.subscribe(again), [source]);
}

/** Keys of the whole page, except while a text is typed or a dialog is open. The handler gives
 *  true when it took the key. */
export function useKeys(handler) {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => {
    const pressed = (event) => {
      if (event.defaultPrevented || typing(event.target) || document.querySelector("dialog[open]")) return;
      if (latest.current(event)) event.preventDefault();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
}

function typing(target) {
  if (target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName)) return true;
  return target.tagName === "INPUT" && !["checkbox", "radio", "range", "button"].includes(target.type);
}

/** Width and height of an element, kept up to date. */
export function useSize(ref) {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return size;
}

/** An answer of the server: {data, error, again}. A new `path` asks again; null asks nothing. */
export function useAnswer(api, path) {
  const [answer, setAnswer] = useState({ path: null, data: null, error: null });
  const [count, again] = useReducer((number) => number + 1, 0);
  useEffect(() => {
    if (!path) return undefined;
    let wanted = true;
    api.get(path).then(
      (data) => wanted && setAnswer({ path, data, error: null }),
      (error) => wanted && setAnswer({ path, data: null, error }),
    );
    return () => {
      wanted = false;
    };
  }, [path, count]);
  const current = answer.path === path ? answer : { data: null, error: null };
  return { ...current, again };
}
