/**
 * The scene of most tests of the proxy: one plaintext listener, one route, one cluster.
 *
 * @module
 */
import { Cluster } from "../../src/xds/proto/cluster.ts";
import { Listener } from "../../src/xds/proto/listener.ts";
import type { Route, VirtualHost } from "../../src/xds/proto/route.ts";
import { cluster, httpListener, type ManagerOptions, route, routes } from "./proxy-resources.ts";
import { type Backend, ProxyRig, type RigOptions } from "./proxy-rig.ts";

export interface SceneOptions extends RigOptions {
  readonly action?: Route["route"];
  readonly route?: Partial<Route>;
  readonly host?: Partial<VirtualHost>;
  readonly cluster?: Partial<Cluster>;
  readonly manager?: ManagerOptions;
  readonly listener?: Partial<Listener>;
  /** How many endpoints. Default 1. */
  readonly backends?: number;
}

export interface Scene {
  readonly rig: ProxyRig;
  /** The first of them. */
  readonly backend: Backend;
  readonly backends: readonly Backend[];
}

export async function scene(options: SceneOptions = {}): Promise<Scene> {
  const rig = new ProxyRig(options);
  const backends: Backend[] = [];
  for (let i = 0; i < (options.backends ?? 1); i++) backends.push(await rig.backend());
  const ports = backends.map(({ port }) => port);
  await rig.apply(Cluster, cluster("app", ports, options.cluster));
  const routeConfig = routes([route("app", options.action, options.route)], options.host);
  await rig.apply(Listener, httpListener({ routeConfig, ...options.manager }, options.listener));
  return { rig, backend: backends[0] as Backend, backends };
}

/** A request without a body. */
export const GET = "GET / HTTP/1.1\r\nHost: app\r\n\r\n";
export const get = (path: string, ...lines: readonly string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: app\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
export const post = (body: string, ...lines: readonly string[]): string =>
  `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${body.length}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;

export const answer = (body: string, status = "200 OK", ...lines: readonly string[]): string =>
  `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join("")}content-length: ${body.length}\r\n\r\n${body}`;

export const OK = answer("ok");

export const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? Number.NaN);
export const bodyOf = (text: string): string => text.slice(text.indexOf("\r\n\r\n") + 4);

/** Values of a header, in order. */
export function headerOf(text: string, lowerName: string): string[] {
  const head = text.slice(0, text.indexOf("\r\n\r\n"));
  return head
    .split("\r\n")
    .slice(1)
    .filter((line) => line.slice(0, line.indexOf(":")).toLowerCase() === lowerName)
    .map((line) => line.slice(line.indexOf(":") + 1).trim());
}
