/**
 * What references lead to: Services, certificates, roots.
 *
 * @module
 */
import type { Credential, TrustedRoots } from "../../gateway.ts";
import type { Mesh } from "../../mesh.ts";
import type { Service } from "../../service.ts";
import { isVisibleIn } from "../../visibility.ts";
import type { BackendReference, ObjectReference } from "../reference.ts";
import type { BackendFault, BackendTarget, Fault, UdpTarget } from "./attachment.ts";
import { permitsOf } from "./grants.ts";
import { grouped } from "./grouped.ts";

/** Who refers: the kind and namespace that a grant names. */
export interface Referrer {
  readonly kind: string;
  readonly namespace: string;
}

export type Resolved<T, Reason extends string> =
  | { readonly t: "found"; readonly value: T }
  | ({ readonly t: "fault" } & Fault<Reason>);

export interface References {
  /** A Service, or the hosts of a ServiceEntry; none where it is not there, or is of another kind. */
  readonly services: (ref: Pick<ObjectReference, "group" | "kind" | "namespace" | "name">) => readonly Service[];
  readonly backend: (from: Referrer, ref: BackendReference) => BackendTarget;
  /** Likewise, a port for datagrams. */
  readonly udpBackend: (from: Referrer, ref: BackendReference) => UdpTarget;
  readonly certificate: (
    from: Referrer,
    ref: ObjectReference,
  ) => Resolved<Credential, "InvalidCertificateRef" | "RefNotPermitted">;
  /** Of a ConfigMap or a Secret. */
  readonly roots: (
    from: Referrer,
    ref: ObjectReference,
  ) => Resolved<TrustedRoots, "InvalidCACertificateRef" | "InvalidCACertificateKind" | "RefNotPermitted">;
}

type Called =
  | { readonly t: "maybe"; readonly service: Service | undefined }
  | ({ readonly t: "invalid" } & BackendFault);

const ISTIO_GROUP = "networking.istio.io";

export function referencesOf(mesh: Mesh): References {
  const permits = permitsOf(mesh.gatewayApi.grants);
  const named = <T extends { readonly namespace: string; readonly name: string }>(all: readonly T[]) =>
    new Map(all.map((one) => [`${one.namespace}/${one.name}`, one]));
  const services = named(mesh.services.filter((s) => s.source === "kubernetes"));
  const entries = named(mesh.serviceEntries.map((e) => ({ ...e.origin, hosts: e.hosts })));
  const hosts = byHost(mesh.services);
  const credentials = named(mesh.credentials);
  const configMaps = named(mesh.configMaps);
  /** The Service that a reference means, if it is there, unless it may not mean any. */
  const called = (from: Referrer, ref: BackendReference): Called => {
    if (ref.group === ISTIO_GROUP && ref.kind === "Hostname")
      return { t: "maybe", service: hosts(ref.name, from.namespace) };
    // Leave comes first, whatever it is: who may not refer to an object learns nothing of it.
    if (!permits(from, ref)) return { t: "invalid", ...notPermitted(from, ref) };
    if (!isService(ref))
      return { t: "invalid", ...fault("InvalidKind", ref, `calls go to a Service, found ${kindOf(ref)}`) };
    return { t: "maybe", service: services.get(`${ref.namespace}/${ref.name}`) };
  };
  return {
    services: ({ group, kind, namespace, name }) => {
      const key = `${namespace}/${name}`;
      const found = group === "" && kind === "Service" ? services.get(key) : undefined;
      if (group !== ISTIO_GROUP || kind !== "ServiceEntry") return found === undefined ? [] : [found];
      const at = entries.get(key)?.hosts ?? [];
      return mesh.services.filter((s) => s.namespace === namespace && at.includes(s.hostname));
    },
    backend: (from, ref) => {
      const found = called(from, ref);
      return found.t === "invalid" ? found : atPort(found.service, ref, (service) => service.ports, "port");
    },
    udpBackend: (from, ref) => {
      const found = called(from, ref);
      return found.t === "invalid"
        ? found
        : atPort(found.service, ref, (service) => service.udpPorts ?? [], "port for UDP");
    },
    certificate: (from, ref) => {
      if (ref.group !== "" || ref.kind !== "Secret")
        return wrong("InvalidCertificateRef", ref, `a certificate is in a Secret, found ${kindOf(ref)}`);
      if (!permits(from, ref)) return { t: "fault", ...notPermitted(from, ref) };
      const found = credentials.get(`${ref.namespace}/${ref.name}`);
      if (found?.certificate !== undefined) return { t: "found", value: found };
      const what = found === undefined ? "there is no Secret" : "there is no certificate with its key in the Secret";
      return wrong("InvalidCertificateRef", ref, `${what} ${ref.namespace}/${ref.name}`);
    },
    roots: (from, ref) => {
      const isSecret = ref.kind === "Secret";
      if (ref.group !== "" || !(isSecret || ref.kind === "ConfigMap"))
        return wrong("InvalidCACertificateKind", ref, `roots are in a ConfigMap or a Secret, found ${kindOf(ref)}`);
      if (!permits(from, ref)) return { t: "fault", ...notPermitted(from, ref) };
      const found = (isSecret ? credentials : configMaps).get(`${ref.namespace}/${ref.name}`);
      if (found?.trustedCaPem !== undefined)
        return { t: "found", value: { trustedCaPem: found.trustedCaPem, crlPem: found.crlPem } };
      const what =
        found === undefined ? `there is no ${ref.kind}` : `there is no ca.crt with certificates in the ${ref.kind}`;
      return wrong("InvalidCACertificateRef", ref, `${what} ${ref.namespace}/${ref.name}`);
    },
  };
}

