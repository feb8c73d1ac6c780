/**
 * The same requests to a mesh of our proxies and to one of real Envoys, from the same documents: status, headers and body
 * of the answers, what reached the application, and what the proxies of both sides logged. Where they may differ is
 * listed below with a reason each.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { DOCUMENTS } from "./agreement/documents.ts";
import { ask, logsOf, type Outcome } from "./agreement/outcome.ts";
import { type Probe, PROBES } from "./agreement/probes.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { faultsOf, requests, sharesOf } from "./support/traffic.ts";

interface Accepted {
  readonly why: string;
  /** @param at Such as `headers.server`. */
  readonly covers: (at: string, envoy: string | undefined, tulle: string | undefined, probe: Probe) => boolean;
}

/** In either order: a shared proxy writes of both sides into one log. */
const DEADLINE_LINE =
  / UT response_timeout | - via_upstream | DC downstream_remote_disconnect | - max_duration_timeout /;
/** What is told when a deadline ends that both proxies of a call were given: by the caller's, or by the called side's. */
const EITHER_DEADLINE: Readonly<Record<string, RegExp>> = {
  "headers.grpc-status": /^(4|14)$/,
  "headers.grpc-message": /^(upstream request|downstream duration) timeout$/,
  "headers.x-envoy-upstream-service-time": /^(milliseconds|undefined)$/,
  "logs.0": DEADLINE_LINE,
  "logs.1": DEADLINE_LINE,
};

const ACCEPTED: readonly Accepted[] = [
  {
    why: "both proxies have the same deadline, and which of them ends the call is chance, with Envoys too",
    covers: (at, envoy, tulle, { headers }) =>
      headers?.["content-type"] === "application/grpc" &&
      headers["x-wait"] === "900" &&
      [envoy, tulle].every((found) => EITHER_DEADLINE[at]?.test(String(found))),
  },
  {
    why: "we begin a trace where there is none; Envoy does so only with a tracer configured",
    covers: (at, envoy) => at === "body.headers.traceparent" && envoy === undefined,
  },
  {
    why: "x-tulle-peer is between our own proxies, and taken off what leaves for an application",
    covers: (at, _, tulle) => at === "body.headers.x-tulle-peer" && tulle === undefined,
  },
  {
    why: "the log of the called side has the path that came and was judged; Envoy's has the caller's word for it of before",
    covers: (at, envoy = "", tulle = "") =>
      at.startsWith("logs.") && tulle === envoy.replace("/old/", "/new/").replace("/group/one", "/by-one"),
  },
  {
    why: "of an answer of its own Envoy does not know the code yet when it writes the headers",
    covers: (at, envoy, tulle, { url }) =>
      at === "headers.x-answer" && url.endsWith("/direct") && envoy === "0" && tulle === "418",
  },
  {
    why: "a body that comes behind an answer is read and dropped, where Envoy closes",
    covers: (at, envoy, tulle, { body }) =>
      at === "headers.connection" && body !== undefined && envoy === "close" && tulle === undefined,
  },
];

const WORKLOADS = ["client", "stranger", "echo", "echo-v2", "open", "guarded"];
const LANES = 4;
const binary = await ensureEnvoy();

for (const args of [[], ["--shared"]]) {
  describe.skipIf(binary === undefined)(["the same requests", ...args].join(" "), () => {
    const empty = mkdtempSync(join(tmpdir(), "tulle-agreement-"));
    let tulle: MeshRun;
    let envoy: MeshRun;

    beforeAll(async () => {
      const options = { folder: empty, files: { "mesh.yaml": DOCUMENTS } };
      tulle = await MeshRun.start({ ...options, args });
      envoy = await MeshRun.start({ ...options, args: [...args, "--proxy", "envoy"] });
    }, 80_000);
    afterAll(async () => {
      await Promise.all([tulle?.stop(), envoy?.stop()]);
      rmSync(empty, { recursive: true });
    }, 40_000);

    test("nothing is rejected", async () => {
      for (const mesh of [tulle, envoy]) {
        const { rejections } = await eventually("all proxies agree", async () => {
          const found = await mesh.status();
          return found.publication.acknowledged === found.publication.proxies && found;
        });
        expect(rejections).toEqual([]);
      }
    });

    test(`${PROBES.length} requests end alike`, async () => {
      const logs = args.length === 0 ? WORKLOADS : ["node"];
      const [ours, theirs] = await Promise.all([askAll(tulle, logs), askAll(envoy, logs)]);
      expect(PROBES.flatMap((probe, i) => unexplained(probe, theirs[i] as Outcome, ours[i] as Outcome))).toEqual([]);
    }, 40_000);

    test("weights are kept, and what belongs to a part of them", async () => {
      for (const mesh of [tulle, envoy]) {
        const via = mesh.proxy("client").outbound;
        const versions = await requests(4000, "http://echo/split", { via, splitBy: "header:x-version" });
        expect(faultsOf(versions)).toEqual({});
        // Four standard deviations.
        expect(sharesOf(versions)["v2"]).toBeWithin(0.222, 0.278);
        const canaries = await requests(1000, "http://echo/split", { via, splitBy: "header:x-canary" });
        expect(sharesOf(canaries)["1"]).toBeWithin(0.195, 0.305);
      }
    }, 40_000);
  });
}

async function askAll(mesh: MeshRun, logs: readonly string[]): Promise<Outcome[]> {
  const ids = PROBES.map(() => randomUUID());
  const outcomes: Outcome[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < PROBES.length; i = next++)
      outcomes[i] = await ask(mesh, PROBES[i] as Probe, ids[i] as string);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await logged(mesh, logs);
  return outcomes.map((outcome, i) => ({ ...outcome, logs: logsOf(mesh, logs, ids[i] as string) }));
}

/** Logs are written in bundles: they are complete when two looks at them, one flush apart, are alike. */
async function logged(mesh: MeshRun, logs: readonly string[]): Promise<void> {
  let before = -1;
  let sinceMs = performance.now();
  await eventually("the logs are complete", () => {
    const size = logs.reduce((sum, workload) => sum + mesh.log(workload, "proxy").length, 0);
    if (size !== before) sinceMs = performance.now();
    before = size;
    return performance.now() - sinceMs > 1500;
  });
}

/** A line for each difference that is not accepted. */
function unexplained(probe: Probe, envoy: Outcome, tulle: Outcome): string[] {
  const [theirs, ours] = [flat(envoy), flat(tulle)];
  const { from = "nobody", method, url } = probe;
  return [...new Set([...theirs.keys(), ...ours.keys()])].flatMap((at) => {
    const [a, b] = [theirs.get(at), ours.get(at)];
    if (a === b || ACCEPTED.some(({ covers }) => covers(at, a, b, probe))) return [];
    return [`${method} ${url} from ${from}, ${JSON.stringify(probe.headers)}: ${at}: Envoy ${a}, Tulle ${b}`];
  });
}

/** `{a: {b: 1}}` as `a.b` → `1`. */
function flat(value: unknown, at = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) return new Map([[at, String(value)]]);
  const prefix = at === "" ? "" : `${at}.`;
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...flat(inner, `${prefix}${key}`)]));
}
