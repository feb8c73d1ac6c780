/**
 * Cases: documents for one host, and requests that are aimed at them. Many are published together, a host each.
 *
 * @module
 */
import { ACCEPTED, type AcceptedDifference, type Context } from "./accepted.ts";
import { type Difference, differences, outcomeOf } from "./outcome.ts";
import type { Headers } from "./rig/messages.ts";
import { type ConfigDocument, keyOf } from "./rig/document.ts";
import { type Door, withDoors } from "./rig/edge.ts";
import { type Call, LEGS, type Oracle, type Refusals, type Seen } from "./rig/oracle.ts";
import { type CallerName, HOSTS, hostOf } from "./rig/world.ts";

/** A request, without what the rig knows itself. */
export interface Ask {
  /** Which of the service's ports. */
  readonly port: 0 | 1;
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  /** What is called; the case's own host when it is not said. `:port` of the asked port is added. */
  readonly host?: string;
  /** Who calls; the client when it is not said. */
  readonly caller?: CallerName;
  /** Called from outside, by this door of the gateway: the port is said in vain, and the host as it stands. */
  readonly door?: Door;
}

export interface Case {
  readonly what: string;
  /** Texts may hold `HOST`, the case's host, and the numbers {@link PORTS}; a name begins with `HOST`. */
  readonly documents: readonly ConfigDocument[];
  readonly asks: readonly Ask[];
}

/** Numbers in documents and hosts that stand for the first and the second port of services. */
export const PORTS = [80, 8080] as const;
/** Of a `targetPort`: the first that the processes behind services listen on. */
export const TARGET_PORT = 9080;

/** The number that stands for the port that applications listen on for the first of them. */
export const TARGET = 18_080;

/** What is called from outside when a request does not say. */
export const OUTSIDE = "HOST.gate";

/** Something that is not alike. */
export interface Finding {
  readonly of: Case;
  /** Undefined: of the documents themselves. */
  readonly ask: Ask | undefined;
  readonly differences: readonly (Difference & { readonly leg: string })[];
}

export interface Report {
  readonly comparisons: number;
  readonly findings: readonly Finding[];
  /** How often each accepted difference was met. */
  readonly accepted: ReadonlyMap<AcceptedDifference, number>;
}

/** Runs cases in pushes of as many as there are hosts. */
export async function compare(oracle: Oracle, cases: readonly Case[]): Promise<Report> {
  const accepted = new Map<AcceptedDifference, number>();
  const findings: Finding[] = [];
  let comparisons = 0;
  for (const together of pushes(cases)) {
    const push = await comparePush(oracle, together, accepted);
    comparisons += push.comparisons;
    findings.push(...push.findings);
  }
  return { comparisons, findings, accepted };
}

/** A Sidecar holds for all hosts, so its case goes alone. */
function pushes(cases: readonly Case[]): readonly (readonly Case[])[] {
  const isAlone = ({ documents }: Case): boolean => documents.some(({ kind }) => kind === "Sidecar");
  const [alone, others] = [cases.filter(isAlone), cases.filter((it) => !isAlone(it))];
  const groups = Array.from({ length: Math.ceil(others.length / HOSTS) }, (_, i) =>
    others.slice(i * HOSTS, (i + 1) * HOSTS),
  );
  return [...groups, ...alone.map((it) => [it])];
}

type Push = Pick<Report, "comparisons" | "findings">;

async function comparePush(oracle: Oracle, cases: readonly Case[], accepted: Accepted): Promise<Push> {
  const placed = cases.map((it, slot) => it.documents.map((document) => place(oracle, document, slot)));
  const refusals = await publishOrBlame(oracle, placed.flat());
  if (refusals === undefined) return compareHalves(oracle, cases, accepted);
  const findings: Finding[] = [];
  const asked = cases.flatMap((of, slot) => {
    const refused = refusalsOf(placed[slot] ?? [], refusals);
    const unlike = refused.filter((it) => it.istio === "taken" || it.ours === "taken");
    const wrong = unlike.filter((it) => !isAccepted({ ...it, case: of, ask: undefined, outcome: new Map() }, accepted));
    if (wrong.length > 0) findings.push({ of, ask: undefined, differences: wrong });
    return refused.length > 0 ? [] : of.asks.map((ask) => ({ of, ask, slot }));
  });
  const look = async (those: readonly Asked[]): Promise<(Finding & { readonly asked: Asked })[]> => {
    const seen = await oracle.askAll(those.map(({ ask, slot }) => requestOf(oracle, ask, slot)));
    return those.flatMap((asked, i) => {
      const found = unexplained(asked, seen[i] ?? [], accepted);
      return found.length === 0 ? [] : [{ of: asked.of, ask: asked.ask, asked, differences: found }];
    });
  };
  const first = await look(asked);
  // What time alone makes differ, a connection that was closed say, does not come again.
  const second = first.length === 0 ? [] : await look(first.map((finding) => finding.asked));
  return { comparisons: asked.length, findings: [...findings, ...second] };
}