/** As a VirtualService of that namespace would find it, which needs no grant either: its own, else the first that it may see. */
function byHost(services: readonly Service[]): (host: string, namespace: string) => Service | undefined {
  const all = grouped(services, ({ hostname }) => hostname);
  return (host, namespace) => {
    const seen = all.get(host)?.filter(({ exportTo }) => isVisibleIn(exportTo, namespace));
    return seen?.find((service) => service.namespace === namespace) ?? seen?.[0];
  };
}

/** One cluster is all that there is, so what others of a set of clusters import is the Service of that name. */
const isService = ({ group, kind }: ObjectReference): boolean =>
  (group === "" && kind === "Service") || (group === "multicluster.x-k8s.io" && kind === "ServiceImport");

function atPort<Port extends { readonly number: number }>(
  service: Service | undefined,
  ref: BackendReference,
  portsOf: (service: Service) => readonly Port[],
  what: string,
):
  | { readonly t: "service"; readonly service: Service; readonly port: Port }
  | ({ readonly t: "invalid" } & BackendFault) {
  const ports = service === undefined ? [] : portsOf(service);
  const port = ports.find((p) => p.number === ref.port);
  if (service !== undefined && port !== undefined) return { t: "service", service, port };
  const message =
    service === undefined
      ? `there is no Service ${ref.namespace}/${ref.name}`
      : `the Service ${ref.namespace}/${ref.name} has no ${what} ${ref.port}: it has ${ports.map((p) => p.number).join(", ") || "none"}`;
  return { t: "invalid", ...fault("BackendNotFound", ref, message) };
}

const kindOf = ({ group, kind }: ObjectReference): string => (group === "" ? kind : `${kind} (${group})`);

function fault<R extends string>(reason: R, ref: ObjectReference, message: string): Fault<R> {
  return { reason, message, at: ref.at };
}

const wrong = <R extends string>(reason: R, ref: ObjectReference, message: string) =>
  ({ t: "fault", ...fault(reason, ref, message) }) as const;

const notPermitted = (from: Referrer, ref: ObjectReference): Fault<"RefNotPermitted"> =>
  fault(
    "RefNotPermitted",
    ref,
    `no ReferenceGrant in the namespace ${ref.namespace} lets the kind ${from.kind} of the namespace ${from.namespace} refer to the ${ref.kind} ${ref.name}`,
  );
