/**
 * Which requests may switch their connection to something else: WebSocket and other upgrades, and CONNECT.
 *
 * Source: `HttpConnectionManager.upgrade_configs` and `RouteAction.upgrade_configs`, as Envoy reads them: a type that the
 * route names is the route's to turn on or off, any other the connection manager's. Types are compared in lower case; a
 * request that names several protocols asks for none that could be configured.
 *
 * Not here: filters of its own for an upgrade, `CONNECT-UDP`, a PROXY protocol header in front of a CONNECT's bytes.
 *
 * @module
 */
import type { HttpConnectionManagerUpgradeConfig } from "../../xds/proto/http-connection-manager.ts";
import type { RouteActionUpgradeConfig } from "../../xds/proto/route-action.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { RequestView } from "../request.ts";

/** What `RequestView.upgrade` holds for CONNECT. */
export const CONNECT = "connect";

/** By type in lower case: whether it may be. */
export type UpgradeTypes = ReadonlyMap<string, boolean>;

export interface RouteUpgrades {
  readonly types: UpgradeTypes;
  /** Requests whose bytes go to the endpoint as they are, without HTTP. */
  readonly isTcp: (request: RequestView) => boolean;
}

const KNOWN = new Set(["upgradeType", "enabled"]);
const KNOWN_OF_ROUTE = new Set([...KNOWN, "connectConfig"]);
const KNOWN_CONNECT = new Set(["allowPost"]);

/** Of the connection manager. @throws {CompileError} */
export function compileUpgrades(
  configs: readonly HttpConnectionManagerUpgradeConfig[] | undefined,
  path: string,
): UpgradeTypes {
  return typesOf(configs ?? [], KNOWN, path);
}

/** Of a route; undefined where it says nothing. @throws {CompileError} */
export function compileRouteUpgrades(
  configs: readonly RouteActionUpgradeConfig[] | undefined,
  path: string,
): RouteUpgrades | undefined {
  if (configs === undefined || configs.length === 0) return undefined;
  const types = typesOf(configs, KNOWN_OF_ROUTE, path);
  for (const [i, { connectConfig, upgradeType = "" }] of configs.entries()) {
    if (connectConfig === undefined) continue;
    const at = `${fieldPath(`${path}[${i}]`, "connectConfig")}`;
    if (upgradeType.toLowerCase() !== CONNECT)
      throw new CompileError(at, `is for CONNECT alone; the upgrade_type is ${upgradeType}`);
    refuseOthers(connectConfig, at, KNOWN_CONNECT);
  }
  const connect = configs.find(({ connectConfig }) => connectConfig !== undefined)?.connectConfig;
  return { types, isTcp: tcpTest(connect !== undefined, connect?.allowPost ?? false) };
}

function tcpTest(terminates: boolean, allowPost: boolean): RouteUpgrades["isTcp"] {
  if (!terminates) return () => false;
  return ({ method, upgrade }) => upgrade === CONNECT || (allowPost && method === "POST");
}

function typesOf(
  configs: readonly (HttpConnectionManagerUpgradeConfig | RouteActionUpgradeConfig)[],
  known: ReadonlySet<string>,
  path: string,
): UpgradeTypes {
  const types = new Map<string, boolean>();
  for (const [i, config] of configs.entries()) {
    refuseOthers(config, `${path}[${i}]`, known);
    const type = (config.upgradeType ?? "").toLowerCase();
    const at = fieldPath(`${path}[${i}]`, "upgradeType");
    if (type === "connect-udp") throw new CompileError(at, "CONNECT-UDP is not supported yet");
    if (type === "") throw new CompileError(at, "must be set");
    if (types.has(type)) throw new CompileError(at, `${config.upgradeType} is there already`);
    types.set(type, config.enabled ?? true);
  }
  return types;
}

/** @param type What the request asks for, in lower case. */
export function mayUpgrade(type: string, manager: UpgradeTypes, route: RouteUpgrades | undefined): boolean {
  return route?.types.get(type) ?? manager.get(type) ?? false;
}
