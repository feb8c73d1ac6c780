/**
 * Generates http rules of VirtualServices, of which each outcome is certain: weights are all or nothing, and so are chances.
 *
 * @module
 */
import { type Chance, compact } from "./chance.ts";
import { matchOf } from "./matches.ts";
import type { RuleSpec } from "./spec.ts";
import { HEADERS, ORIGINS } from "./vocabulary.ts";

const SUBSETS = ["v1", "v2", "v3"];

export function ruleOf(chance: Chance, inMesh = true): RuleSpec {
  const matches = chance.often(0.15)
    ? undefined
    : chance.list(1, chance.often(0.3) ? 3 : 1, () => matchOf(chance, inMesh));
  return compact<RuleSpec>({
    ...(chance.often(0.2) ? { name: chance.one(["first", "second", "third"]) } : {}),
    ...(matches === undefined ? {} : { match: matches }),
    ...action(chance),
  });
}

function action(chance: Chance): object {
  if (chance.often(0.04))
    return compact({ delegate: { name: "HOST-delegate" }, timeout: chance.maybe(0.2, () => "5s") });
  if (chance.often(0.1))
    return compact({ redirect: redirect(chance), headers: chance.maybe(0.2, () => responseEdits(chance)) });
  if (chance.often(0.08))
    return compact({ directResponse: directResponse(chance), headers: chance.maybe(0.2, () => responseEdits(chance)) });
  return compact({
    route: destinations(chance),
    rewrite: chance.maybe(0.2, () => rewrite(chance)),
    headers: chance.maybe(0.25, () => edits(chance)),
    timeout: chance.maybe(0.06, () => chance.one(["0.2s", "5s", "0s"])),
    retries: chance.maybe(0.15, () => retries(chance)),
    fault: chance.maybe(0.08, () => fault(chance)),
    corsPolicy: chance.maybe(0.1, () => cors(chance)),
    ...mirrors(chance),
  });
}

function destinations(chance: Chance): object[] {
  if (chance.often(0.75))
    return [compact({ destination: destination(chance), headers: chance.maybe(0.12, () => edits(chance)) })];
  const all = chance.int(0, 1);
  return [0, 1].map((i) =>
    compact({
      destination: destination(chance),
      weight: i === all ? chance.one([1, 50, 100]) : chance.one([0, undefined]),
      headers: chance.maybe(0.25, () => edits(chance)),
    }),
  );
}

function destination(chance: Chance): object {
  const other = chance.often(0.12)
    ? chance.one(["peer", "far.other.svc.cluster.local", "nobody", "empty", "HOST.default.svc.cluster.local"])
    : undefined;
  if (other !== undefined) return { host: other };
  return compact({
    host: "HOST",
    subset: chance.often(0.85) ? chance.one(SUBSETS) : chance.one([undefined, "pair", "nobody", "unknown"]),
    port: chance.maybe(0.1, () => ({ number: chance.one([80, 8080, 9999]) })),
  });
}

function redirect(chance: Chance): object {
  const port = chance.int(0, 4);
  return compact({
    uri: chance.maybe(0.6, () => chance.one(["/there", "/", "/there?x=y"])),
    authority: chance.maybe(0.5, () => chance.one(["other.example", "other.example:8443"])),
    scheme: chance.maybe(0.4, () => chance.one(["http", "https"])),
    port: port === 0 ? 8443 : undefined,
    derivePort: port === 1 ? chance.one(["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"]) : undefined,
    redirectCode: chance.maybe(0.4, () => chance.one([301, 302, 303, 307, 308])),
  });
}

const directResponse = (chance: Chance): object =>
  compact({
    status: chance.one([200, 204, 404, 418, 503]),
    body: chance.maybe(0.6, () => chance.one([{ string: "said" }, { bytes: "aGVsbG8=" }])),
  });

