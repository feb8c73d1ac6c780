import { describe, expect, test } from "bun:test";
import { PLAIN_PEER, peerOf, request } from "../../../tests/support/requests.ts";
import type { Permission, Principal, Rbac } from "../../xds/proto/rbac.ts";
import type { PeerView, RequestView } from "../request.ts";
import type { TraceStep } from "../trace.ts";
import { remoteAddressOf } from "../http/trusted-client.ts";
import { compileNetworkRbac } from "./network-rbac.ts";
import { compileRules } from "./rules.ts";

const ANY = { any: true };
const JASON = "spiffe://cluster.local/ns/default/sa/jason";
const remote = remoteAddressOf(false, 0);
const policy = (permission: Permission, principal: Principal): Rbac => ({
  policies: { p: { permissions: [permission], principals: [principal] } },
});

function allows(rbac: Rbac, view: RequestView = request("/"), peer: PeerView = PLAIN_PEER): boolean {
  return compileRules(rbac, remote, false, "rules").evaluate(view, peer, undefined).allowed;
}

describe("permissions", () => {
  const rows: readonly (readonly [Permission, RequestView, boolean])[] = [
    [ANY, request("/"), true],
    [{ header: { name: ":method", stringMatch: { exact: "GET" } } }, request("/"), true],
    [{ header: { name: ":method", stringMatch: { exact: "GET" } } }, request("/", { method: "PUT" }), false],
    [{ urlPath: { path: { prefix: "/api" } } }, request("/api?x"), true],
    [{ urlPath: { path: { exact: "/api" } } }, request("/api?x#y"), true],
    [{ urlPath: { path: { exact: "/api" } } }, request("/api/"), false],
    [{ destinationPort: 9080 }, request("/"), true],
    [{ destinationPort: 9081 }, request("/"), false],
    [{ destinationPortRange: { start: 9000, end: 9080 } }, request("/"), false],
    [{ destinationPortRange: { start: 9080, end: 9081 } }, request("/"), true],
    [{ destinationIp: { addressPrefix: "10.0.0.0", prefixLen: 24 } }, request("/"), true],
    [{ destinationIp: { addressPrefix: "10.0.1.0", prefixLen: 24 } }, request("/"), false],
    [{ requestedServerName: { exact: "" } }, request("/"), true],
    [{ requestedServerName: { exact: "a" } }, request("/"), false],
    [{ notRule: ANY }, request("/"), false],
    [{ andRules: { rules: [ANY, { destinationPort: 1 }] } }, request("/"), false],
    [{ orRules: { rules: [{ destinationPort: 1 }, ANY] } }, request("/"), true],
  ];
  for (const [permission, view, allowed] of rows) {
    test(`${JSON.stringify(permission)} on ${view.method} ${view.path} is ${allowed}`, () =>
      expect(allows(policy(permission, ANY), view)).toBe(allowed));
  }
});

describe("principals", () => {
  const name = (exact: string): Principal => ({ authenticated: { principalName: { exact } } });
  const rows: readonly (readonly [Principal, PeerView, boolean])[] = [
    [ANY, PLAIN_PEER, true],
    [name(JASON), peerOf(JASON), true],
    [name(JASON), peerOf(`${JASON}2`), false],
    [name(JASON), PLAIN_PEER, false],
    // An identity counts only on the connection that proved it.
    [name(JASON), { ...PLAIN_PEER, spiffeId: JASON }, false],
    [{ authenticated: { principalName: { prefix: "" } } }, { ...PLAIN_PEER, tls: true }, false],
    [{ authenticated: {} }, { ...PLAIN_PEER, tls: true }, true],
    [{ authenticated: {} }, PLAIN_PEER, false],
    [{ filterState: { key: "io.istio.peer_principal", stringMatch: { suffix: "/sa/jason" } } }, peerOf(JASON), true],
    [{ directRemoteIp: { addressPrefix: "10.0.0.7", prefixLen: 32 } }, PLAIN_PEER, true],
    [{ sourceIp: { addressPrefix: "10.0.0.8", prefixLen: 32 } }, PLAIN_PEER, false],
    [{ notId: name(JASON) }, PLAIN_PEER, true],
    [{ andIds: { ids: [ANY, name(JASON)] } }, PLAIN_PEER, false],
    [{ orIds: { ids: [name(JASON), ANY] } }, PLAIN_PEER, true],
  ];
  for (const [principal, peer, allowed] of rows) {
    test(`${JSON.stringify(principal)} for ${peer.spiffeId} over ${peer.tls ? "TLS" : "plaintext"} is ${allowed}`, () =>
      expect(allows(policy(ANY, principal), request("/"), peer)).toBe(allowed));
  }

  test("the client's address, as far as x-forwarded-for is trusted", () => {
    const view = request("/", { headers: { "x-forwarded-for": "1.1.1.1, 2.2.2.2,3.3.3.3" } });
    expect(remoteAddressOf(true, 0)(view, PLAIN_PEER)).toBe("10.0.0.7");
    expect(remoteAddressOf(true, 1)(view, PLAIN_PEER)).toBe("3.3.3.3");
    expect(remoteAddressOf(false, 0)(view, PLAIN_PEER)).toBe("3.3.3.3");
    expect(remoteAddressOf(false, 2)(view, PLAIN_PEER)).toBe("1.1.1.1");
    expect(remoteAddressOf(false, 3)(view, PLAIN_PEER)).toBe("10.0.0.7");
    expect(remoteAddressOf(false, 0)(request("/", { headers: { "x-forwarded-for": "x" } }), PLAIN_PEER)).toBe(
      "10.0.0.7",
    );
    const principal = { remoteIp: { addressPrefix: "3.3.3.0", prefixLen: 24 } };
    expect(allows(policy(ANY, principal), view)).toBe(true);
    expect(allows(policy(ANY, principal))).toBe(false);
  });
});

