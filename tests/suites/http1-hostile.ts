/**
 * Runs byte-exact hostile requests against a reader of HTTP/1.1: what nobody may accept must be refused, what is legal
 * must not be. What only a connection can decide (time, size in bytes, the next request) is listed with its reason.
 *
 * @module
 */
import { expect, test } from "bun:test";

/** What a reader makes of all the bytes of a case. `accepted`: they are whole requests and nothing else. */
export type Outcome =
  | { readonly t: "accepted"; readonly bodies: readonly string[] }
  | { readonly t: "incomplete" }
  | { readonly t: "refused"; readonly status: number; readonly reason: string };

export type ReadAll = (raw: Buffer) => Outcome;

type Ranges = readonly (readonly [low: number, high: number])[];

interface HostileCase {
  readonly id: string;
  readonly note: string;
  readonly rfcLevel: string | null;
  /** Null in a case of several steps. */
  readonly rawRequest: string | null;
  readonly variants?: Readonly<Record<string, string>>;
  readonly expected: {
    readonly pass: Ranges;
    readonly warn: Ranges;
    readonly noResponse: { readonly closed: string; readonly timeout: string };
  };
}

export interface HostileCases {
  readonly cases: readonly HostileCase[];
  readonly upstreamCases: number;
}

/** Cases that a head's parser lets pass, and who refuses them. */
const DECIDED_BY_CONNECTION: Readonly<Record<string, string>> = {
  "MAL-LONG-URL": "the limit of a head's bytes is a setting of the listener",
  "MAL-LONG-HEADER-VALUE": "the limit of a head's bytes is a setting of the listener",
};

const HOST = "localhost:8080";

/** The bytes of a case, its placeholders filled in. */
function render(base64: string): Buffer {
  const sum = (a: string, b: string): number => Number(a) + Number(b) * HOST.length;
  const text = Buffer.from(base64, "base64")
    .toString("latin1")
    .replace(/\{d:(\d+)\+(\d+)\*host\}/g, (_, a: string, b: string) => String(sum(a, b)))
    .replace(/\{x:(\d+)\+(\d+)\*host\}/g, (_, a: string, b: string) => sum(a, b).toString(16))
    .replaceAll("{host}", HOST);
  return Buffer.from(text, "latin1");
}

const holds = (ranges: Ranges, status: number): boolean =>
  ranges.some(([low, high]) => status >= low && status <= high);

/** Upstream's verdict, were the outcome a server's: an accepted request is answered with 200. */
function verdictOf({ expected: { pass, warn, noResponse } }: HostileCase, outcome: Outcome): string {
  if (outcome.t === "incomplete") return noResponse.timeout;
  const status = outcome.t === "accepted" ? 200 : outcome.status;
  return holds(pass, status) ? "pass" : holds(warn, status) ? "warn" : "fail";
}

/** Http11Probe: one test for each case of one step, and one that prints the score. */
export function http11ProbeSuite({ cases, upstreamCases }: HostileCases, read: ReadAll): void {
  const score: Record<string, number> = {};
  const count = (what: string): void => void (score[what] = (score[what] ?? 0) + 1);
  for (const c of cases) {
    const { rawRequest } = c;
    if (rawRequest === null) {
      count("of several steps, for a connection");
      continue;
    }
    test(`${c.id}: ${c.note}`, () => {
      const outcome = read(render(rawRequest));
      const verdict = verdictOf(c, outcome);
      if (DECIDED_BY_CONNECTION[c.id] !== undefined) {
        expect(outcome.t).toBe("accepted");
        return count("for a connection");
      }
      count(`${outcome.t}: ${verdict}`);
      expect([verdict, outcome]).toEqual([expect.stringMatching(/^(pass|warn)$/), outcome]);
    });
  }
  test(`every one of ${cases.length} cases is accounted for (upstream has ${upstreamCases})`, () => {
    for (const [id, why] of Object.entries(DECIDED_BY_CONNECTION)) console.log(`Http11Probe ${id}: ${why}`);
    console.log(`Http11Probe, ${cases.length} cases of ${upstreamCases} upstream:`, JSON.stringify(score));
    expect(Object.values(score).reduce((a, b) => a + b, 0)).toBe(cases.length);
  });
}

/** Legal header lines in smuggler's list: bytes above ASCII inside of another header's value. They frame nothing. */
const LEGAL_GADGET = /-xprespace-(a0|ff)$/;

/** smuggler: each gadget with each of its payloads must be refused, or be a plain header beside Content-Length. */
export function smugglerSuite({ cases, upstreamCases }: HostileCases, read: ReadAll): void {
  let payloads = 0;
  let refused = 0;
  for (const c of cases) {
    test(`${c.id}: ${c.note}`, () => {
      for (const [name, raw] of Object.entries({ ...c.variants, raw: c.rawRequest ?? "" })) {
        const outcome = read(render(raw));
        payloads++;
        if (outcome.t === "refused") {
          refused++;
          expect([name, outcome.status >= 400 && outcome.status < 600]).toEqual([name, true]);
        } else {
          expect([name, LEGAL_GADGET.test(c.id)]).toEqual([name, true]);
          if (outcome.t === "accepted") expect(outcome.bodies).toEqual(["length"]);
        }
      }
    });
  }
  test(`the ${cases.length} gadgets of ${upstreamCases}`, () => {
    console.log(
      `smuggler, ${cases.length} gadgets of ${upstreamCases} upstream: ${refused} of ${payloads} payloads refused`,
    );
    expect(refused).toBeGreaterThan(0);
  });
}