/** Undefined: a proxy does not come to go by the documents. */
const publishOrBlame = (oracle: Oracle, documents: readonly ConfigDocument[]): Promise<Refusals | undefined> =>
  oracle.publish(documents).catch((error: unknown) => {
    console.warn(String(error).slice(0, 2000));
    return undefined;
  });

/** Finds those whose resources keep the ones of all others out. */
async function compareHalves(oracle: Oracle, cases: readonly Case[], accepted: Accepted): Promise<Push> {
  const [only] = cases;
  if (cases.length === 1 && only !== undefined) {
    const difference = { at: "push", istio: undefined, ours: undefined, leg: "a proxy does not take the resources" };
    return { comparisons: 0, findings: [{ of: only, ask: undefined, differences: [difference] }] };
  }
  const middle = Math.ceil(cases.length / 2);
  const first = await comparePush(oracle, cases.slice(0, middle), accepted);
  const second = await comparePush(oracle, cases.slice(middle), accepted);
  return {
    comparisons: first.comparisons + second.comparisons,
    findings: [...first.findings, ...second.findings],
  };
}

type Accepted = Map<AcceptedDifference, number>;

interface Asked {
  readonly of: Case;
  readonly ask: Ask;
  readonly slot: number;
}

function unexplained({ of, ask }: Asked, seen: readonly Seen[], accepted: Accepted): Finding["differences"] {
  const [istio, ...ours] = seen.map(outcomeOf);
  if (istio === undefined) return [];
  return ours.flatMap((outcome, i) => {
    const leg = LEGS[i + 1] ?? "tulle";
    return differences(istio, outcome).flatMap((difference) => {
      const context = { ...difference, leg, case: of, ask, outcome: istio };
      return isAccepted(context, accepted) ? [] : [{ ...difference, leg }];
    });
  });
}

function isAccepted(context: Context, accepted: Accepted): boolean {
  const why = ACCEPTED.find(({ covers }) => covers(context));
  if (why !== undefined) accepted.set(why, (accepted.get(why) ?? 0) + 1);
  return why !== undefined;
}

/** Documents that are refused by one control plane or by both. */
function refusalsOf(documents: readonly ConfigDocument[], { istio, tulle }: Refusals): Finding["differences"] {
  return documents.flatMap((document) => {
    const key = keyOf(document);
    const [theirs, ours] = [istio.get(key), tulle.get(key)];
    if (theirs === undefined && ours === undefined) return [];
    return [{ at: `document ${document.kind}`, istio: theirs ?? "taken", ours: ours ?? "taken", leg: "documents" }];
  });
}

/** With the names and numbers of this run in it. */
function place({ doors, ports }: Oracle, document: ConfigDocument, slot: number): ConfigDocument {
  const text = withDoors(JSON.stringify(document), doors)
    .replaceAll("HOST", hostOf(slot))
    .replaceAll(String(TARGET), String(ports.target[0]))
    .replace(/"(number|port)":(80|8080)\b/g, (_, name: string, number: string) => {
      return `"${name}":${ports.service[number === "80" ? 0 : 1]}`;
    })
    .replaceAll(`"targetPort":${TARGET_PORT}`, `"targetPort":${ports.target[0]}`);
  return JSON.parse(text) as ConfigDocument;
}

function requestOf(oracle: Oracle, ask: Ask, slot: number): Call {
  const { body, caller = "client", headers, host = "HOST", method, path, port } = ask;
  if (ask.door !== undefined) return fromOutside(oracle, ask, ask.door, slot);
  const at = oracle.ports.service[port] ?? 0;
  const authority = `${host.replace("HOST", hostOf(slot))}:${at}`;
  return {
    via: caller,
    at,
    method,
    url: `http://${authority}${path}`,
    headers: [["host", authority], ...headers],
    body,
  };
}

function fromOutside(
  { doors }: Oracle,
  { body, headers, host = OUTSIDE, method, path }: Ask,
  door: Door,
  slot: number,
): Call {
  const authority = withDoors(host, doors).replace("HOST", hostOf(slot));
  return { via: "edge", at: doors[door].target, method, url: path, headers: [["host", authority], ...headers], body };
}
