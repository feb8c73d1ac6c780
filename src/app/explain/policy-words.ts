/**
 * The engine's reason for a policy in the words of the document: `rules[0].to[0].operation.methods: GET, the method is PUT`.
 *
 * @module
 */
import type { WrittenPolicy, WrittenValue } from "../../translate/rbac-written.ts";
import { shown } from "./match-words.ts";
import { type Condition, decisive, readCondition } from "./reasons.ts";

/** Where a call arrives. */
export interface ArrivalPort {
  /** What the engine sees. */
  readonly listenPort: number;
  /** What a person writes. */
  readonly targetPort: number;
}

/**
 * @param written What the policy's conditions stand for; undefined where that is not known.
 * @param rule `rules[0]`.
 */
export function policyWords(
  reason: string,
  matched: boolean,
  written: WrittenPolicy | undefined,
  rule: string,
  port: ArrivalPort,
): readonly string[] {
  const text = reason.replace(/^(ALLOW|DENY) policy: /, "");
  const read = readCondition(text);
  if (read === undefined) return [text];
  const tree = written === undefined ? read : inWords(read, written, rule, port);
  const words = decisive(tree, matched);
  return words.length === 0 ? ["every call matches"] : [...new Set(words)];
}

/** Where the two do not fit, the engine's own words stay. */
function inWords(condition: Condition, written: WrittenPolicy, rule: string, port: ArrivalPort): Condition {
  const values = valuesOf(written.t === "not" ? written.inner : written);
  if (values !== undefined) return alternatives(condition, values, rule, port) ?? condition;
  if (written.t === "group" && condition.t === "group" && condition.items.length === written.items.length) {
    const items = condition.items.map((item, i) => {
      const beside = written.items[i];
      return beside === undefined ? item : { ...item, condition: inWords(item.condition, beside, rule, port) };
    });
    return { ...condition, items };
  }
  return condition;
}

/** The values of one field, of which one is enough. */
function valuesOf(written: WrittenPolicy): readonly WrittenValue[] | undefined {
  if (written.t === "value") return [written];
  if (written.t !== "group") return undefined;
  const values = written.items.flatMap((item) => (item.t === "value" ? [item] : []));
  const [first] = values;
  return values.length === written.items.length && values.every((v) => v.field === first?.field) ? values : undefined;
}

/** All values where none fits, else the one that does. */
function alternatives(
  condition: Condition,
  values: readonly WrittenValue[],
  rule: string,
  port: ArrivalPort,
): Condition | undefined {
  const [first] = values;
  if (first === undefined) return undefined;
  const asked = condition.t === "not" && first.field.includes("not") ? condition.inner : condition;
  const items = asked.t === "group" ? asked.items : [{ holds: undefined, condition: asked }];
  const fitting = items.findIndex(({ holds }) => holds === true);
  const texts = (fitting < 0 ? values : values.slice(fitting, fitting + 1)).map(({ text }) => shown(text));
  const found = foundIn(items[Math.max(fitting, 0)]?.condition, first.about, port);
  return { t: "leaf", text: `${rule}.${first.field}${keyOf(first)}: ${texts.join(" or ")}, ${found}` };
}

/** A condition says what it asks by its key. */
const keyOf = ({ field, about }: WrittenValue): string => (field.startsWith("when") ? ` (${about})` : "");

function foundIn(condition: Condition | undefined, about: string, { listenPort, targetPort }: ArrivalPort): string {
  const isPort = about === "ports" || about === "destination.port";
  // A port that the listener does not serve is asked as something that never holds.
  if (condition?.t !== "leaf") return isPort ? `the port is ${targetPort}` : "it is another one";
  const quoted = /, found (nothing|\d+|"(?:[^"\\]|\\.)*")$/s.exec(condition.text)?.[1] ?? "nothing";
  const noun = NOUNS[about] ?? "header";
  if (quoted === "nothing") return noun === "caller" ? "the caller has no identity" : `there is no ${noun}`;
  const value = String(JSON.parse(quoted) as unknown);
  if (isPort) return `the port is ${value === String(listenPort) ? targetPort : value}`;
  return `the ${noun} is ${shown(noun === "caller" ? value.replace(/^spiffe:\/\//, "") : value)}`;
}

const NOUNS: Readonly<Record<string, string>> = {
  hosts: "host",
  methods: "method",
  paths: "path",
  ports: "port",
  principals: "caller",
  namespaces: "caller",
  ipBlocks: "address",
  "source.ip": "address",
  "source.namespace": "caller",
  "source.principal": "caller",
  "destination.ip": "address",
  "destination.port": "port",
  "connection.sni": "server name",
};
