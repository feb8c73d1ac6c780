/**
 * TLS that a Sidecar is to end, where the mesh's own is on: it then has no effect, and clients come in that it was to keep out.
 *
 * @module
 */
import { selects } from "../model/match.ts";
import { effectiveMtls } from "../model/peer-authentication.ts";
import type { IngressListener, Sidecar } from "../model/sidecar.ts";
import type { Finding, MeshIndex } from "./mesh-index.ts";

export const analyzeSidecars = (index: MeshIndex): readonly Finding[] =>
  index.mesh.sidecars.flatMap((sidecar) => sidecar.ingress.flatMap((at, i) => idleTls(index, sidecar, at, i)));

function idleTls(
  { mesh }: MeshIndex,
  { origin, workloadSelector = {} }: Sidecar,
  { port, tls }: IngressListener,
  i: number,
): readonly Finding[] {
  if (tls === undefined) return [];
  const [first] = mesh.workloads
    .filter(({ labels, namespace }) => namespace === origin.namespace && selects(workloadSelector, labels))
    .map(({ name, ...of }) => ({ name, mode: effectiveMtls(mesh, of, port).mode }))
    .filter(({ mode }) => mode !== "DISABLE");
  if (first === undefined) return [];
  const message = `has no effect at the workload ${first.name}: a PeerAuthentication must say DISABLE for its port ${port}, which is ${first.mode}`;
  return [{ severity: "warning", origin, path: `spec.ingress[${i}].tls`, message }];
}
