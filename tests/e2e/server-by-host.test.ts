/**
 * TLS to servers that requests name (`auto_sni`, `auto_san_validation`): a real Envoy and our proxy from one bootstrap.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { makeDevelopmentCertificate } from "../../src/identity/development-certificate.ts";
import { freePorts } from "../../src/net/free-ports.ts";
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../src/xds/proto/cluster.ts";
import { UpstreamTlsContext } from "../../src/xds/proto/tls.ts";
import { UpstreamHttpOptions } from "../../src/xds/proto/upstream-http.ts";
import { pack } from "../../src/xds/types/any.ts";
import { toJson } from "../../src/xds/types/codec.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { cluster, httpListener, route, routes } from "../support/proxy-resources.ts";
import { call } from "./support/call.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();
const own = makeDevelopmentCertificate(["a.example.com", "*.b.example.com"], Date.now());
const folder = mkdtempSync(join(tmpdir(), "tulle-server-by-host-"));

/** Answers with the name that it was asked for. */
const server = createServer({ cert: own.certChainPem, key: own.privateKeyPem }, (socket: TLSSocket) => {
  socket.on("error", () => {});
  socket.on("data", () => {
    const name = String(socket.servername || "none");
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\n\r\n${name}`);
  });
});

function upstream(port: number): Cluster {
  const options = { explicitHttpConfig: { httpProtocolOptions: {} } };
  const context: UpstreamTlsContext = {
    commonTlsContext: { validationContext: { trustedCa: { inlineString: own.certChainPem } } },
    sni: "of-the-context.example.com",
  };
  return cluster("app", [port], {
    transportSocket: { name: "envoy.transport_sockets.tls", typedConfig: pack(UpstreamTlsContext, context) },
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(UpstreamHttpOptions, {
        ...options,
        upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: true },
      }),
    },
  });
}

const routeConfig = routes([
  route("app", { hostRewriteLiteral: "a.example.com" }, { match: { prefix: "/rewritten" } }),
  route("app"),
]);

async function start(program: readonly string[], name: string): Promise<{ process: ProxyProcess; port: number }> {
  let port = 0;
  const process = await ProxyProcess.start(program, join(folder, name), () => {
    const [admin = 0, own = 0] = freePorts(2);
    port = own;
    const listener = httpListener(
      { routeConfig },
      { address: { socketAddress: { address: "127.0.0.1", portValue: own } } },
    );
    const bootstrap: Bootstrap = {
      node: { id: "test", cluster: "test" },
      admin: { address: { socketAddress: { address: "127.0.0.1", portValue: admin } } },
      staticResources: { listeners: [listener], clusters: [upstream((server.address() as AddressInfo).port)] },
    };
    return [JSON.stringify(toJson(Bootstrap, bootstrap)), admin];
  });
  return { process, port };
}

const PROBES: readonly (readonly [host: string, path: string])[] = [
  ["a.example.com", "/"],
  ["A.Example.com:8080", "/"],
  ["x.b.example.com", "/"],
  ["x.y.b.example.com", "/"],
  ["b.example.com", "/"],
  ["other.example.com", "/rewritten"],
  ["a.example.com", "/again"],
  ["127.0.0.1", "/"],
];

describe.skipIf(binary === undefined)("a server that requests name", () => {
  const running: ProxyProcess[] = [];

  beforeAll(async () => {
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    await Promise.all(running.map((process) => process.stop()));
    server.close();
    rmSync(folder, { recursive: true });
  });

  test("is asked for and checked as Envoy does", async () => {
    const outcomes = await Promise.all(
      [envoyProxy(binary ?? ""), tulleProxy].map(async (program, i) => {
        const { process, port } = await start(program, String(i));
        running.push(process);
        const seen: string[] = [];
        for (const [host, path] of PROBES) {
          const { status, body } = await call(`http://127.0.0.1:${port}${path}`, { headers: { host } });
          seen.push(`${host}${path} ${status}${status === 200 ? ` ${body}` : ""}`);
        }
        return seen;
      }),
    );
    expect(outcomes[1]).toEqual(outcomes[0] ?? []);
    expect(outcomes[0]?.[0]).toBe("a.example.com/ 200 a.example.com");
    expect(outcomes[0]?.[3]).toBe("x.y.b.example.com/ 503");
  }, 60_000);
});
