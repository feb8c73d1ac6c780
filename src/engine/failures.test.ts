import { describe, expect, test } from "bun:test";
import { FAILURES, type FailureKind, type FailureSpec, grpcReply, isGrpc, replyOf } from "./failures.ts";

describe("failures, as an Envoy of 1.40 answers and logs them", () => {
  // [kind, flag, status, details, body, gRPC status]
  const rows: readonly (readonly [FailureKind, string, number, string, string, number])[] = [
    ["noRoute", "NR", 404, "route_not_found", "", 12],
    ["noCluster", "NC", 503, "cluster_not_found", "", 14],
    ["noHealthyUpstream", "UH", 503, "no_healthy_upstream", "no healthy upstream", 14],
    [
      "upstreamOverflow",
      "UO",
      503,
      "upstream_reset_before_response_started{overflow}",
      "upstream connect error or disconnect/reset before headers. reset reason: overflow",
      14,
    ],
    ["upstreamTimeout", "UT", 504, "response_timeout", "upstream request timeout", 14],
    ["perTryTimeout", "UT", 504, "upstream_per_try_timeout", "upstream request timeout", 14],
    [
      "upstreamReset",
      "UC",
      503,
      "upstream_reset_before_response_started{connection_termination}",
      "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
      14,
    ],
    [
      "upstreamProtocolError",
      "UPE",
      502,
      "upstream_reset_before_response_started{protocol_error}",
      "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
      14,
    ],
    ["streamIdleTimeout", "SI", 504, "stream_idle_timeout", "stream timeout", 14],
    ["requestHeadersTimeout", "", 408, "request_header_timeout", "request header timeout", 2],
    ["headersTooLarge", "DPE", 431, "http1.headers_too_large", "Request Header Fields Too Large", 2],
    ["rbacDenied", "", 403, "rbac_access_denied_matched_policy[none]", "RBAC: access denied", 7],
    ["upgradeRefused", "", 403, "upgrade_failed", "", 7],
    ["downstreamProtocolError", "DPE", 400, "http1.codec_error", "Bad Request", 13],
  ];
  for (const [kind, flag, status, details, body, grpcStatus] of rows) {
    test(kind, () => {
      const spec: FailureSpec = FAILURES[kind];
      expect(spec).toMatchObject({ flag, status, details, body, grpcStatus });
      expect(replyOf(kind)).toMatchObject({ flag, status, details, body, kind });
    });
  }

  test("a reset says why, in one word, and whether it was tried again", () => {
    const reply = replyOf("upstreamConnectFailure", "delayed_connect_error: Connection refused", { retried: true });
    expect(reply.details).toBe(
      "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
    );
    expect(reply.body).toBe(
      "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure",
    );
  });

  test("a reason is no part of other failures", () => {
    expect(replyOf("upstreamTimeout", "anything").details).toBe("response_timeout");
  });

  test("overflow asks the caller not to try again", () => {
    expect(replyOf("upstreamOverflow").headers).toEqual([["x-envoy-overloaded", "true"]]);
  });
});

describe("gRPC", () => {
  test("content types", () => {
    for (const yes of ["application/grpc", "application/grpc+proto", "application/grpc;x=y"])
      expect(isGrpc(yes)).toBe(true);
    for (const no of [undefined, "application/grpc-web", "application/json", "text/application/grpc"]) {
      expect(isGrpc(no)).toBe(false);
    }
  });

  test("a reply becomes headers with 200", () => {
    const reply = grpcReply(replyOf("noHealthyUpstream"));
    expect(reply).toMatchObject({ status: 200, grpcStatus: 14, body: "", flag: "UH", details: "no_healthy_upstream" });
    expect(reply.headers).toEqual([
      ["content-type", "application/grpc"],
      ["grpc-status", "14"],
      ["grpc-message", "no healthy upstream"],
    ]);
  });

  test("without a body there is no message", () => {
    expect(grpcReply(replyOf("noRoute")).headers).toEqual([
      ["content-type", "application/grpc"],
      ["grpc-status", "12"],
    ]);
  });

  test("messages are percent-encoded", () => {
    const reply = grpcReply({ ...replyOf("noRoute"), body: "100% é\n" });
    expect(reply.headers.at(-1)).toEqual(["grpc-message", "100%25 %C3%A9%0A"]);
  });
});
