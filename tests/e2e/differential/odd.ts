/**
 * Requests by chance whose shape is odd: request lines, hosts, header lines, framings, answers of the endpoint, and the
 * ways to send them and to leave. Each has few oddities, and names them.
 *
 * @module
 */
import type { Random } from "../../../src/base/random.ts";
import { LISTENERS } from "./bootstrap.ts";
import { BODIES, HEADERS, HOSTS, METHODS, type Odd, SCRIPTS, TARGETS, VERSIONS } from "./oddities.ts";
import type { WireCase } from "./wire-client.ts";

type Pick = <T>(from: readonly T[]) => T;

interface OddRequest {
  readonly method: string;
  readonly text: string;
  readonly traits: readonly string[];
}

/** @param id Of the case; the same number gives the same request from the same generator. */
export function oddCase(random: Random, id: string): WireCase {
  const pick: Pick = (from) => from[Math.floor(random() * from.length)] as (typeof from)[number];
  const chance = (of: number): boolean => random() < of;
  const listener = pick(Object.keys(LISTENERS));
  const count = chance(0.1) ? 2 + Math.floor(random() * 2) : 1;
  const requests = Array.from({ length: count }, () => oddRequest(pick, chance, id));
  const text = requests.map((it) => it.text).join("");
  const traits = requests.flatMap((it) => it.traits);
  const methods = requests.map(({ method }) => method);
  const base = { id, what: `odd ${id} (${traits.join(", ")})`, listener, methods };
  const cut = 1 + Math.floor(random() * (text.length - 1));
  if (chance(0.06)) {
    const leaves = chance(0.5) ? "half" : "reset";
    return { ...base, traits: [...traits, `${leaves} in the middle`], parts: [text.slice(0, cut)], leaves };
  }
  if (chance(0.03)) return { ...base, traits: [...traits, "half at the end"], parts: [text], leaves: "half" };
  if (chance(0.12)) return { ...base, traits: [...traits, "split"], parts: [text.slice(0, cut), text.slice(cut)] };
  return { ...base, traits, parts: [text] };
}

function oddRequest(pick: Pick, chance: (of: number) => boolean, id: string): OddRequest {
  const traits: string[] = [];
  /** One of the odd ones now and then, else what is usual. */
  const some = (from: readonly Odd[], usual: string, of: number): string => {
    if (!chance(of)) return usual;
    const [trait, text] = pick(from);
    traits.push(trait);
    return text;
  };
  const [bodyTrait, framing, body] = pick(BODIES.slice(0, chance(0.2) ? undefined : 3));
  if (bodyTrait !== "") traits.push(bodyTrait);
  const method = some(METHODS, body === "" ? pick(["GET", "GET", "HEAD", "DELETE"]) : pick(["POST", "PUT"]), 0.12);
  const target = some(TARGETS, pick(["/", "/a/b", "/edits?x=1", "/rbac"]), 0.2);
  const version = some(VERSIONS, "HTTP/1.1", 0.06);
  const host = some(HOSTS, "Host: main.example\r\n", 0.1);
  const script = some(SCRIPTS, "", 0.3);
  const lines = [host, `X-Case: ${id}\r\n`, script === "" ? "" : `x-do: ${script}\r\n`, some(HEADERS, "", 0.3)];
  if (chance(0.1)) lines.push(some(HEADERS, "", 1));
  lines.push(framing);
  return { method, text: `${method} ${target} ${version}\r\n${lines.join("")}\r\n${body}`, traits };
}
