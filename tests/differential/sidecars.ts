/**
 * Cases of Sidecars, with and without a rule that leads to what they leave out.
 *
 * @module
 */
import type { Ask, Case } from "./comparison.ts";
import { documentsOf } from "./rig/document.ts";
import { MARKER } from "./rig/world.ts";

/** What each Sidecar leaves of the mesh, beside the marker. */
const EGRESS: Readonly<Record<string, string>> = {
  "its own namespace": 'egress: [{hosts: ["./*"]}]',
  "another namespace": 'egress: [{hosts: ["other/*"]}]',
  "one host": 'egress: [{hosts: ["./peer.default.svc.cluster.local"]}]',
  "hosts of all namespaces by their name": 'egress: [{hosts: ["*/far.other.svc.cluster.local"]}]',
  "a host that only a rule names": 'egress: [{hosts: ["./h-1.default.svc.cluster.local"]}]',
  everything: 'egress: [{hosts: ["*/*"]}]',
  "what is known": 'egress: [{hosts: ["*/*"]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}',
  "what is known of its namespace": 'egress: [{hosts: ["./*"]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}',
};

const ASKED = ["HOST", "h-1", "peer", "far.other", "empty", "nobody.example"];
const ask = (host: string): Ask => ({ host, port: 0, method: "GET", path: "/", headers: [], body: "" });
/** Where the host's own rule leads. */
const LEADS = ["", "peer", "far.other.svc.cluster.local"];

const document = (kind: string, name: string, spec: string): string =>
  `---\napiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;

const sidecar = (spec: string): string =>
  document("Sidecar", "client", `workloadSelector: {labels: {app: client}}, ${spec}`);

const rule = (host: string): string =>
  document("VirtualService", "HOST", `hosts: [HOST], http: [{route: [{destination: {host: ${host}}}]}]`);

/** @param isLong All of them; otherwise every third: each needs a push of its own. */
export const sidecarCases = (isLong: boolean): readonly Case[] =>
  ALL.filter((_, i) => isLong || i % 3 === Math.floor(i / 3) % 3);

const ALL: readonly Case[] = Object.entries(EGRESS).flatMap(([what, text]) =>
  LEADS.map((host) => {
    const spec = text.replace("hosts: [", `hosts: ["./${MARKER}.default.svc.cluster.local", `);
    const documents = documentsOf(sidecar(spec) + (host === "" ? "" : rule(host)));
    return { what: `${what}${host === "" ? "" : `, rule to ${host}`}`, documents, asks: ASKED.map(ask) };
  }),
);
