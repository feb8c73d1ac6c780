/**
 * One conformance test against the lab: its documents, then its steps in order.
 *
 * @module
 */
import {
  type ConformanceTest,
  difference,
  type MirrorTarget,
  type Outcome,
  type RequestCase,
  shareDifference,
  type Step,
} from "../../suites/gateway-api.ts";
import { send } from "./client.ts";
import type { ConformanceLab } from "./lab.ts";
import { type Manifest, manifestsIn } from "./manifests.ts";
import { assertDifference, StatusView } from "./status-asserts.ts";

/** Upstream's RequiredConsecutiveSuccesses. */
const SUCCESSES = 3;
/** Upstream polls for 30 s until all proxies know; here they have acknowledged before. */
const LIMIT_MS = 3000;
const AT_ONCE = 10;

/** What is wrong, each with its step; none where the test passes. */
export async function runTest(lab: ConformanceLab, test: ConformanceTest): Promise<readonly string[]> {
  let manifests: readonly Manifest[] = test.manifests.flatMap(({ yaml }) => manifestsIn(yaml));
  try {
    await lab.apply(manifests);
  } catch (error) {
    return [`apply: ${String(error)}`];
  }
  const found: string[] = [];
  for (const step of inOrder(test.steps)) {
    if (step.type === "apply" || step.type === "delete") {
      manifests = manifestsIn(JSON.stringify(step.object)).reduce(
        (all, object) => changed(all, step.type, object),
        manifests,
      );
      await lab.apply(manifests);
    } else {
      const problem = await outcomeOf(lab, test, step).catch((error: unknown) => String(error));
      if (problem !== undefined) found.push(`${describe(test, step)}: ${problem}`);
    }
  }
  if (found.length > 0 && lab.problems !== "") found.push(lab.problems);
  return found;
}

/** Upstream looks for copies while it asks; here they are looked for afterwards. */
function inOrder(steps: readonly Step[]): readonly Step[] {
  const ordered = [...steps];
  for (let i = 0; i + 1 < ordered.length; i++) {
    const [step, next] = ordered.slice(i, i + 2);
    if (step?.type === "expectMirrored" && next?.type === "request") ordered.splice(i++, 2, next, step);
  }
  return ordered;
}

function changed(manifests: readonly Manifest[], how: Step["type"], object: Manifest): readonly Manifest[] {
  const { kind, metadata } = object;
  const others = manifests.filter(
    (m) => m.kind !== kind || m.metadata.name !== metadata.name || m.metadata.namespace !== metadata.namespace,
  );
  if (how === "delete") return others;
  const there = manifests.find((m) => m.kind === kind && m.metadata.name === metadata.name);
  const stamped =
    there === undefined
      ? { creationTimestamp: new Date().toISOString() }
      : { generation: (there.metadata.generation ?? 1) + 1 };
  return [...others, { ...object, metadata: { ...metadata, ...stamped } }];
}

function describe({ cases }: ConformanceTest, step: Step): string {
  if (step.type === "assert") return step.helper;
  if (step.type !== "request") return step.type;
  const { client, gatewayListener, request, tls } = cases[step.case] as RequestCase;
  const where = gatewayListener?.gateway.split("/")[1] ?? client?.selector ?? "";
  return `case ${step.case} ${where} ${tls?.serverName ?? ""} ${request?.method ?? ""} ${request?.host ?? ""}${request?.path ?? ""}`;
}

async function outcomeOf(lab: ConformanceLab, test: ConformanceTest, step: Step): Promise<string | undefined> {
  switch (step.type) {
    case "request":
      return request(lab, test.cases[step.case] as RequestCase);
    case "expectMirrored":
      return mirrored(lab, step.mirroredTo, step.path);
    case "mirrorDistribution":
      return mirrorShares(lab, step.check.mirroredTo);
    case "assert":
      return assertDifference(step, new StatusView(lab.status));
    default:
      return undefined;
  }
}

