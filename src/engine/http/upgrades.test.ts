import { describe, expect, test } from "bun:test";
import { decide, forward, hcm, reply, routesOf } from "../../../tests/support/http-manager.ts";
import type {
  HttpConnectionManager,
  HttpConnectionManagerUpgradeConfig,
} from "../../xds/proto/http-connection-manager.ts";
import type { RouteActionUpgradeConfig } from "../../xds/proto/route-action.ts";
import type { Route } from "../../xds/proto/route.ts";
import { type CompiledHttp, compileHttp } from "../http.ts";

const WEBSOCKET = { upgrade: "websocket" };
const CONNECT = { method: "CONNECT", upgrade: "connect", authority: "db:5432" };

function http(
  upgradeConfigs: readonly HttpConnectionManagerUpgradeConfig[],
  ofRoute: readonly RouteActionUpgradeConfig[] = [],
  match: Route["match"] = { prefix: "/" },
): CompiledHttp {
  const route = { match, route: { cluster: "a", upgradeConfigs: [...ofRoute] } };
  const config: Partial<HttpConnectionManager> = {
    upgradeConfigs: [...upgradeConfigs],
    routeConfig: routesOf([route]),
  };
  return compileHttp(hcm(config), () => undefined);
}

const isForwarded = (compiled: CompiledHttp, parts: typeof WEBSOCKET): boolean =>
  decide(compiled, "/", parts).t === "forward";

describe("an upgrade", () => {
  const on = [{ upgradeType: "WebSocket" }];
  const off = [{ upgradeType: "websocket", enabled: false }];

  test.each([
    ["nobody names", [], [], false],
    ["the connection manager allows", on, [], true],
    ["the connection manager turns off", off, [], false],
    ["the route turns off", on, off, false],
    ["the route alone allows", [], on, true],
    ["the route turns on again", off, on, true],
    ["is of another type than the route's", on, [{ upgradeType: "mine" }], true],
  ] as const)("that %s", (_, manager, route, wanted) => {
    expect(isForwarded(http(manager, route), WEBSOCKET)).toBe(wanted);
    expect(isForwarded(http(manager, route), { upgrade: "" })).toBe(true);
  });

  test("that is refused is answered with 403, and says whose route it was", () => {
    const { clusterName, closes, details, kind, status } = reply(decide(http([]), "/", WEBSOCKET));
    expect({ clusterName, closes, details, kind, status }).toEqual({
      clusterName: "a",
      closes: true,
      details: "upgrade_failed",
      kind: "upgradeRefused",
      status: 403,
    });
  });

  test("that has no route is answered with 404", () =>
    expect(reply(decide(http(on, [], { prefix: "/x" }), "/", WEBSOCKET)).status).toBe(404));
});

describe("CONNECT", () => {
  const on = [{ upgradeType: "CONNECT" }];
  const matcher = { connectMatcher: {} };

  test("is taken by connect_matcher alone", () => {
    expect(decide(http(on, [], matcher), "", CONNECT).t).toBe("forward");
    for (const match of [{ prefix: "" }, { prefix: "/" }, { safeRegex: { regex: ".*" } }])
      expect(reply(decide(http(on, [], match), "", CONNECT)).status).toBe(404);
    expect(reply(decide(http(on, [], matcher), "/", {})).status).toBe(404);
  });

  test("is found among many routes", () => {
    const many = Array.from({ length: 40 }, (_, i) => ({ match: { prefix: `/${i}/` }, route: { cluster: "b" } }));
    const routeConfig = routesOf([...many, { match: matcher, route: { cluster: "a" } }]);
    const compiled = compileHttp(hcm({ upgradeConfigs: on, routeConfig }), () => undefined);
    expect(forward(decide(compiled, "", CONNECT)).clusterName).toBe("a");
  });

  test("must be allowed", () => expect(reply(decide(http([], [], matcher), "", CONNECT)).status).toBe(403));

  test("ends here where connect_config says so; so does a POST that is allowed to", () => {
    const isTcp = (config: RouteActionUpgradeConfig, parts: object): boolean | undefined => {
      const { route } = forward(decide(http(on, [config], matcher), "", CONNECT));
      return route.upgrades?.isTcp({ ...request, ...parts });
    };
    const request = { method: "GET", path: "/", authority: "a", scheme: "http", header: () => undefined };
    const connect = { upgradeType: "CONNECT", connectConfig: {} };
    expect(isTcp(connect, CONNECT)).toBe(true);
    expect(isTcp({ upgradeType: "CONNECT" }, CONNECT)).toBe(false);
    expect(isTcp(connect, { method: "POST" })).toBe(false);
    expect(isTcp({ ...connect, connectConfig: { allowPost: true } }, { method: "POST" })).toBe(true);
    expect(isTcp({ ...connect, connectConfig: { allowPost: true } }, { method: "GET" })).toBe(false);
  });
});

describe("what is refused, with its path", () => {
  const AT = "route_config.virtual_hosts[0].routes[0].route.upgrade_configs";

  test.each([
    [`${AT}[0].connect_config: is for CONNECT alone`, [{ upgradeType: "websocket", connectConfig: {} }]],
    [
      `${AT}[0].connect_config.proxy_protocol_config: `,
      [{ upgradeType: "CONNECT", connectConfig: { proxyProtocolConfig: {} } }],
    ],
    [`${AT}[1].upgrade_type: WebSocket is there already`, [{ upgradeType: "websocket" }, { upgradeType: "WebSocket" }]],
    [`${AT}[0].upgrade_type: CONNECT-UDP`, [{ upgradeType: "CONNECT-UDP" }]],
    [`${AT}[0].upgrade_type: must be set`, [{}]],
  ] as const)("%s", (message, configs) => expect(() => http([], configs)).toThrow(message));

  test("filters of its own", () => {
    const filters = [{ name: "x" }];
    expect(() => http([{ upgradeType: "websocket", filters }])).toThrow("upgrade_configs[0].filters: ");
  });
});
