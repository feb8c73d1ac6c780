/**
 * Finds the smallest documents and request that still show a difference: takes away one thing after another, all that can
 * be taken away next tried in one push.
 *
 * @module
 */
import { type Ask, type Case, compare, type Finding } from "./comparison.ts";
import type { ConfigDocument } from "./rig/document.ts";
import type { Oracle } from "./rig/oracle.ts";

const MAX_ROUNDS = 30;

export async function shrink(oracle: Oracle, finding: Finding): Promise<Finding> {
  let best: Finding = { ...finding, of: { ...finding.of, asks: finding.ask === undefined ? [] : [finding.ask] } };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { findings } = await compare(oracle, reductions(best.of));
    const shown = findings.filter((it) => isOf(finding, it)).sort((a, b) => sizeOf(a.of) - sizeOf(b.of));
    if (shown[0] === undefined) return best;
    best = shown[0];
  }
  return best;
}

/** One finding for each kind of difference, the smallest case of it. */
export function kindsOf(findings: readonly Finding[]): readonly Finding[] {
  const kinds = new Map<string, Finding>();
  for (const finding of findings) {
    const kind = [...signs(finding)].sort().join();
    const known = kinds.get(kind);
    if (known === undefined || sizeOf(finding.of) < sizeOf(known.of)) kinds.set(kind, finding);
  }
  return [...kinds.values()];
}

const sizeOf = ({ asks, documents }: Case): number => JSON.stringify([asks, documents]).length;

/** Whether both differ in the same, in whatever place of it. */
function isOf(finding: Finding, other: Finding): boolean {
  const wanted = signs(finding);
  return [...signs(other)].some((sign) => wanted.has(sign));
}

const signs = ({ differences }: Finding): ReadonlySet<string> =>
  new Set(differences.map(({ at, leg }) => `${leg} ${at.replace(/\d+/g, "n")}`));

function reductions(of: Case): Case[] {
  const documents = smallerLists(of.documents).concat(
    of.documents.flatMap((document, i) =>
      smaller(document.spec, mayGo(document)).map((spec): ConfigDocument[] =>
        of.documents.with(i, { ...document, spec }),
      ),
    ),
  );
  return [
    ...documents.map((it) => ({ ...of, documents: it })),
    ...of.asks.flatMap((ask) => smallerAsks(ask).map((it) => ({ ...of, asks: [it] }))),
  ];
}

/** Of the Gateway API. An istiod falls over documents without what the API's definitions demand or fill in, so only these are taken away. */
const OPTIONAL =
  "sectionName hostnames headers queryParams filters timeouts retry kinds set add remove scheme hostname path port percent".split(
    " ",
  );
/** Of the same names there, what must stay. */
const NEEDED = ["listeners", "matches", "backendRefs", "backendRef"];

type MayGo = (name: string, parent: string) => boolean;

const mayGo = ({ apiVersion }: ConfigDocument): MayGo =>
  apiVersion.startsWith("gateway.networking.k8s.io/")
    ? (name, parent) => OPTIONAL.includes(name) && !NEEDED.includes(parent)
    : () => true;

/** The value without one of its parts, at any depth. */
function smaller(value: unknown, may: MayGo, parent = ""): unknown[] {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return [
      ...smallerLists(items),
      ...items.flatMap((item, i) => smaller(item, may, parent).map((it) => items.with(i, it))),
    ];
  }
  if (typeof value !== "object" || value === null) return [];
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  // A subset's labels say among whom a balancer has the choice, and outcomes go by its name.
  const others = entries.filter(([name]) => name !== "labels");
  return others.flatMap(([name, inner]) => [
    ...(may(name, parent) ? [Object.fromEntries(entries.filter(([other]) => other !== name))] : []),
    ...smaller(inner, may, name).map((it) => ({ ...value, [name]: it })),
  ]);
}

/** With one item only, and without each. */
function smallerLists<T>(items: readonly T[]): T[][] {
  const without = items.map((_, i) => items.filter((_, other) => other !== i));
  return items.length < 3 ? without : [...items.map((item) => [item]), ...without];
}

function smallerAsks(ask: Ask): Ask[] {
  const { body, caller, headers, host, method, path, port } = ask;
  const changes: Partial<Ask>[] = [
    ...headers.map((_, i) => ({ headers: headers.filter((_, other) => other !== i) })),
    ...(body === "" ? [] : [{ body: "" }]),
    ...(method === "GET" ? [] : [{ method: "GET" }]),
    ...(path.includes("?") ? [{ path: path.slice(0, path.indexOf("?")) }] : []),
    ...(path === "/" ? [] : [{ path: "/" }]),
    ...(port === 0 ? [] : [{ port: 0 as const }]),
    ...(caller === undefined || caller === "client" ? [] : [{ caller: "client" as const }]),
  ];
  const reduced = changes.map((change) => ({ ...ask, ...change }));
  if (host === undefined) return reduced;
  const { host: _, ...own } = ask;
  return [...reduced, own];
}
