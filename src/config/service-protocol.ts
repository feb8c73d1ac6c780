/**
 * What a service's port speaks. Source: Istio's protocol selection: `appProtocol` first, else the part of the port's name
 * before the dash. Where we differ: a name that says nothing is TCP, since nothing is guessed from the bytes yet.
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

/** Warns on a name outside the rule [IST0118], so that nobody wonders why no route applies. */
export function protocolOf(port: Node, name: string | undefined, appProtocol: string | undefined): Protocol {
  const said = appProtocol ?? name;
  if (said === undefined) {
    port.warn(
      'has no name or appProtocol to say its protocol, so it is carried as TCP [IST0118]: name it "http" for routes to apply',
    );
    return "tcp";
  }
  const found = lookUp(said.toLowerCase());
  if (found !== undefined) return found;
  port.warn(
    `${quote(said)} names no protocol, so the port is carried as TCP [IST0118]: begin it with ${Object.keys(BY_NAME).join(", ")}`,
  );
  return "tcp";
}

function lookUp(said: string): Protocol | undefined {
  if (Object.hasOwn(BY_APP_PROTOCOL, said)) return BY_APP_PROTOCOL[said];
  // gRPC-web is HTTP/1.1 on the wire.
  if (said === "grpc-web" || said.startsWith("grpc-web-")) return "http";
  const prefix = said.split("-")[0] ?? "";
  return Object.hasOwn(BY_NAME, prefix) ? BY_NAME[prefix] : undefined;
}
