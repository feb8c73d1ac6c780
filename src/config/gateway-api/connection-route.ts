/**
 * TLSRoute, TCPRoute and UDPRoute: connections to backends, by the name that the client asks for, or all of them, and datagrams.
 *
 * @module
 */
import type { ConnectionRouteRule, TcpRoute, TlsRoute, UdpRoute } from "../../model/gateway-api/route.ts";
import { type DocumentBody, specFields } from "../document.ts";
import type { Read } from "../node.ts";
import { listOf } from "./lists.ts";
import { sectionName } from "./names.ts";
import { fieldPlace, objectMeta } from "./references.ts";
import { hostnames, parents, rules, weightedBackend } from "./route.ts";

export function readTlsRoute(body: DocumentBody): TlsRoute {
  const { namespace } = body.metadata;
  const spec = specFields(body, ["parentRefs", "hostnames", "rules"], ["useDefaultGateways"]);
  return {
    t: "TLSRoute",
    meta: objectMeta(body),
    parents: spec.optional("parentRefs", parents(namespace)) ?? [],
    hostnames: spec.optional("hostnames", hostnames) ?? [],
    rules: spec.required("rules", rules(connectionRule(namespace), 16), []),
  };
}

export const readTcpRoute = (body: DocumentBody): TcpRoute => ({ t: "TCPRoute", ...namelessRoute(body) });

export const readUdpRoute = (body: DocumentBody): UdpRoute => ({ t: "UDPRoute", ...namelessRoute(body) });

function namelessRoute(body: DocumentBody): Omit<TcpRoute, "t"> {
  const { namespace } = body.metadata;
  const spec = specFields(body, ["parentRefs", "rules"], ["useDefaultGateways"]);
  return {
    meta: objectMeta(body),
    parents: spec.optional("parentRefs", parents(namespace)) ?? [],
    hostnames: [],
    rules: spec.required("rules", rules(connectionRule(namespace), 16), []),
  };
}

const connectionRule =
  (namespace: string): Read<ConnectionRouteRule> =>
  (node) => {
    const fields = node.fields({ known: ["name", "backendRefs"] });
    const backends = listOf(weightedBackend(namespace), { min: 1, max: 16 });
    return {
      at: fieldPlace(node),
      name: fields.optional("name", sectionName),
      backends: fields.required("backendRefs", backends, []),
    };
  };
