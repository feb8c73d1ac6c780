/**
 * Why a service that is there is none to a caller: it is not exported to it, or a Sidecar keeps it away.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import type { Service, Workload } from "../../model/service.ts";
import type { EgressHost, EgressListener } from "../../model/sidecar.ts";
import { isVisibleIn } from "../../model/visibility.ts";
import { callerOf } from "../../translate/caller.ts";
import { namedServices, visibleMesh } from "../../translate/visible-mesh.ts";
import { serviceAt } from "./dialed.ts";

/** The mesh as a workload's proxy knows it. */
export function seenBy(mesh: Mesh, workload: Workload): Mesh {
  const seen = visibleMesh(mesh, callerOf(mesh, workload));
  return { ...seen, services: namedServices(seen) };
}

/**
 * `not visible: Sidecar shop/default (sidecar.yaml:4) limits egress to ./*`; undefined where the caller sees what it calls, or nothing has the name.
 *
 * @param authority `host:port`, or a host at port 80.
 */
export function whyHidden(mesh: Mesh, from: Workload, authority: string): string | undefined {
  if (serviceAt(seenBy(mesh, from), authority, from.namespace) !== undefined) return undefined;
  const service = serviceAt(mesh, authority, from.namespace)?.service;
  if (service === undefined) return undefined;
  if (!isVisibleIn(service.exportTo, from.namespace))
    return `not visible: ${named(service.origin)} ${exported(service)}`;
  const { sidecar } = callerOf(mesh, from);
  return sidecar && `not visible: ${named(sidecar.origin)} limits egress to ${sidecar.egress.map(listed).join("; ")}`;
}

const named = ({ kind, namespace, name, place }: Origin): string =>
  `${kind} ${namespace}/${name} (${place.file}:${place.line})`;

function exported({ exportTo }: Service): string {
  if (exportTo === "all" || exportTo.length === 0) return "is exported to no namespace";
  return `is exported to ${exportTo.join(", ")} only`;
}

const listed = ({ hosts, port }: EgressListener): string =>
  `${hosts.map(written).join(", ")}${port === undefined ? "" : ` at port ${port.number}`}`;

const written = ({ excluded, host, namespace }: EgressHost): string => `${excluded ? "~" : ""}${namespace}/${host}`;
