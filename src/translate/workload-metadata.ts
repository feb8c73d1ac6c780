/**
 * How resources name a workload and a service, for the labels of metrics.
 *
 * @module
 */
import type { Instance, Service, Workload } from "../model/service.ts";
import type { Metadata } from "../xds/proto/core-base.ts";

export type DescribedWorkload = Pick<Workload, "name" | "namespace" | "labels">;

/** `name;namespace;canonical service;canonical revision;cluster`, as Istio writes it in endpoints' metadata. */
export function describeWorkload(workload: DescribedWorkload, clusterId: string): string {
  const { labels } = workload;
  const service =
    labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"] ?? workload.name;
  const revision =
    labels["service.istio.io/canonical-revision"] ??
    labels["app.kubernetes.io/version"] ??
    labels["version"] ??
    "latest";
  return [workload.name, workload.namespace, service, revision, clusterId].join(";");
}

/** In a listener's metadata: whom it stands in front of, which in a shared proxy the process does not say, and for which service. */
export function listenerMetadata(instance: Instance, clusterId: string, service: Service | undefined): Metadata {
  const workload = describeWorkload(instance.workload, clusterId);
  return { filterMetadata: { tulle: service === undefined ? { workload } : { workload, service: service.hostname } } };
}