function rewrite(chance: Chance): object {
  const authority = chance.maybe(0.3, () => chance.one(["other.example", "peer"]));
  if (chance.often(0.25))
    return compact({
      uriRegexRewrite: chance.one([
        { match: "^/a(.*)$", rewrite: "/z\\1" },
        { match: "/", rewrite: "/x/" },
      ]),
      authority,
    });
  const uri = chance.maybe(authority === undefined ? 1 : 0.6, () => chance.one(["/", "/new", "/new/"]));
  return compact({ uri, authority });
}

const edits = (chance: Chance): object =>
  compact({
    request: chance.maybe(0.7, () => edit(chance, true)),
    response: chance.maybe(0.6, () => edit(chance, false)),
  });

const responseEdits = (chance: Chance): object => ({ response: edit(chance, false) });

function edit(chance: Chance, isRequest: boolean): object {
  const names = isRequest ? [...HEADERS, "x-new", "user-agent"] : ["x-internal", "x-new", "set-cookie", "content-type"];
  const values = [
    "set",
    "a b",
    "%PROTOCOL%",
    chance.often(0.1) ? "100%" : "100%%",
    isRequest ? "%REQ(x-user)%" : "%RESPONSE_CODE%",
  ];
  const pairs = (): object => Object.fromEntries(chance.some(names, 1, 2).map((name) => [name, chance.one(values)]));
  const host = isRequest && chance.often(0.08) ? { host: "edited.example" } : {};
  return compact({
    set: chance.maybe(0.6, () => ({ ...pairs(), ...host })),
    add: chance.maybe(0.5, pairs),
    remove: chance.maybe(0.4, () => chance.some(names, 1, 2)),
  });
}

const retries = (chance: Chance): object =>
  compact({
    attempts: chance.int(0, 3),
    perTryTimeout: chance.maybe(0.2, () => "0.15s"),
    retryOn: chance.maybe(0.8, () =>
      chance.one([
        "5xx",
        "gateway-error",
        "connect-failure,refused-stream",
        "retriable-4xx",
        "418,503",
        "reset,5xx",
        "unavailable",
        "5xx,409",
      ]),
    ),
  });

function fault(chance: Chance): object {
  const percentage = { value: chance.one([0, 100, 100]) };
  const abort = (): object => ({
    ...chance.one([{ httpStatus: chance.one([418, 500, 503]) }, { grpcStatus: "UNAVAILABLE" }]),
    percentage,
  });
  const delay = (): object => ({ fixedDelay: "0.05s", percentage: { value: chance.one([0, 100]) } });
  return chance.one<() => object>([
    () => ({ abort: abort() }),
    () => ({ delay: delay() }),
    () => ({ abort: abort(), delay: delay() }),
  ])();
}

const cors = (chance: Chance): object =>
  compact({
    allowOrigins: chance.list(1, 2, () =>
      chance.one<object>([
        { exact: chance.one(ORIGINS) },
        { prefix: "https://" },
        { regex: "https://[a-z.]*a\\.example" },
        { exact: "*" },
      ]),
    ),
    allowMethods: chance.maybe(0.6, () => chance.one([["GET", "PUT"], ["*"]])),
    allowHeaders: chance.maybe(0.5, () => chance.one([["x-user", "x-group"], ["*"]])),
    exposeHeaders: chance.maybe(0.3, () => ["x-internal"]),
    maxAge: chance.maybe(0.4, () => chance.one(["1h", "90s"])),
    allowCredentials: chance.maybe(0.5, () => chance.often(0.5)),
    unmatchedPreflights: chance.maybe(0.3, () => chance.one(["FORWARD", "IGNORE"])),
  });

/** Of each mirror the process behind it is certain. */
function mirrors(chance: Chance): object {
  if (chance.often(0.92)) return {};
  const to = (): object =>
    chance.one([{ host: "HOST", subset: chance.one(SUBSETS) }, { host: "peer" }, { host: "nobody" }]);
  if (chance.often(0.5))
    return compact({ mirror: to(), mirrorPercentage: chance.maybe(0.5, () => ({ value: chance.one([0, 100]) })) });
  return {
    mirrors: chance.list(1, 2, () =>
      compact({ destination: to(), percentage: chance.maybe(0.4, () => ({ value: chance.one([0, 100]) })) }),
    ),
  };
}
