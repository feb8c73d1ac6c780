/**
 * DestinationRules whose `credentialName` is nobody's: the calls that it is for cannot succeed.
 *
 * @module
 */
import type { ClientTls, DestinationRule } from "../model/destination-rule.ts";
import type { Finding, MeshIndex } from "./mesh-index.ts";
import { quote } from "./tree.ts";

export const analyzeClientCredentials = (index: MeshIndex): readonly Finding[] =>
  index.mesh.destinationRules.flatMap((rule) =>
    clientTlsOf(rule).flatMap(({ tls, path }) => credentialFindings(index, rule, tls, path)),
  );

interface Placed {
  readonly tls: ClientTls | undefined;
  readonly path: string;
}

/** Wherever a rule may have it. */
const clientTlsOf = ({ trafficPolicy, subsets }: DestinationRule): readonly Placed[] => [
  { tls: trafficPolicy.tls, path: "spec.trafficPolicy.tls" },
  ...trafficPolicy.portLevel.map(({ policy }, i) => ({
    tls: policy.tls,
    path: `spec.trafficPolicy.portLevelSettings[${i}].tls`,
  })),
  ...subsets.flatMap(({ trafficPolicy: own }, i) => [
    { tls: own.tls, path: `spec.subsets[${i}].trafficPolicy.tls` },
    ...own.portLevel.map(({ policy }, j) => ({
      tls: policy.tls,
      path: `spec.subsets[${i}].trafficPolicy.portLevelSettings[${j}].tls`,
    })),
  ]),
];

function credentialFindings(
  { mesh }: MeshIndex,
  { origin, workloadSelector }: DestinationRule,
  tls: ClientTls | undefined,
  path: string,
): readonly Finding[] {
  const name = tls?.credentialName;
  if (name === undefined || (tls?.mode !== "SIMPLE" && tls?.mode !== "MUTUAL")) return [];
  const at = { origin, path: `${path}.credentialName` };
  const gateways = mesh.workloads.filter(({ gateway }) => gateway !== undefined);
  const nobody: readonly Finding[] =
    workloadSelector === undefined && mesh.workloads.length > gateways.length
      ? [
          {
            ...at,
            severity: "warning",
            message: "is for gateways alone without a workloadSelector: calls of others fail",
          },
        ]
      : [];
  const namespaces = workloadSelector === undefined ? gateways.map(({ namespace }) => namespace) : [origin.namespace];
  const missing = [...new Set(namespaces)].flatMap((namespace): readonly Finding[] => {
    const find = (wanted: string) => mesh.credentials.find((c) => c.namespace === namespace && c.name === wanted);
    const hasRoots = [name, `${name}-cacert`].some((holder) => find(holder)?.trustedCaPem !== undefined);
    const hasCertificate = tls.mode === "SIMPLE" || find(name)?.certificate !== undefined;
    if (hasRoots && hasCertificate) return [];
    const what = hasRoots ? "a certificate and its key" : "ca.crt";
    const message = `no Secret ${quote(name)} with ${what} is in the namespace ${quote(namespace)}, so calls from there fail [IST0101]`;
    return [{ ...at, severity: "error", message }];
  });
  return [...nobody, ...missing];
}
