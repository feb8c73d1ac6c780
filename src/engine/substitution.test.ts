import { describe, expect, test } from "bun:test";
import type { SubstitutionView } from "./request.ts";
import { compileFormat } from "./substitution.ts";

const VIEW: SubstitutionView = {
  startWallMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  method: "GET",
  path: "/p?q",
  authority: "a:1",
  scheme: "http",
  protocol: "HTTP/1.1",
  responseCode: 200,
  upstreamHost: "10.0.0.2:80",
  upstreamCluster: "c",
  upstreamLocalAddress: "10.0.0.3:9",
  upstreamPeerUriSan: "spiffe://td/ns/a/sa/up",
  upstreamRequestAttemptCount: 2,
  responseFlags: "",
  responseCodeDetails: "via_upstream",
  downstreamDirectRemoteAddress: "10.9.9.9:7",
  downstreamLocalUriSan: "spiffe://td/ns/a/sa/own",
  downstreamLocalAddress: "10.0.0.1:9080",
  downstreamRemoteAddress: "[::1]:5",
  downstreamPeerUriSan: "spiffe://td/ns/a/sa/b",
  requestedServerName: undefined,
  routeName: "r",
  requestHeader: (name) => ({ "x-a": "one", "x-long": "abcdef" })[name],
  responseHeader: (name) => ({ server: "s" })[name],
};

function render(template: string): string {
  const compiled = compileFormat(template, "value");
  return typeof compiled === "string" ? compiled : compiled(VIEW);
}

describe("substitutions in header values", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["plain", "plain"],
    ["100%%", "100%"],
    ["%REQ(X-A)%", "one"],
    ["%REQ(x-b?x-a)%", "one"],
    ["%REQ(x-b)%", ""],
    ["%REQ(x-long):3%", "abc"],
    ["%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %REQ(Host)%", "GET /p?q a:1 a:1"],
    ["%RESP(server)%", "s"],
    ["%DOWNSTREAM_REMOTE_ADDRESS%|%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|%DOWNSTREAM_REMOTE_PORT%", "[::1]:5|::1|5"],
    ["%DOWNSTREAM_LOCAL_PORT%", "9080"],
    ["%START_TIME%", "2026-01-02T03:04:05.678Z"],
    ["id=%DOWNSTREAM_PEER_URI_SAN%;sni=%REQUESTED_SERVER_NAME%;", "id=spiffe://td/ns/a/sa/b;sni=;"],
    ["%UPSTREAM_LOCAL_PORT% %UPSTREAM_REMOTE_PORT% %UPSTREAM_REQUEST_ATTEMPT_COUNT%", "9 80 2"],
    ["%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER_RAW%", "- via_upstream c"],
    ["%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_PORT%", "10.9.9.9:7 7"],
    ["%DOWNSTREAM_LOCAL_URI_SAN% %UPSTREAM_PEER_URI_SAN%", "spiffe://td/ns/a/sa/own spiffe://td/ns/a/sa/up"],
    ["%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %ROUTE_NAME% %PROTOCOL% %RESPONSE_CODE%", "10.0.0.2:80 c r HTTP/1.1 200"],
  ];
  for (const [template, text] of rows) test(template, () => expect(render(template)).toBe(text));

  test("constants are constants", () => expect(compileFormat("a%%b", "v")).toBe("a%b"));

  test("what is not known is refused with its path", () => {
    for (const wrong of [
      "%",
      "a%b",
      "%REQ%",
      "%REQ(a?b?c)%",
      "%NOPE%",
      "%ENVIRONMENT(HOME)%",
      "%PROTOCOL(x)%",
      "%constructor%",
    ]) {
      expect(() => compileFormat(wrong, "routes[0].value")).toThrow(/^routes\[0\]\.value: /);
    }
  });
});
