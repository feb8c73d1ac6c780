/**
 * The real protobuf definitions of Envoy's API, compiled: the oracle for `src/xds/proto/`.
 *
 * `@grpc/grpc-js-xds` carries the .proto files (about Envoy 1.33). The files that {@link ROOTS} need are copied to
 * `.cache/protos/`, three of them mended so that they compile, and `buf` makes one descriptor set of them.
 * The set is kept until this file or the package changes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const ROOT = join(import.meta.dir, "../..");
const DEPS = join(ROOT, "node_modules/@grpc/grpc-js-xds/deps");
const INCLUDE = ["envoy-api", "googleapis", "protoc-gen-validate", "xds"];
const BUF = join(ROOT, "node_modules/@bufbuild/buf-linux-x64/bin/buf");
const CACHE = join(ROOT, ".cache/protos");

/** Fields and values that came after the definitions, with the version of Envoy that brought them. */
export const NEWER: ReadonlyMap<string, string> = new Map([
  ["envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget.budget_interval", "Envoy 1.39"],
]);

/** The files whose messages the tables name; what they import comes along. */
const ROOTS: readonly string[] = [
  "envoy/admin/v3/config_dump.proto",
  "envoy/config/bootstrap/v3/bootstrap.proto",
  "envoy/extensions/access_loggers/file/v3/file.proto",
  "envoy/extensions/access_loggers/grpc/v3/als.proto",
  "envoy/extensions/access_loggers/stream/v3/stream.proto",
  "envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster.proto",
  "envoy/extensions/filters/http/cors/v3/cors.proto",
  "envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy.proto",
  "envoy/extensions/filters/http/fault/v3/fault.proto",
  "envoy/extensions/filters/http/health_check/v3/health_check.proto",
  "envoy/extensions/filters/http/jwt_authn/v3/config.proto",
  "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto",
  "envoy/extensions/filters/http/rbac/v3/rbac.proto",
  "envoy/extensions/filters/http/router/v3/router.proto",
  "envoy/extensions/filters/http/stateful_session/v3/stateful_session.proto",
  "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto",
  "envoy/extensions/filters/listener/original_dst/v3/original_dst.proto",
  "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto",
  "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
  "envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.proto",
  "envoy/extensions/filters/network/rbac/v3/rbac.proto",
  "envoy/extensions/filters/network/sni_cluster/v3/sni_cluster.proto",
  "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
  "envoy/extensions/filters/udp/udp_proxy/v3/route.proto",
  "envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy.proto",
  "envoy/extensions/health_check/event_sinks/file/v3/file.proto",
  "envoy/extensions/http/stateful_session/cookie/v3/cookie.proto",
  "envoy/extensions/http/stateful_session/header/v3/header.proto",
  "envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto",
  "envoy/extensions/load_balancing_policies/maglev/v3/maglev.proto",
  "envoy/extensions/load_balancing_policies/random/v3/random.proto",
  "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto",
  "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto",
  "envoy/extensions/matching/common_inputs/network/v3/network_inputs.proto",
  "envoy/extensions/matching/input_matchers/runtime_fraction/v3/runtime_fraction.proto",
  "envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto",
  "envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.proto",
  "envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.proto",
  "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto",
  "envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto",
  "envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto",
  "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto",
  "envoy/extensions/transport_sockets/tls/v3/tls.proto",
  "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
  "envoy/service/discovery/v3/ads.proto",
  "envoy/service/secret/v3/sds.proto",
  "google/rpc/status.proto",
];

/**
 * Repairs, by file: the package lacks OpenCensus's files, its copy of the validation rules is older than their use, and fields that
 * came with Envoy 1.34 and later are not in it.
 */
const MENDS: Readonly<Record<string, (text: string) => string>> = {
  "envoy/config/trace/v3/trace.proto": (text) => text.replace(/^.*opencensus\.proto.*\n/m, ""),
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto": (text) =>
    text.replace(/^import .*opencensus\.proto.*\n/m, ""),
  "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto": (text) =>
    text
      .replace(
        'import "envoy/config/core/v3/base.proto";',
        (line) => `${line}\nimport "envoy/config/route/v3/route_components.proto";`,
      )
      .replace(
        /\}\s*$/,
        `repeated config.route.v3.RateLimit rate_limits = 17; google.protobuf.UInt32Value max_dynamic_descriptors = 18;\n}\n`,
      ),
  "envoy/extensions/upstreams/http/v3/http_protocol_options.proto": (text) =>
    text
      .replace(
        'import "envoy/config/core/v3/protocol.proto";',
        (line) => `import "envoy/config/common/matcher/v3/matcher.proto";\n${line}`,
      )
      .replace(
        /\}\s*$/,
        "message OutlierDetection { config.common.matcher.v3.MatchPredicate error_matcher = 1; }\n" +
          "OutlierDetection outlier_detection = 8;\n}\n",
      ),
  "validate/validate.proto": (text) =>
    text.replace("message StringRules {", "message StringRules {\n  optional bool ignore_empty = 26;"),
};

/** Compiles the definitions, or takes them from the cache. Takes a few seconds the first time. */
export function protoRegistry(): FileRegistry {
  const version = readFileSync(join(ROOT, "node_modules/@grpc/grpc-js-xds/package.json"));
  const key = createHash("sha256")
    .update(version)
    .update(readFileSync(import.meta.path))
    .digest("hex")
    .slice(0, 16);
  const file = join(CACHE, `${key}.binpb`);
  if (!existsSync(file)) compile(file);
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
}

function compile(target: string): void {
  const work = `${target}.${process.pid}`;
  const seen = new Set<string>();
  for (const path of ROOTS) copyWithImports(path, work, seen);
  writeFileSync(join(work, "buf.yaml"), "version: v2\n");
  const run = Bun.spawnSync([BUF, "build", work, "-o", `${work}.binpb`], { stderr: "pipe" });
  if (run.exitCode !== 0) throw new Error(`buf build failed:\n${run.stderr.toString()}`);
  renameSync(`${work}.binpb`, target);
  rmSync(work, { recursive: true });
}

function copyWithImports(path: string, work: string, seen: Set<string>): void {
  if (seen.has(path)) return;
  seen.add(path);
  const source = INCLUDE.map((folder) => join(DEPS, folder, path)).find((file) => existsSync(file));
  if (source === undefined) {
    if (path.startsWith("google/protobuf/")) return; // buf brings these itself
    throw new Error(`no ${path} in ${DEPS}: is @grpc/grpc-js-xds of the pinned version installed?`);
  }
  const raw = readFileSync(source, "utf8");
  const text = MENDS[path]?.(raw) ?? raw;
  mkdirSync(dirname(join(work, path)), { recursive: true });
  writeFileSync(join(work, path), text);
  for (const [, imported] of text.matchAll(/^import (?:public )?"([^"]+)";/gm))
    copyWithImports(imported ?? "", work, seen);
}
