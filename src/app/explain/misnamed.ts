/**
 * What a caller may have meant whose host and port are no service's.
 *
 * @module
 */
import { didYouMean } from "../../config/did-you-mean.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Workload } from "../../model/service.ts";
import { namesOf } from "../../translate/domains.ts";
import { seenBy } from "./hidden.ts";

const NOBODY = "no service of the mesh has this host and port";

/** `no service of the mesh has this host and port: reviews has the port 9080`; undefined where nothing is near. */
export function misnamed(mesh: Mesh, from: Workload, authority: string): string | undefined {
  const [, host = ""] = /^(.*?)(?::\d+)?$/.exec(authority.toLowerCase()) ?? [];
  const named = seenBy(mesh, from).services.map(({ hostname, ports }) => ({
    names: namesOf(hostname, from, mesh.settings.clusterDomain),
    ports: ports.map(({ number }) => number),
  }));
  const same = named.find(({ names }) => names.includes(host));
  if (same !== undefined) {
    const all = [...new Set(same.ports)].join(", ") || "none";
    return `${NOBODY}: ${host} has the port${same.ports.length === 1 ? "" : "s"} ${all}`;
  }
  const near = didYouMean(
    host,
    named.flatMap(({ names }) => names),
  );
  return near === "" ? undefined : `${NOBODY}${near}`;
}
