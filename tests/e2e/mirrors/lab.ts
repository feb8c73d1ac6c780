/**
 * A proxy, ours or an Envoy, in front of an application and its mirrors, all of which keep what they get.
 *
 * @module
 */
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import type { RequestMirrorPolicy } from "../../../src/xds/proto/route-action.ts";
import type { Route } from "../../../src/xds/proto/route.ts";
import { toJson } from "../../../src/xds/types/codec.ts";
import { cluster, httpListener, limits, route, routes, speaksHttp2 } from "../../support/proxy-resources.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { Recorder } from "./recorder.ts";

const at = (prefix: string, to: string, policies: readonly RequestMirrorPolicy[], more: Route["route"] = {}): Route =>
  route(to, { requestMirrorPolicies: [...policies], ...more }, { match: { prefix } });

const MIRROR: RequestMirrorPolicy = { cluster: "mirror" };
const MIRROR2: RequestMirrorPolicy = { cluster: "mirror2" };
const part = (numerator: number): RequestMirrorPolicy => ({
  ...MIRROR,
  runtimeFraction: { defaultValue: { numerator, denominator: "HUNDRED" } },
});

const ROUTES: readonly Route[] = [
  at("/plain", "app", [MIRROR]),
  at("/timed", "app", [MIRROR], { timeout: 3000 }),
  at("/keep", "app", [{ ...MIRROR, disableShadowHostSuffixAppend: true }]),
  {
    ...at("/edited", "app", [MIRROR], { prefixRewrite: "/new", hostRewriteLiteral: "other:81" }),
    requestHeadersToAdd: [
      {
        header: {
          key: "x-to",
          value: "%REQ(:authority)% %REQ(:path)% %REQ(x-envoy-original-path)% %UPSTREAM_CLUSTER%",
        },
      },
    ],
    requestHeadersToRemove: ["x-gone"],
  },
  at("/several", "app", [MIRROR, MIRROR2, { cluster: "nobody" }]),
  at("/to2", "app", [MIRROR2]),
  at("/from2", "app2", [MIRROR]),
  at("/by-header", "app", [{ clusterHeader: "x-mirror" }]),
  at("/none", "app", [part(0)]),
  at("/half", "app", [part(50)]),
  at("/dead", "app", [{ cluster: "dead" }, MIRROR]),
  at("/full", "app", [{ cluster: "full" }, MIRROR]),
  at("/stuck", "app", [{ cluster: "stuck" }], { timeout: 0 }),
  at("/no-app", "nothing", [MIRROR]),
  at("/no-cluster", "unknown", [MIRROR]),
  { match: { prefix: "/redirect" }, redirect: { pathRedirect: "/plain" } },
  route("app", {}, { match: { prefix: "/" } }),
];

export class MirrorLab {
  readonly app: Recorder;
  readonly app2: Recorder;
  readonly mirror: Recorder;
  readonly mirror2: Recorder;
  /** Takes connections and reads nothing of them. */
  readonly stuck: Bun.TCPSocketListener;
  #process: ProxyProcess | undefined;
  #admin = 0;
  port = 0;

  private constructor(recorders: readonly [Recorder, Recorder, Recorder, Recorder]) {
    [this.app, this.app2, this.mirror, this.mirror2] = recorders;
    this.stuck = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: (socket) => void socket.pause(), data: () => {} },
    });
  }

  static async start(program: readonly string[], folder: string): Promise<MirrorLab> {
    const started = [false, true, false, true].map((isHttp2) => Recorder.start(isHttp2));
    const lab = new MirrorLab((await Promise.all(started)) as [Recorder, Recorder, Recorder, Recorder]);
    lab.#process = await ProxyProcess.start(program, join(folder), () => lab.#bootstrap());
    return lab;
  }

  #bootstrap(): readonly [string, number] {
    const [admin = 0, port = 0, dead = 0] = freePorts(3);
    this.port = port;
    this.#admin = admin;
    const routeConfig = routes(ROUTES, { includeRequestAttemptCount: true }, { validateClusters: false });
    const address = { socketAddress: { address: "127.0.0.1", portValue: port } };
    const listener = httpListener({ routeConfig, via: "proxy", accessLog: [] }, { address });
    const bootstrap: Bootstrap = {
      node: { id: "test", cluster: "test" },
      admin: { address: { socketAddress: { address: "127.0.0.1", portValue: admin } } },
      staticResources: {
        listeners: [listener],
        clusters: [
          cluster("app", [this.app.port]),
          cluster("app2", [this.app2.port], speaksHttp2()),
          cluster("mirror", [this.mirror.port]),
          cluster("mirror2", [this.mirror2.port], speaksHttp2()),
          cluster("dead", [dead]),
          cluster("full", [this.mirror.port], limits({ maxPendingRequests: 0 })),
          cluster("nothing", []),
          cluster("stuck", [this.stuck.port]),
        ],
      },
    };
    return [JSON.stringify(toJson(Bootstrap, bootstrap)), admin];
  }

  /** A statistic by its name; 0 where it is not there. */
  async stat(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#admin}/stats?filter=${name}`)).text();
    const line = text.split("\n").find((it) => it.startsWith(`${name}: `));
    return line === undefined ? 0 : Number(line.slice(name.length + 2));
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.stuck.stop(true);
    for (const recorder of [this.app, this.app2, this.mirror, this.mirror2]) recorder.stop();
  }
}
