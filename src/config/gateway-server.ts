/**
 * One server of a Gateway: a port, the hosts that it takes, and its TLS.
 *
 * @module
 */
import type { GatewayHost, GatewayProtocol, GatewayServer } from "../model/gateway.ts";
import type { DocumentBody } from "./document.ts";
import { gatewayTls } from "./gateway-tls.ts";
import { isAddress, isDnsLabel, isHost } from "./names.ts";
import type { Node } from "./node.ts";
import { choice, isText, port, text, textThat } from "./read-values.ts";

/** What the edge makes of each: HTTP/2 is found out by ALPN or its preface, so the HTTP names are one. */
const PROTOCOLS: Readonly<Record<string, GatewayProtocol>> = {
  HTTP: "HTTP",
  HTTP2: "HTTP",
  GRPC: "HTTP",
  "GRPC-WEB": "HTTP",
  HTTPS: "HTTPS",
  TLS: "TLS",
  TCP: "TCP",
  MONGO: "TCP",
};

const DEFAULT_ENDPOINT = {
  name: "defaultEndpoint",
  instead:
    "a gateway sends calls where a VirtualService routes them; give the address a ServiceEntry and route to that",
};

export function gatewayServer(node: Node, body: DocumentBody): GatewayServer {
  const fields = node.fields({ known: ["name", "port", "bind", "hosts", "tls"], unsupported: [DEFAULT_ENDPOINT] });
  const read = fields.required("port", serverPort, { number: 1, name: "", protocol: "HTTP" as const });
  const hosts = fields.required("hosts", (n) => serverHosts(n, body.metadata.namespace), []);
  const tls = fields.optional("tls", (n) => gatewayTls(n, read.protocol, body));
  const needsTls = read.protocol === "HTTPS" || read.protocol === "TLS";
  if (needsTls && tls === undefined && node.tree.t === "map")
    node.fail(`a server of protocol ${read.protocol} needs tls`);
  return {
    place: node.place,
    name: fields.optional("name", text),
    port: read,
    bind: fields.optional("bind", textThat(isAddress, "an IP address to listen on (a gateway binds no unix socket)")),
    hosts,
    tls,
  };
}

function serverPort(node: Node): GatewayServer["port"] {
  const fields = node.fields({ known: ["number", "name", "protocol", "targetPort"] });
  fields.at("targetPort")?.warn("has no effect on a Gateway, and Istio has given it up");
  return {
    number: fields.required("number", port, 1),
    name: fields.required("name", text, ""),
    protocol: fields.required("protocol", protocol, "HTTP"),
  };
}

function protocol(node: Node): GatewayProtocol {
  const upper = isText(node) ? String((node.tree as { readonly value: unknown }).value).toUpperCase() : "";
  if (Object.hasOwn(PROTOCOLS, upper)) return PROTOCOLS[upper] as GatewayProtocol;
  return PROTOCOLS[choice(Object.keys(PROTOCOLS))(node)] as GatewayProtocol;
}

function serverHosts(node: Node, ownNamespace: string): readonly GatewayHost[] {
  const items = node.items();
  if (node.tree.t === "list" && items.length === 0) node.fail("must have at least one host; * takes all");
  return items.map((item) => serverHost(item, ownNamespace));
}

/** `host`, `namespace/host`, `./host` or `*` + `/host`. */
function serverHost(node: Node, ownNamespace: string): GatewayHost {
  const written = text(node);
  const slash = written.indexOf("/");
  const namespace = slash < 0 ? "*" : written.slice(0, slash);
  const host = written.slice(slash + 1).toLowerCase();
  if (namespace !== "*" && namespace !== "." && !isDnsLabel(namespace))
    node.mustBe("host, namespace/host, ./host or */host: the namespace is not one");
  else if (written !== "" && !isHost(host, true) && !isAddress(host))
    node.mustBe("a host name without port, or a wildcard such as *.example.com or *");
  return { namespace: namespace === "*" ? undefined : namespace === "." ? ownNamespace : namespace, host };
}
