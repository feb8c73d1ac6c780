/**
 * What a port speaks. Source: Istio's protocol selection: `appProtocol` where it is given, else the port's name; of either, the part
 * before the dash. What names no protocol is found out from the bytes, but not where the port's number is known for a server
 * that speaks first.
 *
 * Differs: gRPC-Web is passed through to the application, where Istio's proxy turns it into gRPC.
 *
 * @module
 */
import type { Protocol } from "../model/service.ts";
import type { Node } from "./node.ts";
import { quote } from "./tree.ts";

const BY_NAME: Readonly<Record<string, Protocol>> = {
  http: "http",
  http2: "http2",
  grpc: "grpc",
  https: "https",
  tls: "tls",
  tcp: "tcp",
  mongo: "tcp",
  mysql: "tcp",
  redis: "tcp",
};

/** Values that Kubernetes itself defines. */
const BY_APP_PROTOCOL: Readonly<Record<string, Protocol>> = {
  "kubernetes.io/h2c": "http2",
  "kubernetes.io/ws": "http",
  "kubernetes.io/wss": "https",
};

/** SMTP, DNS, MySQL and MongoDB: TCP where nothing is said. */
const WELL_KNOWN_TCP: ReadonlySet<number> = new Set([25, 53, 3306, 27_017]);

export interface PortWords {
  readonly number: number;
  readonly name: string | undefined;
  readonly appProtocol: string | undefined;
}

/** Warns on a name outside the rule [IST0118], so that nobody wonders why what is silent at first has no routes. */
export function protocolOf(port: Node, { number, name, appProtocol }: PortWords): Protocol {
  const said = appProtocol ?? name;
  const found = said === undefined ? undefined : lookUp(said.toLowerCase(), appProtocol !== undefined);
  if (found !== undefined) return found;
  if (WELL_KNOWN_TCP.has(number)) return "tcp";
  const what =
    said === undefined ? "has no name or appProtocol to say its protocol" : `${quote(said)} names no protocol`;
  port.warn(
    `${what}, so it is detected from the first bytes of each connection [IST0118]: begin the name with ${Object.keys(BY_NAME).join(", ")}`,
  );
  return "auto";
}

function lookUp(said: string, isAppProtocol: boolean): Protocol | undefined {
  if (isAppProtocol && Object.hasOwn(BY_APP_PROTOCOL, said)) return BY_APP_PROTOCOL[said];
  // gRPC-Web is HTTP/1.1 on the wire.
  if (said.startsWith("grpc-web")) return "http";
  const prefix = said.split("-")[0] ?? "";
  return Object.hasOwn(BY_NAME, prefix) ? BY_NAME[prefix] : undefined;
}
