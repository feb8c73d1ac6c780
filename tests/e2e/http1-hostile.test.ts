/**
 * Hostile requests on the wire, to a real Envoy and to our proxy in front of the same strict endpoint. No case that is a
 * MUST may end badly, and none that ends well with Envoy.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { hopBootstrap } from "../support/hop-bootstrap.ts";
import { type HostileCase, hostileFile, type Message, messagesOf, rendered } from "./hostile/cases.ts";
import { reasonFor } from "./hostile/explained.ts";
import { ALL_BYTES, gadgetCases, ODD_BYTES } from "./hostile/gadgets.ts";
import { probe, type ProbeStep } from "./hostile/probe-client.ts";
import { suiteFigures } from "../suites/figures.ts";
import { StrictUpstream } from "./hostile/strict-upstream.ts";
import { type Verdict, verdictOf } from "./hostile/verdict.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";
import { isLong } from "./support/traffic.ts";

const LANES = 64;
const binary = await ensureEnvoy();

interface Ended {
  readonly id: string;
  readonly case: HostileCase;
  readonly verdict: Verdict;
  readonly steps: readonly ProbeStep[];
}

class Target {
  readonly upstream: StrictUpstream;
  readonly #process: ProxyProcess;
  readonly #port: number;
  #clients = 0;

  private constructor(upstream: StrictUpstream, process: ProxyProcess, port: number) {
    this.upstream = upstream;
    this.#process = process;
    this.#port = port;
  }

  static async start(program: readonly string[], folder: string): Promise<Target> {
    const upstream = await StrictUpstream.start();
    let port = 0;
    const started = await ProxyProcess.start(program, folder, () => {
      const [admin = 0, listen = 0] = freePorts(2);
      port = listen;
      return [hopBootstrap({ admin, listen, upstream: upstream.port }), admin];
    });
    return new Target(upstream, started, port);
  }

  /** Each message list from a client of its own. */
  async run(
    cases: readonly (readonly [id: string, from: HostileCase, messages: readonly Message[]])[],
  ): Promise<Ended[]> {
    const ended: Ended[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let i = next++; i < cases.length; i = next++) {
        const [id, from, messages] = cases[i] as (typeof cases)[number];
        const number = ++this.#clients;
        const address = `127.2.${number >> 8}.${number & 255}`;
        const steps = await probe(this.#port, address, messages);
        const isOneUpstream = this.upstream.requestsOf(address).length === 1;
        ended[i] = { id, case: from, steps, verdict: verdictOf(from.expected.rules, { steps, isOneUpstream }) };
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return ended;
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    this.upstream.stop();
  }
}

const shown = ({ case: { note }, id, steps, verdict }: Ended): string =>
  `${id} (${note}): ${verdict}, ${steps.map(({ state, text }) => `${state} ${JSON.stringify(text.slice(0, 160))}`).join(" then ")}`;

const score = (ended: readonly Ended[]): string => {
  const counts: Record<string, number> = {};
  for (const { verdict } of ended) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return JSON.stringify(counts);
};

describe.skipIf(binary === undefined)("hostile requests to a real Envoy and to our proxy", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-hostile-"));
  let envoy: Target;
  let tulle: Target;

  beforeAll(async () => {
    envoy = await Target.start(envoyProxy(binary ?? ""), join(folder, "envoy"));
    tulle = await Target.start(tulleProxy, join(folder, "tulle"));
  }, 40_000);
  afterAll(async () => {
    await Promise.all([envoy?.stop(), tulle?.stop()]);
    rmSync(folder, { recursive: true });
  });

  async function both(
    name: string,
    cases: readonly (readonly [id: string, from: HostileCase, messages: readonly Message[]])[],
  ): Promise<readonly (readonly [theirs: Ended, ours: Ended])[]> {
    const [theirs, ours] = await Promise.all([envoy.run(cases), tulle.run(cases)]);
    // On a machine that is busy an answer may be late: what fails is asked once more.
    for (const [i, it] of ours.entries()) {
      if (it.verdict !== "fail") continue;
      const [again] = await tulle.run([cases[i] as (typeof cases)[number]]);
      if (again !== undefined) ours[i] = again;
    }
    console.log(`${name}: Envoy ${score(theirs)}, Tulle ${score(ours)}`);
    return ours.map((it, i) => [theirs[i] as Ended, it]);
  }

  for (const name of ["http11probe", "h1spec"]) {
    const file = hostileFile(name);
    test.skipIf(file === undefined)(
      `${name}: nothing that must be fails, nor what passes with Envoy`,
      async () => {
        const { cases, upstreamCases } = file as NonNullable<typeof file>;
        const ended = await both(
          `${name}, ${cases.length} cases of ${upstreamCases} upstream`,
          cases.map((it) => [it.id, it, messagesOf(it)]),
        );
        const wrong = ended.filter(
          ([theirs, ours]) =>
            ours.verdict === "fail" &&
            (theirs.verdict === "pass" || (ours.case.scored && [null, "MUST"].includes(ours.case.rfcLevel))),
        );
        for (const [theirs, { id, verdict }] of ended.filter(([, ours]) => ours.verdict !== "pass"))
          console.log(`  ${id}: ${verdict} (Envoy ${theirs.verdict}): ${reasonFor(id)}`);
        expect(wrong.map(([theirs, ours]) => `${shown(ours)}; Envoy: ${shown(theirs)}`)).toEqual([]);
        const passed = ended.filter(([, ours]) => ours.verdict !== "fail").length;
        const figures = { passed, here: cases.length, upstream: upstreamCases };
        if (name === "http11probe") expect(suiteFigures("http1-hostile", "cases of Http11Probe")).toEqual(figures);
      },
      60_000,
    );
  }

  for (const name of ["smuggler", "smuggler-more"]) {
    const file = hostileFile(name);
    test.skipIf(file === undefined)(
      `${name}: each gadget is refused, or is one request behind the proxy`,
      async () => {
        const { cases, upstreamCases } = file as NonNullable<typeof file>;
        const payloads = cases.flatMap((it) =>
          Object.entries({ ...it.variants, raw: it.rawRequest ?? "" }).map(
            ([variant, raw]) => [`${it.id} ${variant}`, it, [() => rendered(raw)]] as const,
          ),
        );
        const ended = await both(`${name}, ${cases.length} gadgets of ${upstreamCases} upstream`, payloads);
        expect(ended.filter(([, { verdict }]) => verdict !== "pass").map(([, it]) => shown(it))).toEqual([]);
        const figures = { passed: cases.length, here: cases.length, upstream: upstreamCases };
        if (name === "smuggler") expect(suiteFigures("http1-hostile", "gadgets of smuggler")).toEqual(figures);
      },
      60_000,
    );
  }

  test("every byte at every place of a header line that frames", async () => {
    const cases = gadgetCases(isLong ? ALL_BYTES : ODD_BYTES);
    const ended = await both(
      `${cases.length} gadgets made here`,
      cases.map((it) => [it.id, it, messagesOf(it)]),
    );
    expect(ended.filter(([, { verdict }]) => verdict !== "pass").map(([, it]) => shown(it))).toEqual([]);
  }, 120_000);

  test("a head that is cut anywhere is waited for", async () => {
    const whole = "\r\nPOST /cut?a=b HTTP/1.1\r\nHost: localhost\r\nX-Empty:\r\nTransfer-Encoding: chunked\r\n\r\n";
    const cuts = Array.from({ length: whole.length - 1 }, (_, i) => whole.slice(0, i + 1));
    const wait: HostileCase["expected"] = {
      rules: [{ if: { all: [{ state: "TimedOut" }, { noResponse: true }] }, verdict: "pass" }, { verdict: "fail" }],
    };
    const cases = cuts.map((cut): HostileCase => {
      const rawRequest = Buffer.from(cut).toString("base64");
      return { id: JSON.stringify(cut), note: "cut", rfcLevel: "MUST", scored: true, rawRequest, expected: wait };
    });
    const ended = await both(
      `${cases.length} heads that are cut`,
      cases.map((it) => [it.id, it, messagesOf(it)]),
    );
    expect(ended.filter(([, { verdict }]) => verdict !== "pass").map(([, it]) => shown(it))).toEqual([]);
  }, 60_000);

  test("behind the proxy nobody saw anything that can be read in two ways", () => {
    console.log(`violations behind Envoy: ${envoy.upstream.violations.length}`);
    expect(tulle.upstream.violations).toEqual([]);
  });
});