function request(lab: ConformanceLab, c: RequestCase): Promise<string | undefined> {
  if (c.expected.distribution !== undefined) return distribution(lab, c);
  if ((c.count ?? 1) > 1) return several(lab, c, c.count ?? 1);
  return once(lab, c);
}

/** As often in a row as upstream asks. */
async function once(lab: ConformanceLab, c: RequestCase): Promise<string | undefined> {
  const endMs = Date.now() + LIMIT_MS;
  let last: string | undefined;
  for (let successes = 0; successes < SUCCESSES; ) {
    const asked = probed(c);
    last = difference(asked, await ask(lab, asked));
    successes = last === undefined ? successes + 1 : 0;
    if (last !== undefined && Date.now() > endMs) return last;
  }
  return undefined;
}

let probes = 0;

/** Each try of a retry's case has a `uuid` of its own. */
function probed(c: RequestCase): RequestCase {
  const path = c.request?.path ?? "/";
  if (!path.startsWith("/retry/")) return c;
  return { ...c, request: { ...c.request, path: `${path}${path.includes("?") ? "&" : "?"}uuid=${probes++}` } };
}

/** Where nothing listens, no connection comes about. */
async function ask(lab: ConformanceLab, c: RequestCase): Promise<Outcome> {
  const target = lab.target(c);
  return target === undefined ? { error: "nothing listens there" } : send(c, target);
}

async function several(lab: ConformanceLab, c: RequestCase, count: number): Promise<string | undefined> {
  const first = await once(lab, c);
  if (first !== undefined) return first;
  lab.seen.length = 0;
  const outcomes = await inParallel(lab, c, count);
  return outcomes.map((outcome) => difference(c, outcome)).find((problem) => problem !== undefined);
}

async function inParallel(lab: ConformanceLab, c: RequestCase, count: number): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const ways = Array.from({ length: AT_ONCE }, async () => {
    while (outcomes.length < count) outcomes.push(await ask(lab, c));
  });
  await Promise.all(ways);
  return outcomes.slice(0, count);
}

async function distribution(lab: ConformanceLab, c: RequestCase): Promise<string | undefined> {
  let last: string | undefined;
  for (let attempt = 0; attempt < (c.expected.attempts ?? 1); attempt++) {
    const outcomes = await inParallel(lab, c, c.expected.totalRequests ?? 500);
    const counts = new Map<string, number>();
    for (const { seen, error, status } of outcomes) {
      const pod = seen?.pod ?? `(${error ?? status})`;
      counts.set(pod, (counts.get(pod) ?? 0) + 1);
    }
    last = shareDifference(c.expected, counts);
    if (last === undefined) return undefined;
  }
  return last;
}

/** A copy may come after the answer. */
async function mirrored(
  lab: ConformanceLab,
  targets: readonly MirrorTarget[],
  path: string,
): Promise<string | undefined> {
  const endMs = Date.now() + LIMIT_MS;
  for (;;) {
    const missing = targets.find(
      ({ name, namespace }) => !lab.seen.some((s) => isAt(s, name, namespace) && s.path === path),
    );
    if (missing === undefined || Date.now() > endMs) return missing && `${missing.name} got no copy of ${path}`;
    await Bun.sleep(5);
  }
}

const isAt = (seen: { readonly pod: string; readonly namespace: string }, name: string, namespace: string): boolean =>
  seen.pod.startsWith(name) && seen.namespace === namespace;

/** Upstream's bound: three standard deviations. */
async function mirrorShares(lab: ConformanceLab, targets: readonly MirrorTarget[]): Promise<string | undefined> {
  await Bun.sleep(50);
  const names = targets.map(({ name }) => name);
  const total = lab.seen.filter(({ pod }) => !names.some((name) => pod.startsWith(name))).length;
  for (const { name, namespace, percent = 100 } of targets) {
    const share = percent / 100;
    const hits = lab.seen.filter((s) => isAt(s, name, namespace)).length;
    if (Math.abs(hits - total * share) > 3 * Math.sqrt(total * share * (1 - share)))
      return `${name}: wanted ${percent} % of ${total}, got ${hits}`;
  }
  return undefined;
}
