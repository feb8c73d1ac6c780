/**
 * gRPC's own interop client and server, in Go and with grpc-js, through two hops with mutual TLS and HTTP/2 between them:
 * plaintext in, plaintext out. And gRPC-Web, which passes as what it is.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { freePorts } from "../../src/net/free-ports.ts";
import { ensureGoTool } from "../support/go-tool.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { grpcJsCases } from "./interop/grpc-js.ts";
import { eventually } from "./support/eventually.ts";
import { HopChain } from "./support/hop-chain.ts";
import { envoyProxy, tulleProxy } from "./support/proxy-process.ts";
import { isLong } from "./support/traffic.ts";

const clientProgram = ensureGoTool("grpc-interop-client");
const serverProgram = ensureGoTool("grpc-interop-server");
const envoyPath = await ensureEnvoy();

/** All that the pair can do by itself, but for `pick_first_unary`: it wants server ids, and Go's server tells none. */
const CASES = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "status_code_and_message",
  "special_status_message",
  "custom_metadata",
  "unimplemented_method",
  "unimplemented_service",
  "orca_per_rpc",
  "orca_oob",
  "rpc_soak",
  "channel_soak",
] as const;

/** A message, and trailers, each in a frame of its own: in gRPC-Web both travel in the body. */
const WEB_MESSAGE = Buffer.from("\0\0\0\0\x05hello", "latin1");
const WEB_TRAILERS = Buffer.from("\x80\0\0\0\x10grpc-status: 0\r\n", "latin1");

/** Echoes a message and ends well; refuses what is no gRPC-Web. */
function webServer(): Bun.Server<undefined> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const type = request.headers.get("content-type") ?? "";
      if (!type.startsWith("application/grpc-web")) return new Response(null, { status: 415 });
      const body = Buffer.concat([Buffer.from(await request.arrayBuffer()), WEB_TRAILERS]);
      return new Response(body, { headers: { "content-type": type } });
    },
  });
}

/** The balancer that the cases on load reports look at; to the others it makes no difference. */
const ORCA = `-service_config_json={"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}`;
const SOAK_ITERATIONS = isLong ? 1000 : 20;

async function interop(testCase: string, port: number): Promise<{ readonly code: number; readonly output: string }> {
  const soak = [
    `-soak_iterations=${SOAK_ITERATIONS}`,
    "-soak_num_threads=4",
    "-soak_overall_timeout_seconds=300",
    "-soak_per_iteration_max_acceptable_latency_ms=10000",
  ];
  const child = Bun.spawn(
    [clientProgram ?? "", "-server_host=127.0.0.1", `-server_port=${port}`, `-test_case=${testCase}`, ORCA, ...soak],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: out + err };
}

/** @param program In front of `-c <bootstrap>`. */
function suite(name: string, program: readonly string[]): void {
  describe.skipIf(clientProgram === undefined || serverProgram === undefined)(
    `gRPC interop through two hops of ${name}`,
    () => {
      let server: Bun.Subprocess;
      let chain: HopChain;

      beforeAll(async () => {
        const [port = 0] = freePorts(1);
        server = Bun.spawn([serverProgram ?? "", `-port=${port}`], {
          stdin: "ignore",
          stdout: "ignore",
          stderr: "ignore",
        });
        await eventually("the interop server answers", async () => (await interop("empty_unary", port)).code === 0);
        chain = await HopChain.start(program, { hops: 2, upstream: port, http2: true });
      }, 60_000);
      afterAll(async () => {
        await chain?.stop();
        server?.kill("SIGKILL");
        await server?.exited;
      });

      for (const testCase of CASES) {
        test(
          testCase,
          async () => {
            const { code, output } = await interop(testCase, chain.port);
            expect([code, code === 0 ? "" : output]).toEqual([0, ""]);
          },
          isLong ? 300_000 : 60_000,
        );
      }

      for (const [what, run] of grpcJsCases) test(`grpc-js: ${what}`, () => run(chain.port), 30_000);

      test("gRPC-Web passes as it is", async () => {
        const web = webServer();
        const webChain = await HopChain.start(program, { hops: 2, upstream: web.port ?? 0 });
        try {
          const answer = await fetch(`http://127.0.0.1:${webChain.port}/t.T/Echo`, {
            method: "POST",
            headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
            body: WEB_MESSAGE,
          });
          expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/grpc-web+proto"]);
          expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.concat([WEB_MESSAGE, WEB_TRAILERS]));
        } finally {
          await webChain.stop();
          await web.stop(true);
        }
      }, 30_000);

      test("and all of the proxies are still there", () => expect(chain.areRunning).toBe(true));
    },
  );
}

suite("Tulle", tulleProxy);
if (isLong && envoyPath !== undefined) suite("Envoy", envoyProxy(envoyPath));
