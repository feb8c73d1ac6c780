/**
 * The resources of a gateway workload's proxy, beside the clusters that it calls.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, SocketAddress } from "../../model/service.ts";
import type { Listener } from "../../xds/proto/listener.ts";
import type { RouteConfiguration } from "../../xds/proto/route.ts";
import type { Secret } from "../../xds/proto/tls.ts";
import { backendCertificate } from "../gateway-api/servers.ts";
import type { TranslateOptions } from "../options.ts";
import type { Parts } from "../parts.ts";
import { type Scope, scopeKey } from "../scope.ts";
import type { Source } from "../source.ts";
import { certificateOf, keyPairSecretsOf } from "./credentials.ts";
import { topologyOf } from "./http.ts";
import { gatewayListener } from "./listener.ts";
import { type GatewayPort, gatewayPorts } from "./ports.ts";
import { gatewayRoutes } from "./routes.ts";

export interface GatewayResources {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteConfiguration[];
  /** With private keys: for this workload's proxy and nobody else. */
  readonly secrets: readonly Secret[];
  readonly policySources: Readonly<Record<string, Source>>;
}

interface Placed {
  readonly port: GatewayPort;
  readonly address: SocketAddress;
}

export function gatewayResources(
  mesh: Mesh,
  instance: Instance,
  scope: Scope,
  options: TranslateOptions,
  parts: Parts,
): GatewayResources {
  const placed = gatewayPorts(mesh, instance.workload).flatMap((port) => placeOf(instance, port));
  // Behind trusted proxies a redirect looks at what these say of the client, and the port is theirs.
  const alone = (topologyOf(mesh, instance.workload).numTrustedProxies ?? 0) === 0;
  const httpsPort = alone ? httpsPortOf(placed) : undefined;
  const keyOf = ({ bind = "", targetPort }: GatewayPort): string =>
    `${instance.id} ${bind} ${targetPort} ${scopeKey(scope)}`;
  const made = placed.map(({ port, address }) =>
    parts.of("gateway listeners", keyOf(port), mesh, [port, address, instance, options], (seen) =>
      gatewayListener({ mesh: seen, instance, scope, port, address, options }),
    ),
  );
  const routes = placed.flatMap(({ port }) =>
    parts.of("gateway routes", keyOf(port), mesh, [port, httpsPort], (seen) =>
      gatewayRoutes({ mesh: seen, scope, port, httpsPort }),
    ),
  );
  return {
    listeners: made.flatMap(({ listener }) => listener ?? []),
    routes: once(routes),
    secrets: secretsOf(mesh, instance, placed),
    policySources: Object.assign({}, ...made.map(({ policySources }) => policySources)),
  };
}

/** Servers that Services lead to by several ports have their routes once: they are named by the server. */
const once = (routes: readonly RouteConfiguration[]): readonly RouteConfiguration[] => [
  ...new Map(routes.map((it) => [it.name, it])).values(),
];

/** A port that the instance was given no place for is not listened on: where it may be is not known here. */
function placeOf({ ports }: Instance, port: GatewayPort): readonly Placed[] {
  const found = ports.find(({ targetPort }) => targetPort === port.targetPort)?.inbound;
  return found === undefined ? [] : [{ port, address: { ...found, address: port.bind ?? found.address } }];
}

const HTTPS = 443;

/** Where port 443 had to go elsewhere, redirects must say so. */
function httpsPortOf(placed: readonly Placed[]): number | undefined {
  const secure = placed.find(
    ({ port }) => port.kind === "tls" && port.servers.some(({ server }) => server.port.number === HTTPS),
  );
  return secure === undefined || secure.address.port === secure.port.targetPort ? undefined : secure.address.port;
}

function secretsOf(mesh: Mesh, { workload }: Instance, placed: readonly Placed[]): readonly Secret[] {
  const found = placed
    .flatMap(({ port }) => port.servers)
    .flatMap(({ server }) => {
      const certificate = certificateOf(mesh, workload, server.tls);
      return certificate.t === "secrets" ? certificate.secrets : [];
    });
  const shown = backendCertificate(mesh, workload);
  const toBackends = shown === undefined ? [] : keyPairSecretsOf(shown);
  return [...new Map([...found, ...toBackends].map((secret) => [secret.name, secret])).values()];
}
