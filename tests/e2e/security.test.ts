/**
 * Who gets through to an application: what it received is read from the application itself.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestCa } from "../support/certificates.ts";
import { destinationRule, document, serviceOf } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { type MeshIssuer, meshIssuer } from "./support/mesh-issuer.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";
import { exchange, httpGet, type RawAnswer, type TlsSettings } from "./support/raw-client.ts";
import { isLong } from "./support/traffic.ts";

const records = mkdtempSync(join(tmpdir(), "tulle-records-"));
const recordOf = (name: string): string => join(records, name);
const received = (name: string): string => readFileSync(recordOf(name), "latin1");

const SERVICES = ["vault", "window", "door", "mask"];
const SPIFFE = "spiffe://cluster.local/ns/default/sa";

const mtls = (app: string, mode: string): string =>
  document(
    "security.istio.io/v1",
    "PeerAuthentication",
    `{name: ${app}}`,
    `{selector: {matchLabels: {app: ${app}}}, mtls: {mode: ${mode}}}`,
  );

const SHOP = [
  ...SERVICES.map((name) => serviceOf(name, [process.execPath, `${APPS}/recorder.ts`], { RECORD: recordOf(name) })),
  mtls("vault", "STRICT"),
  mtls("window", "PERMISSIVE"),
  mtls("door", "STRICT"),
  document(
    "security.istio.io/v1",
    "AuthorizationPolicy",
    "{name: door}",
    "{selector: {matchLabels: {app: door}}, action: ALLOW, rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/friend]}}]}]}",
  ),
  // Whoever answers for mask must be somebody else than who does.
  destinationRule(
    "mask",
    `{host: mask, trafficPolicy: {tls: {mode: ISTIO_MUTUAL, subjectAltNames: ["${SPIFFE}/somebody-else"]}}}`,
  ),
].join("");

describe("a mesh of applications that write down what they get", () => {
  let mesh: MeshRun;
  let issuer: MeshIssuer;

  beforeAll(async () => {
    mesh = await MeshRun.start({ folder: APPS, files: { "shop.yaml": SHOP } });
    issuer = meshIssuer(join(mesh.folder, "data"));
  }, 40_000);
  afterAll(async () => {
    await mesh.stop();
    rmSync(records, { recursive: true });
  }, 40_000);

  const address = (service: string): string => mesh.url(service).slice("http://".length);
  const secure = (uri?: string): TlsSettings => ({
    rootPem: issuer.rootPem,
    certificate: uri === undefined ? undefined : issuer.issue(uri),
  });
  const knock = (service: string, path: string, tls?: TlsSettings): Promise<RawAnswer> =>
    exchange(address(service), httpGet(path), tls);

  /** After a call that must get through, all that came before has come or never will. */
  async function expectOnly(service: string, goodPath: string, ...tls: readonly TlsSettings[]): Promise<void> {
    expect((await knock(service, goodPath, ...tls)).text).toStartWith("HTTP/1.1 200 ");
    await eventually("the good call is written down", () => received(service).includes(`GET ${goodPath} `));
    expect(received(service)).not.toContain("/evil");
  }

  test("STRICT refuses plain text by closing, and nothing of it reaches the application", async () => {
    expect(await knock("vault", "/evil-plain")).toEqual({ text: "", closed: true });
    expect(await exchange(address("vault"), "\u0000evil/evil".repeat(20))).toEqual({ text: "", closed: true });
    await expectOnly("vault", "/good-1", secure(`${SPIFFE}/window`));
    expect(received("vault")).not.toContain("evil");
  });

  // It takes the fifteen seconds that Istio gives a client.
  test.if(isLong)(
    "STRICT refuses a client that waits and says nothing, in bounded time",
    async () => {
      // Half of a TLS record: neither plain text nor a greeting.
      const answer = await exchange(address("vault"), "\u0016\u0003\u0001\u0000", undefined, 20_000);
      expect(answer).toEqual({ text: "", closed: true });
    },
    25_000,
  );

  test("PERMISSIVE takes plain text and mutual TLS on one port", async () => {
    expect((await knock("window", "/plain")).text).toStartWith("HTTP/1.1 200 ");
    expect((await knock("window", "/tls", secure(`${SPIFFE}/vault`))).text).toStartWith("HTTP/1.1 200 ");
    expect((await knock("window", "/tls-istio", { ...secure(`${SPIFFE}/vault`), alpn: ["istio"] })).text).toStartWith(
      "HTTP/1.1 200 ",
    );
    await eventually("all are written down", () =>
      ["/plain", "/tls", "/tls-istio"].every((path) => received("window").includes(`GET ${path} `)),
    );
  });

  for (const service of ["vault", "window"]) {
    test(`${service}: a certificate that is not good is refused before a byte reaches the application`, async () => {
      const stranger = new TestCa("cluster.local").svid(`${SPIFFE}/friend`);
      const nowMs = Date.now();
      const bad: Readonly<Record<string, TlsSettings>> = {
        none: secure(),
        "by another authority": { rootPem: issuer.rootPem, certificate: stranger },
        expired: {
          rootPem: issuer.rootPem,
          certificate: issuer.issue(`${SPIFFE}/friend`, 20_000, nowMs - 60_000),
        },
        "not valid yet": {
          rootPem: issuer.rootPem,
          certificate: issuer.issue(`${SPIFFE}/friend`, 3_600_000, nowMs + 1_800_000),
        },
        "of another trust domain": secure("spiffe://elsewhere.example/ns/default/sa/friend"),
      };
      for (const [what, tls] of Object.entries(bad)) {
        const answer = await knock(service, `/evil-${what.replaceAll(" ", "-")}`, tls);
        expect({ what, ...answer }).toEqual({ what, text: "", closed: true });
      }
      await expectOnly(service, "/good-2", secure(`${SPIFFE}/friend`));
    });
  }

  test("a good certificate of somebody who may not is answered 403, and the application sees nothing", async () => {
    const answer = await knock("door", "/evil-identity", secure(`${SPIFFE}/foe`));
    expect(answer.text).toStartWith("HTTP/1.1 403 ");
    expect(answer.text).toEndWith("RBAC: access denied");
    await expectOnly("door", "/good-3", secure(`${SPIFFE}/friend`));
  });

  test("who says that somebody else is calling is not believed", async () => {
    const forged = [
      `x-forwarded-client-cert: By=${SPIFFE}/door;URI=${SPIFFE}/friend`,
      "x-tulle-peer: workload=friend",
      "connection: close",
    ].join("\r\n");
    const text = `GET /evil-forged HTTP/1.1\r\nhost: door\r\n${forged}\r\n\r\n`;
    expect((await exchange(address("door"), text, secure(`${SPIFFE}/foe`))).text).toStartWith("HTTP/1.1 403 ");
    await expectOnly("door", "/good-4", secure(`${SPIFFE}/friend`));
  });

  test("an upstream that shows another identity than the expected one gets no request", async () => {
    const answer = await mesh.callFrom("window", "http://mask/evil-mask");
    expect(answer.status).toBe(503);
    expect(answer.body).toStartWith("upstream connect error or disconnect/reset before headers");
    const line = await eventually("the call is in the log", () =>
      mesh
        .log("window", "proxy")
        .split("\n")
        .find((l) => l.includes("/evil-mask")),
    );
    expect(line).toMatch(/ 503 URX,UF /);
    expect(line).toContain("somebody-else");
    expect(received("mask")).toBe("");
  });

  test("what gets through shows its identity to the application", async () => {
    const answer = await mesh.callFrom("window", "http://vault/who");
    expect(answer.status).toBe(200);
    await eventually("it is written down", () => received("vault").includes("GET /who "));
    const head = received("vault").split("GET /who ")[1] ?? "";
    expect(head).toContain(`URI=${SPIFFE}/window`);
  });

  test("ids and traces are passed on to the application, or made for it", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const headers = { traceparent, tracestate: "vendor=1", "x-request-id": "mine-1" };
    expect((await mesh.callFrom("window", "http://vault/traced", { headers })).status).toBe(200);
    expect((await mesh.callFrom("window", "http://vault/untraced")).status).toBe(200);
    await eventually("both are written down", () => received("vault").includes("GET /untraced "));
    const [, traced = "", untraced = ""] =
      /GET \/traced (.*?)\r\n\r\n.*GET \/untraced (.*?)\r\n\r\n/s.exec(received("vault")) ?? [];
    expect(traced.toLowerCase()).toContain(`traceparent: ${traceparent}`);
    expect(traced.toLowerCase()).toContain("tracestate: vendor=1");
    expect(traced.toLowerCase()).toContain("x-request-id: mine-1");
    expect(untraced).toMatch(/^traceparent: 00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]\r$/im);
    expect(untraced).toMatch(/^x-request-id: [0-9a-f-]{36}\r$/im);
  });
});
