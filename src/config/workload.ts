/**
 * `tulle.dev/v1 Workload`: a thing that runs on this machine, which no other API can say.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import type { Protocol, Workload, WorkloadProcess } from "../model/service.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { annotatedTopology } from "./gateway-topology.ts";
import { labelledLocality } from "./locality.ts";
import { parseIp } from "../base/ip-address.ts";
import { dnsLabel, objectName, textMap } from "./names.ts";
import type { Fields, Node } from "./node.ts";
import { anyText, choice, port, someOf, text } from "./read-values.ts";
import { protocolOf } from "./service-protocol.ts";
import { quote } from "./tree.ts";

const CAPTURE = ["interceptionMode", "address"] as const;
const PROCESS = ["command", "env", "workingFolder"] as const;

export function readWorkload(body: DocumentBody): Workload {
  const spec = specFields(body, ["serviceAccount", "ports", "role", ...CAPTURE, ...PROCESS]);
  const served = spec.optional("ports", ports) ?? [];
  return {
    origin: body.origin,
    name: body.metadata.name,
    namespace: body.metadata.namespace,
    labels: body.metadata.labels,
    serviceAccount: spec.optional("serviceAccount", objectName) ?? "default",
    ports: served.map(({ number }) => number),
    portNumbers: Object.fromEntries(
      served.flatMap(({ name, number }) => (name === undefined ? [] : [[name, number] as const])),
    ),
    portProtocols: Object.fromEntries(
      served.flatMap(({ number, protocol }) => (protocol === undefined ? [] : [[number, protocol] as const])),
    ),
    locality: labelledLocality(body.metadata.labels),
    gateway: readGatewayRole(spec, body),
    captured: readCapture(spec),
    process: readProcess(spec, body),
  };
}

/** `interceptionMode: REDIRECT`, with the address that the workload has. */
function readCapture(spec: Fields<(typeof CAPTURE | typeof PROCESS)[number] | "role">): Workload["captured"] {
  const mode = spec.optional("interceptionMode", choice(["NONE", "REDIRECT"]));
  if (mode !== "REDIRECT") {
    spec.at("address")?.failAtKey('has no effect without "interceptionMode: REDIRECT"');
    return undefined;
  }
  for (const name of ["command", "role"] as const)
    spec.at(name)?.failAtKey("cannot stand beside interceptionMode: REDIRECT: something else runs what is captured");
  return { address: spec.required("address", ownAddress, "10.1.0.10") };
}

function ownAddress(node: Node): string {
  const value = text(node);
  const bytes = parseIp(value);
  if (bytes?.length !== 4 || bytes[0] === 127 || bytes.every((byte) => byte === 0))
    node.mustBe("the IPv4 address that peers dial, not of loopback");
  return value;
}

/** `role: gateway`: the proxy is all there is, at the edge. */
function readGatewayRole(spec: Fields<(typeof PROCESS)[number] | "role">, body: DocumentBody): Workload["gateway"] {
  if (spec.optional("role", choice(["gateway"])) === undefined) return undefined;
  for (const name of PROCESS)
    spec.at(name)?.failAtKey("cannot stand beside role: gateway, whose proxy is all that runs");
  return { topology: annotatedTopology(body.metadata, body.node) };
}

interface WorkloadPort {
  readonly number: number;
  readonly name: string | undefined;
  /** Undefined: as its services say. */
  readonly protocol: Protocol | undefined;
}

function ports(node: Node): readonly WorkloadPort[] {
  const seen = new Map<number, WorkloadPort>();
  for (const item of node.items()) {
    const read = workloadPort(item);
    if (seen.has(read.number)) item.fail(`the port ${read.number} stands twice`);
    if (read.name !== undefined && [...seen.values()].some(({ name }) => name === read.name))
      item.fail(`the port name ${quote(read.name)} stands twice`);
    seen.set(read.number, read);
  }
  return [...seen.values()];
}

/** A number, or a mapping that names the protocol as a service's port does. */
function workloadPort(node: Node): WorkloadPort {
  if (node.tree.t !== "map") return { number: port(node), name: undefined, protocol: undefined };
  const fields = node.fields({ known: ["port", "name", "appProtocol"] });
  const number = fields.required("port", port, 1);
  const name = fields.optional("name", dnsLabel);
  const appProtocol = fields.optional("appProtocol", text);
  const said = name !== undefined || appProtocol !== undefined;
  return { number, name, protocol: said ? protocolOf(node, { number, name, appProtocol }) : undefined };
}

function readProcess(spec: Fields<(typeof PROCESS)[number]>, body: DocumentBody): WorkloadProcess | undefined {
  const command = spec.optional("command", someOf(text));
  const environment = spec.optional("env", textMap(checkVariable, anyText)) ?? {};
  const folder = spec.optional("workingFolder", text) ?? ".";
  if (command !== undefined) {
    return { command, environment, workingFolder: resolve(dirname(body.origin.place.file), folder) };
  }
  for (const name of ["env", "workingFolder"] as const) spec.at(name)?.failAtKey('has no effect without "command"');
  return undefined;
}

function checkVariable(name: string, at: Node): void {
  if (name === "" || /[=\0]/.test(name)) at.failAtKey(`${quote(name)} is not the name of an environment variable`);
}
