/**
 * The edge: certificates by name, clients by certificate, redirects, passages, and who a client is believed to be. Our proxy
 * and a real Envoy get the same resources, and the same is asked of both.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { serverKeyPair } from "../support/server-certificates.ts";
import { EDGE_DOCUMENTS, gateway, pairs, secret, server } from "./agreement/edge-documents.ts";
import { type EdgeProbe, EDGE_PROBES, edgeOutcome } from "./agreement/edge-probes.ts";
import { comparable } from "./agreement/outcome.ts";
import { call } from "./support/call.ts";
import { askEdge, handshake, requestText } from "./support/edge-client.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { exchange } from "./support/raw-client.ts";

const envoy = await ensureEnvoy();
/** By the proxy that was asked. */
const outcomes = new Map<string, readonly unknown[]>();
if (envoy === undefined) console.warn("SKIPPED: the gateway in a real Envoy, which could not be had");

for (const proxy of envoy === undefined ? ["tulle"] : ["tulle", "envoy"]) {
  describe(`a gateway (${proxy})`, () => {
    const empty = mkdtempSync(join(tmpdir(), "tulle-edge-"));
    let mesh: MeshRun;
    beforeAll(async () => {
      const args = proxy === "envoy" ? ["--proxy", "envoy"] : [];
      mesh = await MeshRun.start({ folder: empty, files: { "mesh.yaml": EDGE_DOCUMENTS }, args });
    }, 60_000);
    afterAll(async () => {
      await mesh?.stop();
      rmSync(empty, { recursive: true });
    }, 40_000);

    const url = (port: number, instance = "edge"): string => {
      const found = mesh.file.gateways.find((g) => g.port === port && g.instance === instance);
      if (found === undefined) throw new Error(`no port ${port} of ${instance}`);
      return found.url;
    };
    const ask = (name: string, more: Partial<Parameters<typeof askEdge>[0]> = {}, port = 443) =>
      askEdge({ url: url(port), name, ...more });

    test("every proxy takes all of its resources", async () => {
      const status = await eventually("all proxies agree", async () => {
        const found = await mesh.status();
        return found.publication.acknowledged === found.publication.proxies && found;
      });
      expect(status.rejections).toEqual([]);
      expect(status.problems.filter(({ severity }) => severity === "error")).toEqual([]);
    });

    test("the name chooses the certificate: exact, then wildcard, then the rest", async () => {
      expect(await ask("a.example.com")).toMatchObject({ names: "DNS:a.example.com", status: 200 });
      expect(await ask("A.EXAMPLE.com")).toMatchObject({ names: "DNS:a.example.com", status: 200 });
      expect(await ask("b.example.com")).toMatchObject({ names: "DNS:*.example.com", status: 200 });
      expect(await ask("c.b.example.com")).toMatchObject({ names: "DNS:*.example.com", status: 200 });
      expect(await ask("a.example.com", {}, 444)).toMatchObject({ names: "DNS:a.example.com", status: 200 });
      expect(await ask("elsewhere.test", {}, 444)).toMatchObject({ names: "DNS:rest.example.org", status: 200 });
      expect(await ask("", {}, 444)).toMatchObject({ names: "DNS:rest.example.org", status: 200 });
    });

    test("a name that nobody serves is refused, and no name", async () => {
      expect(await ask("example.com")).toBeUndefined();
      expect(await ask("elsewhere.test")).toBeUndefined();
      expect(await ask("")).toBeUndefined();
      expect(
        await exchange(url(443).slice("https://".length), "GET / HTTP/1.1\r\nhost: a.example.com\r\n\r\n"),
      ).toEqual({
        text: "",
        closed: true,
      });
    });

    test("a connection serves the hosts of its own certificate alone", async () => {
      const socket = await handshake({ url: url(443), name: "a.example.com" });
      const found = new Promise<string>((resolve) => socket?.once("data", (chunk: Buffer) => resolve(String(chunk))));
      socket?.write(requestText({ url: "", name: "b.example.com" }, true));
      expect(await found).toStartWith("HTTP/1.1 404");
      socket?.destroy();
    });

    test("MUTUAL knows its clients; OPTIONAL_MUTUAL takes those without a certificate too", async () => {
      const { client, stranger } = pairs;
      expect(await ask("mutual.example.com")).toBeUndefined();
      expect(await ask("mutual.example.com", { certificate: stranger })).toBeUndefined();
      const known = await ask("mutual.example.com", { certificate: client });
      expect(known?.status).toBe(200);
      expect(known?.body).toContain("DNS=client.example.com");
      expect(await ask("optional.example.com", { certificate: stranger })).toBeUndefined();
      expect((await ask("optional.example.com", { certificate: client }))?.body).toContain("DNS=client.example.com");
      const bare = await ask("optional.example.com");
      expect(bare?.status).toBe(200);
      expect(bare?.body).not.toContain("client.example.com");
    });

    test("a client's word about certificates is not passed on", async () => {
      const forged = { headers: { "x-forwarded-client-cert": "URI=spiffe://cluster.local/ns/default/sa/forged" } };
      for (const name of ["a.example.com", "optional.example.com"])
        expect((await ask(name, forged))?.body).not.toContain("forged");
      const known = await ask("mutual.example.com", { ...forged, certificate: pairs.client });
      expect(known?.body).not.toContain("forged");
    });

    test("the least version of TLS holds", async () => {
      const old = { versions: { max: "TLSv1.2" } } as const;
      expect(await ask("newest.example.com", old)).toBeUndefined();
      expect(await ask("newest.example.com")).toMatchObject({ version: "TLSv1.3", status: 200 });
      expect(await ask("a.example.com", old)).toMatchObject({ version: "TLSv1.2", status: 200 });
    });

    test("HTTP/2 for clients that speak it", async () => {
      const session = connectHttp2(url(443), { rejectUnauthorized: false, servername: "a.example.com" });
      const stream = session.request({ ":path": "/two", ":authority": "a.example.com" });
      let body = "";
      const status = await new Promise((resolve, reject) => {
        stream.on("response", (headers) => resolve(headers[":status"]));
        stream.on("error", reject);
        session.on("error", reject);
      });
      for await (const chunk of stream) body += String(chunk);
      session.close();
      expect(status).toBe(200);
      expect(JSON.parse(body)).toMatchObject({ path: "/two", headers: { "x-forwarded-proto": "https" } });
    });

    test("plain HTTP is routed by host, and sent to HTTPS where the server says so", async () => {
      const plain = (host: string, path = "/x?y=z") => call(`${url(80)}${path}`, { headers: { host } });
      expect((await plain("plain.example.com")).status).toBe(200);
      expect((await plain("plain.example.com:80")).status).toBe(200);
      expect((await plain("nobody.example.com")).status).toBe(404);
      const away = await plain("a.example.com");
      expect(away.status).toBe(301);
      // Port 443 had to go elsewhere on this machine, and redirects know.
      expect(away.headers.get("location")).toBe(`https://a.example.com:${new URL(url(443)).port}/x?y=z`);
    });

    test("rules hold at the gateways and ports that they name", async () => {
      const plain = await call(`${url(80)}/plain`, { headers: { host: "plain.example.com" } });
      expect(plain.headers.get("x-gateway")).toBe("http");
      const behind = await call(`${url(80, "edge-1")}/plain`);
      expect([behind.status, behind.headers.get("x-gateway")]).toEqual([200, null]);
    });

    test("TLS is passed through to who ends it, TCP goes on untouched, and TLS ends before it", async () => {
      const passed = await ask("pass.example.com");
      expect(passed).toMatchObject({ names: "DNS:pass.example.com", status: 200, body: "passed through\n" });
      const { host } = new URL(url(70).replace("tcp:", "http:"));
      const plain = await exchange(host, "abc", undefined, 1000);
      expect(plain.text).toBe("220 hello\nABC");
      const ended = await handshake({ url: url(446), name: "greeter.example.com" });
      const greeting = await new Promise((resolve) => ended?.once("data", (chunk: Buffer) => resolve(String(chunk))));
      expect(greeting).toBe("220 hello\n");
      ended?.destroy();
      expect(await handshake({ url: url(446), name: "other.example.com" })).toBeUndefined();
    });

    test("a name of the mesh leads to the workload's own proxy, which shows its identity", async () => {
      const east = (name: string) => handshake({ url: url(15_443), name });
      const host = "default.svc.cluster.local";
      const echo = await east(`outbound_.80_._.echo.${host}`);
      expect(echo?.getPeerCertificate().subjectaltname).toBe("URI:spiffe://cluster.local/ns/default/sa/echo");
      echo?.destroy();
      expect(await east(`outbound_.80_._.nobody.${host}`)).toBeUndefined();
      expect(await east("plain.example.com")).toBeUndefined();
    });

    /** What reached the application of the headers that say who the client is. */
    const told = async (instance: string, headers: Readonly<Record<string, string>>) => {
      const { body } = await call(`${url(80, instance)}/`, { headers: { host: "plain.example.com", ...headers } });
      const seen = (JSON.parse(body) as { headers: Record<string, string> }).headers;
      const names = ["x-forwarded-for", "x-forwarded-proto", "x-envoy-external-address", "x-envoy-internal"];
      return Object.fromEntries(names.map((name) => [name, seen[name]]));
    };

    test.each([
      ["edge", "http", "127.0.0.1"],
      ["edge-1", "https", "203.0.113.2"],
      ["edge-2", "https", "203.0.113.1"],
    ])("%s believes as many proxies as it trusts", async (instance, proto, external) => {
      const found = await told(instance, {
        "x-forwarded-for": "203.0.113.1,203.0.113.2",
        "x-forwarded-proto": "https",
        "x-envoy-external-address": "198.51.100.9",
        "x-envoy-internal": "true",
      });
      const own = found["x-forwarded-for"]?.split(",").at(-1);
      // For a client on loopback Envoy names an address of its own machine.
      expect(proxy === "envoy" ? "127.0.0.1" : own).toBe("127.0.0.1");
      expect(found).toEqual({
        "x-forwarded-for": `203.0.113.1,203.0.113.2,${own}`,
        "x-forwarded-proto": proto,
        "x-envoy-external-address": external,
        "x-envoy-internal": undefined,
      });
    });

    test("who the PROXY protocol names is the client, and nothing else is let in", async () => {
      const { host } = new URL(url(80, "edge-proxied"));
      const request = "GET / HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n";
      const { text } = await exchange(host, `PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n${request}`);
      expect(text).toContain('"x-forwarded-for":"203.0.113.7"');
      expect(text).toContain('"x-envoy-external-address":"203.0.113.7"');
      expect((await exchange(host, request)).text).not.toContain("200 OK");
    });

    test(`${EDGE_PROBES.length} requests reach the application, and are answered, as through an Envoy`, async () => {
      const found = await Promise.all(EDGE_PROBES.map((probe) => outcomeOf(probe)));
      const theirs = outcomes.get("tulle");
      outcomes.set(proxy, found);
      if (theirs === undefined) return;
      for (const [i, probe] of EDGE_PROBES.entries())
        expect(theirs[i], JSON.stringify(probe)).toEqual(found[i] as (typeof found)[number]);
    });

    async function outcomeOf({ instance, port, ...options }: EdgeProbe): Promise<unknown> {
      const { path = "/", headers = {}, ...rest } = options;
      const id = crypto.randomUUID();
      const answer = await call(`${url(port ?? 80, instance)}${path}`, {
        ...rest,
        headers: { host: "plain.example.com", ...headers },
      });
      return edgeOutcome(comparable(answer, id));
    }

    test("a request id of outside is not taken over", async () => {
      const id = "11111111-1111-4111-8111-111111111111";
      const { body } = await call(`${url(80)}/`, { headers: { host: "plain.example.com", "x-request-id": id } });
      const found = (JSON.parse(body) as { headers: Record<string, string> }).headers["x-request-id"];
      expect(found).toMatch(/^[0-9a-f-]{36}$/);
      expect(found).not.toBe(id);
    });

    test("header names that applications could take for others are refused", async () => {
      const { host } = new URL(url(80));
      const answer = await exchange(host, "GET / HTTP/1.1\r\nhost: plain.example.com\r\nx_forwarded_for: 1\r\n\r\n");
      expect(answer.text).toStartWith("HTTP/1.1 400");
    });

    test("a certificate is replaced while connections live on", async () => {
      const { host, port } = new URL(url(443));
      const session = connectHttp2(`https://${host}`, { rejectUnauthorized: false, servername: "d.example.com" });
      const two = async (): Promise<unknown> => {
        const stream = session.request({ ":path": "/", ":authority": "d.example.com" });
        const status = await new Promise((resolve, reject) => {
          stream.on("response", (headers) => resolve(headers[":status"]));
          stream.on("error", reject);
        });
        stream.resume();
        return status;
      };
      expect([port !== "", await two()]).toEqual([true, 200]);
      const delaysMs: number[] = [];
      for (const turn of ["first", "second", "third"]) {
        const next = serverKeyPair(["*.example.com", `${turn}.example.com`]);
        const writtenMs = systemClock.nowMs();
        mesh.write("mesh.yaml", EDGE_DOCUMENTS.replace(secret("wild", pairs.wild), secret("wild", next)));
        await eventually("the new certificate is shown", async () => {
          return (await ask("d.example.com"))?.names === `DNS:*.example.com, DNS:${turn}.example.com`;
        });
        delaysMs.push(systemClock.nowMs() - writtenMs);
      }
      // The machine may be busy with other things meanwhile: one of three is enough.
      expect(Math.min(...delaysMs)).toBeLessThan(1000);
      expect(await two()).toBe(200);
      session.close();
    });

    test("documents that are wrong keep what was live", async () => {
      const broken = [
        ["tls: {mode: SIMPLE", "tls: {mode: SIMPEL"],
        ["hosts: [a.example.com]", "hosts: []"],
        [pairs.rest.privateKeyPem.split("\n")[1] as string, "c3BvaWx0"],
      ] as const;
      for (const [right, wrong] of broken) {
        expect(EDGE_DOCUMENTS).toContain(right);
        mesh.write("mesh.yaml", EDGE_DOCUMENTS.replaceAll(right, wrong));
        await eventually("the problem is told", async () => {
          return (await mesh.status()).problems.some(({ severity }) => severity === "error");
        });
        expect(await ask("a.example.com")).toMatchObject({ names: "DNS:a.example.com", status: 200 });
        expect(await ask("elsewhere.test", {}, 444)).toMatchObject({ names: "DNS:rest.example.org", status: 200 });
      }
      mesh.write("mesh.yaml", EDGE_DOCUMENTS);
      await eventually("nothing is wrong", async () => {
        return (await mesh.status()).problems.every(({ severity }) => severity !== "error");
      });
    });

    test("a port that is new is listened on, one that is gone is not", async () => {
      const more = gateway("more", "edge", [server(81, "HTTP", "more", '"*"')]);
      const rules = EDGE_DOCUMENTS.replace("gateways: [http, https,", "gateways: [more, http, https,");
      mesh.write("mesh.yaml", rules + more);
      const address = await eventually(
        "the port has a place",
        () => mesh.reread().gateways.find((g) => g.port === 81)?.url,
      );
      await eventually("the port answers", async () => (await call(`${address}/`)).status === 200);
      mesh.write("mesh.yaml", EDGE_DOCUMENTS);
      await eventually("the port is closed", () =>
        call(`${address}/`).then(
          () => false,
          () => true,
        ),
      );
    });

    // An Envoy lists what it once got.
    test.skipIf(proxy === "envoy")("a certificate that no server shows any more is forgotten", async () => {
      const shown = async (): Promise<boolean> =>
        (await mesh.admin("edge", "/config_dump")).includes("kubernetes://rest");
      expect(await shown()).toBe(true);
      mesh.write("mesh.yaml", EDGE_DOCUMENTS.replaceAll("credentialName: rest", "credentialName: exact"));
      await eventually("it is gone", async () => !(await shown()));
      mesh.write("mesh.yaml", EDGE_DOCUMENTS);
      await eventually("it is back", shown);
      expect(await ask("elsewhere.test", {}, 444)).toMatchObject({ names: "DNS:rest.example.org", status: 200 });
    });

    test("a key stands in no log, status or dump", async () => {
      const places = [
        mesh.process.output,
        JSON.stringify(await mesh.status()),
        mesh.log("edge", "proxy"),
        await mesh.admin("edge", "/config_dump?include_eds"),
        (
          await call(
            `${mesh.file.controlPlane.admin}/api/config_dump?node=router~127.0.0.1~edge.default~default.svc.cluster.local`,
          )
        ).body,
      ];
      for (const { privateKeyPem } of [pairs.exact, pairs.wild, pairs.rest])
        for (const place of places) expect(place).not.toContain(privateKeyPem.split("\n")[1] as string);
    });
  });
}
