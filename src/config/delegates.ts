/**
 * VirtualServices that hand rules over to others: each rule with a `delegate` becomes the rules of the VirtualService that it names.
 *
 * Source: Istio's merging of delegates: one level; a delegate has no hosts and is exported to the root's namespace; each of its matches
 * must be part of one of the root rule's, and what a delegate's rule does not say, the root's rule says for it. A rule that does
 * not fit is left out, and told.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";
import type { Origin } from "../model/origin.ts";
import {
  type HttpRule,
  noHeaderEdits,
  type RouteAction,
  type RuleSettings,
  type VirtualService,
} from "../model/virtual-service.ts";
import { isVisibleIn } from "../model/visibility.ts";
import { mergedMatches } from "./delegate-matches.ts";
import { where } from "./mesh-index.ts";

/** As it is written: `http` may have rules that name a delegate. */
export type WrittenVirtualService = Omit<VirtualService, "http"> & { readonly http: readonly WrittenRule[] };
export type WrittenRule = HttpRule | DelegatingRule;

/** What it says beside its matches holds for the delegate's rules that do not say it. */
export interface DelegatingRule extends Omit<HttpRule, "action"> {
  readonly action: DelegateAction;
}

export interface DelegateAction extends RuleSettings {
  readonly t: "delegate";
  readonly namespace: string;
  readonly name: string;
}

interface Merged {
  readonly virtualServices: readonly VirtualService[];
  readonly remarks: readonly Problem[];
}

/** The VirtualServices that have hosts, their delegates put in. */
export function mergeDelegates(written: readonly WrittenVirtualService[]): Merged {
  const remarks: Problem[] = [];
  const named = new Map(written.map((it) => [keyOf(it.origin), it]));
  const used = new Set<string>();
  const virtualServices = written.flatMap((root) => {
    if (root.hosts.length === 0) return [];
    if (isWhole(root)) return [root];
    const http = root.http.flatMap((rule): readonly HttpRule[] => {
      if (!delegates(rule)) return [rule];
      const found = delegateOf(root, rule, named, remarks);
      if (found === undefined) return [];
      used.add(keyOf(found.origin));
      return found.http.flatMap((own) => mergedRule(rule, own, found.origin, remarks));
    });
    return [{ ...root, http }];
  });
  for (const { hosts, origin } of written)
    if (hosts.length === 0 && !used.has(keyOf(origin)))
      remarks.push(remark("warning", origin.place, "spec", "has no hosts, and no VirtualService delegates to it"));
  return { virtualServices, remarks };
}

const keyOf = ({ namespace, name }: Pick<Origin, "namespace" | "name">): string => `${namespace}/${name}`;
/** The document's own value, so that one that has not changed stays the same. */
const isWhole = (it: WrittenVirtualService): it is VirtualService => !it.http.some(delegates);
const delegates = (rule: WrittenRule): rule is DelegatingRule => rule.action.t === "delegate";
const remark = (severity: Problem["severity"], place: Problem["place"], path: string, message: string): Problem => ({
  severity,
  place,
  path,
  message,
});

function delegateOf(
  root: WrittenVirtualService,
  rule: DelegatingRule,
  named: ReadonlyMap<string, WrittenVirtualService>,
  remarks: Problem[],
): WrittenVirtualService | undefined {
  const key = keyOf(rule.action);
  const found = named.get(key);
  const fail = (message: string): undefined =>
    void remarks.push(
      remark("error", rule.place, `spec.${rule.field}.delegate`, `${message}, so the rule is left out`),
    );
  if (found === undefined) return fail(`there is no VirtualService ${key} [IST0101]`);
  if (found === root) return fail("a VirtualService cannot delegate to itself");
  if (found.hosts.length > 0)
    return fail(`${where(found.origin)} has hosts of its own: rules are delegated to a VirtualService without hosts`);
  if (!isVisibleIn(found.exportTo, root.origin.namespace))
    return fail(`${where(found.origin)} is not exported to the namespace ${root.origin.namespace}`);
  return found;
}

function mergedRule(root: DelegatingRule, own: WrittenRule, from: Origin, remarks: Problem[]): readonly HttpRule[] {
  // Documents whose delegates delegate on are refused when they are read.
  if (delegates(own)) return [];
  const matches = mergedMatches(root.matches, own.matches);
  if (matches === undefined) {
    const { file, line } = root.place;
    const message = `a match of this rule is not part of any match of the rule that delegates to it (${file}:${line}), so the rule is left out`;
    remarks.push(remark("error", own.place, `spec.${own.field}.match`, message));
    return [];
  }
  const { action } = own;
  return [
    {
      ...own,
      name: joined(root.name, own.name),
      matches,
      action: action.t === "route" ? { ...action, ...settings(root.action, action) } : action,
      headers: own.headers === noHeaderEdits ? root.headers : own.headers,
      fault: own.fault ?? root.fault,
      cors: own.cors ?? root.cors,
      delegate: from,
    },
  ];
}

const settings = (root: RuleSettings, own: RouteAction): RuleSettings => ({
  rewrite: own.rewrite ?? root.rewrite,
  timeoutMs: own.timeoutMs ?? root.timeoutMs,
  retries: own.retries ?? root.retries,
  mirrors: own.mirrors.length > 0 ? own.mirrors : root.mirrors,
});

function joined(root: string | undefined, own: string | undefined): string | undefined {
  return root === undefined || own === undefined ? (own ?? root) : `${root}-${own}`;
}
