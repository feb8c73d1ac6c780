/**
 * What came of a case, as lines that can be compared.
 *
 * Two things are not compared anywhere. Header names are compared in lower case: Envoy writes them so, we pass them on as
 * they came, and to HTTP they are the same. Of a status line its reason is left out: Envoy writes its own for a status, we
 * pass the backend's on. Lines of one name count as their list (RFC 9110 §5.3), but for cookies.
 *
 * @module
 */
import type { SeenRequest } from "./scripted-backend.ts";
import type { WireResult } from "./wire-client.ts";

/** What is looked at, such as `answer 0 header date`, and what was there. */
export type Outcome = ReadonlyMap<string, string>;

export interface Difference {
  readonly at: string;
  readonly envoy: string;
  readonly tulle: string;
}

/** As the bootstrap's log format has them. */
const LOG_PARTS = ["head", "result", "details", "bytes", "route"] as const;
export const NOTHING = "(nothing)";

/** 101 is the last answer of HTTP, not one before another. */
const INTERIM = /^HTTP\/1\.[01] 1(?!01)/;

/** Values that are different each time. */
const VOLATILE: Readonly<Record<string, readonly [RegExp, string]>> = {
  date: [/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, "a date"],
  "x-request-id": [/^(?!6f6c4b5c)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, "a request id"],
  "x-envoy-upstream-service-time": [/^\d+$/, "milliseconds"],
};

/** @param port Of the listener that was asked. */
export function outcomeOf(
  result: WireResult,
  seen: readonly SeenRequest[],
  log: readonly string[],
  port: number,
): Outcome {
  const found = new Map<string, string>();
  const { answers, closed, rest } = result;
  found.set("closed", String(closed));
  if (rest !== "") found.set("rest", JSON.stringify(rest.slice(0, 200)));
  let [finals, interims] = [0, 0];
  for (const { body, cut, headers, line, trailers } of answers) {
    const at = INTERIM.test(line) ? `interim ${interims++}` : `answer ${finals++}`;
    found.set(`${at} line`, line.split(" ").slice(0, 2).join(" "));
    found.set(`${at} body`, shortened(body));
    if (trailers !== "") found.set(`${at} trailers`, trailers);
    if (cut) found.set(`${at} cut`, "true");
    addHeaders(found, at, headers, port);
  }
  for (const [i, { body, framing, headers, line, trailers }] of seen.entries()) {
    const at = `backend ${i}`;
    found.set(`${at} line`, line);
    found.set(`${at} body`, `${framing} ${shortened(body)}`);
    if (trailers !== "") found.set(`${at} trailers`, trailers);
    addHeaders(found, at, headers, port);
  }
  for (const [i, line] of log.entries()) {
    const parts = line.split(" | ");
    for (const [j, name] of LOG_PARTS.entries()) found.set(`log ${i} ${name}`, parts[j] ?? "");
  }
  return found;
}

function addHeaders(
  found: Map<string, string>,
  at: string,
  headers: readonly (readonly [name: string, value: string])[],
  port: number,
): void {
  for (const [written, value] of headers) {
    const name = written.toLowerCase();
    const key = `${at} header ${name}`;
    const [pattern, word] = VOLATILE[name] ?? [];
    const shown = pattern?.test(value) === true ? (word ?? "") : value === String(port) ? "the port" : value;
    const before = found.get(key);
    found.set(key, before === undefined ? shown : `${before}${name === "set-cookie" ? " ‖ " : ","}${shown}`);
  }
}

const shortened = (text: string): string =>
  text.length > 300 ? `${text.length} bytes: ${text.slice(0, 40)}…` : JSON.stringify(text);

export function differences(envoy: Outcome, tulle: Outcome): Difference[] {
  const places = new Set([...envoy.keys(), ...tulle.keys()]);
  return [...places].flatMap((at) => {
    const [theirs, ours] = [envoy.get(at) ?? NOTHING, tulle.get(at) ?? NOTHING];
    return theirs === ours ? [] : [{ at, envoy: theirs, tulle: ours }];
  });
}
