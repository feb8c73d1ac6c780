/**
 * Whom resources are made for, as far as documents look at it: two workloads that no document tells apart have the same.
 *
 * @module
 */
import type { TrafficPolicy } from "../model/destination-rule.ts";
import type { Locality, LocalityLbSetting } from "../model/locality.ts";
import { type LabelSelector, selects } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Workload } from "../model/service.ts";
import type { Sidecar } from "../model/sidecar.ts";
import type { SourceMatch } from "../model/virtual-service.ts";
import { isSame } from "./same.ts";
import { sidecarFor } from "./sidecar.ts";

export interface Caller {
  readonly namespace: string;
  /** Those of the workload's labels that some document asks for, by their names' order. */
  readonly labels: LabelSelector;
  /** Where it runs; undefined where nobody says. */
  readonly locality: Locality | undefined;
  /** What limits its proxy; undefined: nothing. */
  readonly sidecar: Sidecar | undefined;
}

export function callerOf(mesh: Mesh, workload: Workload): Caller {
  return {
    namespace: workload.namespace,
    labels: toldLabels(workload, askedLabels(mesh)),
    locality: workload.locality,
    sidecar: sidecarFor(mesh, workload),
  };
}

const TOLD = new WeakMap<Workload, LabelSelector>();

/** The same value as long as it has the same labels: questions are about it. */
function toldLabels(workload: Workload, asked: readonly string[]): LabelSelector {
  const { labels } = workload;
  const told = Object.fromEntries(
    asked.filter((name) => Object.hasOwn(labels, name)).map((name) => [name, labels[name] ?? ""]),
  );
  const known = TOLD.get(workload);
  if (known !== undefined && isSame(known, told)) return known;
  TOLD.set(workload, told);
  return told;
}

/** Whether a match's `sourceLabels` and `sourceNamespace` fit. */
export const isFrom = ({ labels, namespace }: SourceMatch, caller: Caller): boolean =>
  (namespace === undefined || namespace === caller.namespace) && selects(labels, caller.labels);

const ASKED = new WeakMap<Mesh, readonly string[]>();

function askedLabels(mesh: Mesh): readonly string[] {
  const known = ASKED.get(mesh);
  if (known !== undefined) return known;
  const asked = [...new Set(selectorsIn(mesh).flatMap((wanted) => Object.keys(wanted)))].sort();
  ASKED.set(mesh, asked);
  return asked;
}

const selectorsIn = ({ destinationRules, settings, sidecars, virtualServices }: Mesh): readonly LabelSelector[] => [
  priorityLabels(settings.localityLbSetting),
  ...destinationRules
    .flatMap((rule) => [rule, ...rule.subsets])
    .flatMap(({ trafficPolicy }) => policyLabels(trafficPolicy)),
  ...sidecars.map(({ workloadSelector }) => workloadSelector ?? {}),
  ...destinationRules.map(({ workloadSelector }) => workloadSelector ?? {}),
  ...virtualServices
    .flatMap(({ http, tls, tcp }) => [...http, ...tls, ...tcp])
    .flatMap(({ matches }) => matches.map(({ source }) => source.labels)),
];

const policyLabels = ({ loadBalancer, portLevel }: TrafficPolicy): readonly LabelSelector[] =>
  [loadBalancer, ...portLevel.map(({ policy }) => policy.loadBalancer)].map((it) => priorityLabels(it?.locality));

const priorityLabels = (setting: LocalityLbSetting | undefined): LabelSelector =>
  Object.fromEntries((setting?.failoverPriority ?? []).map(({ label, value = "" }) => [label, value]));