describe("sets of policies", () => {
  const two: Rbac = {
    policies: {
      b: { permissions: [ANY], principals: [ANY] },
      "a c": { permissions: [{ destinationPort: 9080 }], principals: [ANY] },
    },
  };
  const verdict = (rbac: Rbac) => compileRules(rbac, remote, false, "r").evaluate(request("/"), PLAIN_PEER, undefined);

  test("the first by name is reported", () => {
    expect(verdict({ ...two, action: "DENY" })).toEqual({
      allowed: false,
      policy: "a c",
      details: "rbac_access_denied_matched_policy[a_c]",
    });
    expect(verdict(two)).toMatchObject({ allowed: true, policy: "a c" });
  });

  test("actions without a match", () => {
    expect(verdict({}).allowed).toBe(false);
    expect(verdict({ action: "DENY" }).allowed).toBe(true);
    expect(verdict({ action: "LOG" }).allowed).toBe(true);
    expect(verdict({ ...two, action: "LOG" })).toMatchObject({ allowed: true, policy: "a c" });
  });

  test("reasons", () => {
    const steps: TraceStep[] = [];
    const rbac = policy(
      { header: { name: ":method", stringMatch: { exact: "GET" } } },
      { authenticated: { principalName: { exact: JASON } } },
    );
    compileRules(rbac, remote, true, "r").evaluate(request("/"), PLAIN_PEER, steps);
    expect(steps).toEqual([
      {
        step: "policy",
        subject: "p",
        verdict: "notMatched",
        reason: `ALLOW policy: all of (+ header :method: wanted exact "GET", found "GET", - principal: wanted exact "${JASON}", found nothing)`,
        shadow: true,
      },
      { step: "policy", subject: "none", verdict: "denied", reason: "no ALLOW policy matched", shadow: true },
    ]);
  });

  test("what cannot be evaluated is refused with its path", () => {
    const refused = (permission: Permission, principal: Principal) => () =>
      compileRules(policy(permission, principal), remote, false, "rules");
    expect(refused({ metadata: { filter: "x" } }, ANY)).toThrow(
      'rules.policies["p"].permissions[0].metadata: is not supported',
    );
    expect(refused({}, ANY)).toThrow('rules.policies["p"].permissions[0]: must hold a rule');
    expect(refused({ any: false }, ANY)).toThrow('rules.policies["p"].permissions[0].any: must be true');
    expect(refused(ANY, {})).toThrow('rules.policies["p"].principals[0]: must hold an identifier');
    expect(refused(ANY, { andIds: {} })).toThrow('rules.policies["p"].principals[0].and_ids: must not be empty');
    expect(refused(ANY, { directRemoteIp: { addressPrefix: "x" } })).toThrow(
      "principals[0].direct_remote_ip.address_prefix",
    );
    expect(() => compileRules({ policies: { p: {} } }, remote, false, "r")).toThrow(
      'r.policies["p"].permissions: must not be empty',
    );
  });
});

describe("network RBAC", () => {
  const rules = policy(ANY, { authenticated: { principalName: { exact: JASON } } });

  test("a connection is judged by its peer", () => {
    const judge = compileNetworkRbac({ statPrefix: "x", rules });
    expect(judge(peerOf(JASON))).toMatchObject({ allowed: true, policy: "p" });
    expect(judge(PLAIN_PEER)).toEqual({
      allowed: false,
      policy: undefined,
      details: "rbac_access_denied_matched_policy[none]",
    });
  });

  test("conditions on a request never hold", () => {
    const judge = compileNetworkRbac({ rules: policy({ urlPath: { path: { prefix: "/" } } }, ANY) });
    expect(judge(peerOf(JASON)).allowed).toBe(false);
  });

  test("shadow rules are recorded only", () => {
    const seen: unknown[] = [];
    const judge = compileNetworkRbac({ shadowRules: rules, statPrefix: "s" }, "", {
      rbac: (...args) => void seen.push(args),
    });
    expect(judge(PLAIN_PEER).allowed).toBe(true);
    expect(seen).toEqual([["s", true, false, undefined]]);
  });
});
