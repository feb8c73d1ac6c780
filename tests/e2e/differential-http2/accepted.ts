/**
 * Where the two proxies differ over HTTP/2 and are meant to, each with its reason.
 *
 * @module
 */
import { type Difference, NOTHING } from "../differential/outcome.ts";
import type { StreamsCase } from "./odd-streams.ts";

interface Accepted {
  readonly why: string;
  /** @param all The differences of the case, this one among them. */
  readonly covers: (difference: Difference, wire: StreamsCase, all: readonly Difference[]) => boolean;
}

/** What an endpoint of HTTP/1.1 is asked to do, by its `x-do`. */
export const HTTP1_ANSWERS: readonly string[] = [
  "as=chunked",
  "as=trailers",
  "as=close",
  "as=none",
  "as=partial",
  "status=204",
  "status=304",
  "status=404",
  "interim=103",
  "reset",
  "head=Set-Cookie:a=b;head=Set-Cookie:c=d",
  "head=Connection:x-drop;head=X-Drop:d",
  "head=Keep-Alive:timeout=5",
  "raw=large",
  "raw=http10-close",
  "raw=101-unasked",
];

/** What we refuse and Envoy lets through. */
const STRICTER: readonly string[] = [
  "authority with comma",
  "bad port",
  "bad authority",
  "authority with user",
  "lower case method",
  "high bytes in the path",
  "odd scheme",
  "empty scheme",
  "other expectation",
  "equal lengths",
  "bad length",
];
/** What we let through and Envoy does not. */
const LOOSER: readonly string[] = [
  "asterisk of OPTIONS",
  "odd method",
  // Envoy tells HTTP/2 by the first read, and takes a part of the preface for HTTP/1.1.
  "cut within the preface",
];

const has = ({ traits }: StreamsCase, names: readonly string[]): boolean => traits.some((it) => names.includes(it));
const refuses = (which: "envoy" | "tulle", all: readonly Difference[]): boolean =>
  all.some((it) => it.at.endsWith(" result") && it[which] === "refused");

export const ACCEPTED_STREAMS: readonly Accepted[] = [
  {
    why: "we are stricter: what the endpoint could read in two ways, or HTTP/1.1 would not take, is refused",
    covers: (_, wire, all) => has(wire, STRICTER) && refuses("tulle", all),
  },
  {
    why: "what HTTP allows and Envoy's router does not know",
    covers: (_, wire, all) => has(wire, LOOSER) && refuses("envoy", all),
  },
  {
    why: "interim answers are passed on (RFC 9110 §15.2), but for 100, which is ours to send; Envoy drops them",
    covers: ({ at, envoy, tulle }) =>
      / interim \d$/.test(at) && (envoy === NOTHING || tulle === NOTHING || envoy.startsWith(":status: 100")),
  },
  {
    why: "a client's scheme is not believed where the connection says another one",
    covers: ({ at, envoy, tulle }, wire) =>
      has(wire, ["scheme"]) && at.endsWith(" head") && envoy.replace(":scheme: https", ":scheme: http") === tulle,
  },
  {
    why: "a request that its client resets may be gone before it is sent on, or not: chance",
    covers: ({ at }, wire) => has(wire, ["reset"]) && at.startsWith("backend "),
  },
  {
    why: "a length belongs in a head: in trailers it goes no further; Envoy passes it on, or takes it for the body's",
    covers: ({ at }, wire, all) =>
      has(wire, ["length in trailers"]) && (/^backend \d trailers$/.test(at) || refuses("envoy", all)),
  },
  {
    why: "what other streams have got by the time that a connection ends for the fault of one is chance",
    covers: (_, { shown, traits }) =>
      shown.split('":method"').length > 2 &&
      traits.some((it) => / (in trailers|its length)$|upper case trailers/.test(it)),
  },
  {
    why: "how much of an answer that is cut comes through before the reset is chance",
    covers: ({ at }, wire) => has(wire, ["answer as=partial", "answer reset within the body"]) && at.endsWith(" body"),
  },
  {
    why: "how much of a request goes out before its endpoint answers, which it does at once here, is chance",
    covers: ({ at, envoy, tulle }, wire) =>
      has(wire, ["answer status=204", "answer status=304"]) &&
      /^backend \d body$/.test(at) &&
      (isBeginning(envoy, tulle) || isBeginning(tulle, envoy)),
  },
  {
    why: "how long an endpoint took is told of every answer, also of one that came before its request was whole",
    covers: ({ at, envoy, tulle }) =>
      at.endsWith(" head") && tulle.replace(" | x-envoy-upstream-service-time: …", "") === envoy,
  },
  {
    why: "headers that an endpoint's Connection names are for that connection alone (RFC 9110 §7.6.1)",
    covers: ({ at, envoy, tulle }) => at.endsWith(" head") && envoy.replace("x-drop: d | ", "") === tulle,
  },
  {
    why: "a switch that nobody asked for is an answer that is wrong; Envoy waits on",
    covers: ({ at, envoy, tulle }, wire) =>
      has(wire, ["answer raw=101-unasked"]) && at.endsWith(" result") && envoy === "nothing" && tulle === "502",
  },
  {
    why: "white space around a value is no part of it (RFC 9110 §5.5)",
    covers: ({ at, envoy, tulle }, wire) =>
      has(wire, ["space around a value"]) && at.endsWith(" head") && envoy.replace("x-a:  b ", "x-a: b") === tulle,
  },
];

/** Whether one text in quotes is where the other begins. */
const isBeginning = (part: string, whole: string): boolean => part.endsWith('"') && whole.startsWith(part.slice(0, -1));
