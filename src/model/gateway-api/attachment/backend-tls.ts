/**
 * BackendTLSPolicies at the Services that they are for.
 *
 * @module
 */
import type { Mesh } from "../../mesh.ts";
import type { Service, ServicePort } from "../../service.ts";
import type { BackendTlsPolicy, PolicyTarget } from "../policy.ts";
import type { ObjectMeta } from "../reference.ts";
import type { BackendTlsOutcome, PolicyTargetOutcome } from "./attachment.ts";
import { byAge } from "./precedence.ts";
import type { References } from "./resolve.ts";

/** In the order of precedence: of two policies for the same port the first holds. */
export function backendTls(mesh: Mesh, references: References): readonly BackendTlsOutcome[] {
  const taken = new Map<string, BackendTlsPolicy>();
  return mesh.gatewayApi.backendTlsPolicies
    .toSorted((a, b) => byAge(a.meta, b.meta))
    .map((policy) => ({ policy, targets: targetsOf(policy, references, taken), ...rootsOf(policy, references) }));
}

/** @param taken The policies that hold so far, by their targets. */
export function targetsOf<Policy extends { readonly meta: ObjectMeta; readonly targets: readonly PolicyTarget[] }>(
  policy: Policy,
  references: References,
  taken: Map<string, Policy>,
): readonly PolicyTargetOutcome[] {
  const { namespace } = policy.meta;
  return policy.targets.map((target) => {
    const services = references.services({ ...target, namespace });
    const at = { target, services };
    const missing = missingPart(target, namespace, services);
    if (missing !== undefined) return { ...at, fault: { reason: "TargetNotFound", message: missing, at: target.at } };
    const key = `${target.kind} ${namespace}/${target.name} ${target.sectionName ?? ""}`;
    const earlier = taken.get(key);
    if (earlier === undefined) taken.set(key, policy);
    if (earlier === undefined || earlier === policy) return { ...at, fault: undefined };
    const message = `the older policy ${earlier.meta.namespace}/${earlier.meta.name} is for the same target`;
    return { ...at, fault: { reason: "Conflicted", message, at: target.at } };
  });
}

function missingPart(
  { kind, name, sectionName }: PolicyTarget,
  namespace: string,
  services: readonly Service[],
): string | undefined {
  if (kind !== "Service" && kind !== "ServiceEntry") return `a target is a Service, found ${kind}`;
  if (services.length === 0) return `there is no ${kind} ${namespace}/${name}`;
  const has = sectionName === undefined || services.some((s) => s.ports.some((p) => p.name === sectionName));
  return has ? undefined : `the ${kind} ${namespace}/${name} has no port ${sectionName}`;
}

function rootsOf(
  { meta, validation: { caCertificateRefs } }: BackendTlsPolicy,
  references: References,
): Pick<BackendTlsOutcome, "faults" | "roots" | "noValidCa"> {
  const from = { kind: "BackendTLSPolicy", namespace: meta.namespace };
  const found = caCertificateRefs.map((ref) => references.roots(from, ref));
  const roots = found.flatMap((f) => (f.t === "found" ? [f.value] : []));
  const faults = found.flatMap((f) =>
    f.t === "fault"
      ? [
          {
            reason:
              f.reason === "InvalidCACertificateKind" ? ("InvalidKind" as const) : ("InvalidCACertificateRef" as const),
            message: f.message,
            at: f.at,
          },
        ]
      : [],
  );
  return { faults, roots, noValidCa: caCertificateRefs.length > 0 && roots.length === 0 };
}

/** The policy that holds for calls to a port: one for the port itself comes before one for the whole Service. */
export function backendTlsAt(
  outcomes: readonly BackendTlsOutcome[],
  service: Service,
  port: ServicePort,
): BackendTlsOutcome | undefined {
  const isFor = ({ hostname, namespace }: Service): boolean =>
    hostname === service.hostname && namespace === service.namespace;
  const holding = (portName: string | undefined): BackendTlsOutcome | undefined =>
    outcomes.find(({ targets }) =>
      targets.some((t) => t.fault === undefined && t.target.sectionName === portName && t.services.some(isFor)),
    );
  return (port.name === "" ? undefined : holding(port.name)) ?? holding(undefined);
}
