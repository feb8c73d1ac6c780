/**
 * The suite's manifests as documents of ours: a Deployment becomes a Workload, and what stands for the implementation gets
 * our names.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { SUITE_FOLDER, type SuiteName } from "../../suites/gateway-api.ts";
import type { BackendKind } from "./backends.ts";

export const GATEWAY_CLASS = "tulle";
const CONTROLLER = "tulle.dev/gateway-controller";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly generation?: number;
    readonly creationTimestamp?: string;
  };
  readonly spec?: Spec;
  readonly addressType?: string;
  readonly ports?: readonly object[] | undefined;
  readonly endpoints?: readonly object[];
}

export function manifestsIn(yaml: string): readonly Manifest[] {
  const text = yaml
    .replaceAll("{GATEWAY_CLASS_NAME}", GATEWAY_CLASS)
    .replaceAll("{GATEWAY_CONTROLLER_NAME}", CONTROLLER);
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}

export const baseManifests = (suite: SuiteName): readonly Manifest[] =>
  manifestsIn(
    readFileSync(join(SUITE_FOLDER, suite === "mesh" ? "mesh-manifests.yaml" : "base-manifests.yaml"), "utf8"),
  );

/** Of Deployments and Services, as far as it is looked at. */
interface Spec {
  readonly template?: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly spec: PodSpec;
  };
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly ManifestPort[];
}

interface PodSpec {
  readonly containers: readonly { readonly env?: readonly { readonly name: string }[] }[];
  readonly volumes?: readonly { readonly secret?: { readonly secretName: string } }[];
}

interface ManifestPort {
  readonly port: number;
  readonly targetPort?: number;
  readonly protocol?: string;
}

/** A pod of a Deployment: what it serves, by the port. */
export interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: ReadonlyMap<number, BackendKind>;
  /** Of the Secret that it shows over TLS, `namespace/name`. */
  readonly certificate: string | undefined;
}

/** One of each Deployment. */
export function podsOf(manifests: readonly Manifest[]): readonly Pod[] {
  return manifests.flatMap(({ kind, metadata, spec }) => {
    const { template } = spec ?? {};
    if (kind !== "Deployment" || template === undefined) return [];
    const { namespace = "default", name } = metadata;
    const { labels } = template.metadata;
    const { containers, volumes = [] } = template.spec;
    const environment = new Set(containers.flatMap(({ env = [] }) => env.map((it) => it.name)));
    const [secret] = volumes.flatMap((volume) => volume.secret?.secretName ?? []);
    const served = servicesBefore(manifests, namespace, labels).flatMap((service) => service.spec?.ports ?? []);
    const ports = new Map<number, BackendKind>();
    for (const port of served) ports.set(port.targetPort ?? port.port, kindOf(port, environment));
    return [{ name, namespace, labels, ports, certificate: secret && `${namespace}/${secret}` }];
  });
}

const servicesBefore = (
  manifests: readonly Manifest[],
  namespace: string,
  labels: Readonly<Record<string, string>>,
): readonly Manifest[] =>
  manifests.filter(({ kind, metadata, spec }) => {
    const wanted = Object.entries(spec?.selector ?? {});
    const isHere = kind === "Service" && metadata.namespace === namespace && wanted.length > 0;
    return isHere && wanted.every(([key, value]) => labels[key] === value);
  });

/** As upstream's images listen. */
function kindOf({ port, protocol, targetPort = port }: ManifestPort, environment: ReadonlySet<string>): BackendKind {
  if (protocol === "UDP") return "udp";
  const isTcp = environment.has("TCP_ECHO_SERVER") || targetPort === 9090;
  if (targetPort === 8443) return isTcp ? "tls-tcp" : "tls-http";
  if (isTcp) return "tcp";
  const isHttp2 = environment.has("GRPC_ECHO_SERVER") || targetPort === 3001 || targetPort === 7070;
  return isHttp2 ? "http2" : "http";
}

/** What the mesh reads: without Deployments, with a Workload for each pod. */
export function documentsOf(manifests: readonly Manifest[]): string {
  const workloads = podsOf(manifests).map(({ name, namespace, labels, ports }) => ({
    apiVersion: "tulle.dev/v1",
    kind: "Workload",
    metadata: { name, namespace, labels },
    spec: { serviceAccount: name, ports: [...ports.keys()] },
  }));
  const kept = manifests
    .filter((m) => m.kind !== "Deployment")
    .map((m) => ({ ...m, metadata: { generation: 1, creationTimestamp: FIRST, ...m.metadata } }));
  return [...kept, ...workloads].map((document) => stringify(document)).join("---\n");
}

/** When everything came that was not applied later. */
const FIRST = "2026-01-01T00:00:00Z";
