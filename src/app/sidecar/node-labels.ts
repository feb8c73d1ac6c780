/**
 * Who the proxy stands in front of, as the bootstrap's node says in Istio's metadata: `WORKLOAD_NAME`, `NAMESPACE`,
 * `LABELS`, `CLUSTER_ID`.
 *
 * @module
 */
import type { PeerLabels } from "../../telemetry/istio-labels.ts";
import type { LocalService } from "../../proxy/cluster-runtime.ts";
import type { Bootstrap } from "../../xds/proto/bootstrap.ts";
import type { Node } from "../../xds/proto/core-base.ts";
import type { JsonValue } from "../../xds/types/struct.ts";

/** The cluster of the proxy's own service, and where the proxy is; undefined where the bootstrap does not say both. */
export function localService({ clusterManager, node }: Bootstrap): LocalService | undefined {
  const clusterName = clusterManager?.localClusterName ?? "";
  return clusterName === "" || node?.locality === undefined ? undefined : { clusterName, locality: node.locality };
}

export function labelsOf(node: Node | undefined): PeerLabels {
  const metadata = node?.metadata ?? {};
  const labels = metadata["LABELS"];
  const label = (key: string): string | undefined =>
    typeof labels === "object" && labels !== null && !Array.isArray(labels) ? text((labels as Labels)[key]) : undefined;
  return {
    workload: text(metadata["WORKLOAD_NAME"]),
    namespace: text(metadata["NAMESPACE"]),
    cluster: text(metadata["CLUSTER_ID"]),
    app: label("app"),
    version: label("version"),
    canonicalService: label("service.istio.io/canonical-name") ?? label("app"),
    canonicalRevision: label("service.istio.io/canonical-revision") ?? label("version"),
  };
}

type Labels = Readonly<Record<string, JsonValue | undefined>>;

const text = (value: JsonValue | undefined): string | undefined => (typeof value === "string" ? value : undefined);
