/**
 * Who may talk to whom: Istio's PeerAuthentication and AuthorizationPolicy.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";
import type { LabelSelector, StringMatch } from "./match.ts";
import type { Origin } from "./origin.ts";

export type MtlsMode = "STRICT" | "PERMISSIVE" | "DISABLE";

export interface PeerAuthentication {
  readonly origin: Origin;
  /** Undefined: the whole namespace, or the mesh when it is in the root namespace. */
  readonly selector: LabelSelector | undefined;
  /** Undefined: inherited. */
  readonly mode: MtlsMode | undefined;
  /** By the workload's port; undefined mode inherits. */
  readonly portModes: ReadonlyMap<number, MtlsMode | undefined>;
}

export interface AuthorizationPolicy {
  readonly origin: Origin;
  /** Undefined: the whole namespace, or the mesh when it is in the root namespace. */
  readonly selector: LabelSelector | undefined;
  /** Only for workloads of this identity. Undefined: of any. SMI's TrafficTargets are for one. */
  readonly serviceAccount: string | undefined;
  readonly action: "ALLOW" | "DENY";
  /** Annotation `istio.io/dry-run`: evaluated and recorded, never enforced. */
  readonly dryRun: boolean;
  /** Any rule may match. None at all: an ALLOW policy then allows nothing, a DENY policy denies nothing. */
  readonly rules: readonly AuthorizationRule[];
}

/** `from`, `to` and `when` must all match; inside a list one is enough; an empty list asks nothing. */
export interface AuthorizationRule {
  readonly place: Place;
  readonly from: readonly AuthorizationSource[];
  readonly to: readonly AuthorizationOperation[];
  readonly when: readonly AuthorizationCondition[];
}

/** Empty lists ask nothing; values of one list are alternatives; the lists must all match. `not…`: none may match. */
export interface AuthorizationSource {
  /** Without the `spiffe://` in front, as Istio writes them: `cluster.local/ns/default/sa/reviews`. */
  readonly principals: readonly StringMatch[];
  readonly notPrincipals: readonly StringMatch[];
  readonly namespaces: readonly StringMatch[];
  readonly notNamespaces: readonly StringMatch[];
  /** Addresses or CIDR ranges of the packet's source. */
  readonly ipBlocks: readonly string[];
  readonly notIpBlocks: readonly string[];
  /** The same of the client's address, as far as `x-forwarded-for` and PROXY protocol headers are trusted. */
  readonly remoteIpBlocks: readonly string[];
  readonly notRemoteIpBlocks: readonly string[];
  readonly trustDomains: readonly StringMatch[];
  readonly notTrustDomains: readonly StringMatch[];
}

export interface AuthorizationOperation {
  readonly hosts: readonly StringMatch[];
  readonly notHosts: readonly StringMatch[];
  readonly ports: readonly number[];
  readonly notPorts: readonly number[];
  readonly methods: readonly StringMatch[];
  readonly notMethods: readonly StringMatch[];
  readonly paths: readonly StringMatch[];
  readonly notPaths: readonly StringMatch[];
  /** All of them must match; lower-case names. SMI's alone: in Istio they stand among conditions. */
  readonly headers: Readonly<Record<string, StringMatch>>;
}

/** Keys: `request.headers[name]`, `source.ip`, `remote.ip`, `source.namespace`, `source.principal`, `source.serviceAccount`, `source.trustDomain`, `destination.ip`, `destination.port`, `connection.sni`. */
export interface AuthorizationCondition {
  readonly key: string;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

/** In the names of what is made of policies: of several kinds two may have the same name. */
export const policyId = ({ origin: { kind, name } }: Pick<AuthorizationPolicy, "origin">): string =>
  kind === "TrafficTarget" ? `TrafficTarget.${name}` : name;
