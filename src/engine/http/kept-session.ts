/**
 * The filter for sessions that end, and that go before the weights of a route: a cookie or a header of the client names an endpoint and its
 * cluster, and since when.
 *
 * Source: the Gateway API's `sessionPersistence` (GEP-1619): a session stands above the weights, one of 0 too; it ends `absoluteTimeout` after it
 * began, and after `idleTimeout` without a request. A client whose endpoint does not serve, and who comes back too late, begins another.
 *
 * The value is not signed: what a client could forge is where it goes among the endpoints of this route, and for how long.
 *
 * @module
 */
import { KeptSession, SessionValue } from "../../xds/proto/tulle-sessions.ts";
import { decode, encode } from "../../xds/types/codec.ts";
import { CompileError, fieldPath, unpackAt } from "../compile-error.ts";
import { cookieIn } from "../hash/cookie.ts";
import { hashOfText } from "../hash/xx-hash.ts";
import type { RequestView } from "../request.ts";
import type { AnyMessage } from "../../xds/types/any.ts";
import type { FilterContext, FilterType } from "./filter-type.ts";
import { isUnder, type Session } from "./stateful-session.ts";

export const KEPT_SESSION_FILTER: FilterType = {
  message: KeptSession,
  forwardsOnly: true,
  compile: (config, path, context) => stepOf(config, path, context),
  compileForRoute: (config, path, context) => stepOf(config, path, context),
  compilePreference: (config, path, context) => {
    const sessions = compileSessions(config, path, context);
    if (sessions === undefined) return undefined;
    return (request) => {
      const cluster = sessions.of(request)?.cluster;
      return cluster === undefined ? undefined : (name) => clusterId(name) === cluster;
    };
  },
};

function stepOf(config: AnyMessage, path: string, context: FilterContext): ReturnType<FilterType["compile"]> {
  const sessions = compileSessions(config, path, context);
  if (sessions === undefined) return undefined;
  return (request, _peer, { clusterName = "" }) =>
    sessions.isFor(request)
      ? { t: "edits", responseHeaders: [], session: sessions.at(clusterId(clusterName), sessions.of(request)) }
      : undefined;
}

/** Short, and not the name itself: clients see it. */
const clusterId = (name: string): string => hashOfText(name).toString(36);

interface Found {
  readonly address: string;
  readonly cluster: string;
  readonly beganMs: number;
}

interface Sessions {
  isFor(request: RequestView): boolean;
  /** Undefined where the client has none, or it has ended. */
  of(request: RequestView): Found | undefined;
  at(cluster: string, found: Found | undefined): Session;
}

function compileSessions(config: AnyMessage, path: string, { wallMs }: FilterContext): Sessions | undefined {
  const settings = unpackAt(config, KeptSession, path);
  const { name = "", inHeader = false, path: cookiePath = "", absoluteTimeout, idleTimeout } = settings;
  if (name === "") return undefined;
  for (const field of ["absoluteTimeout", "idleTimeout"] as const)
    if ((settings[field] ?? 1) <= 0) throw new CompileError(fieldPath(path, field), "must be more than 0");
  const lower = name.toLowerCase();
  const read = (request: RequestView) => (inHeader ? request.header(lower) : cookieIn(request, name));
  const isOver = ({ beganMs = 0, usedMs = 0 }: Times, nowMs: number): boolean =>
    (absoluteTimeout !== undefined && nowMs >= beganMs + absoluteTimeout) ||
    (idleTimeout !== undefined && nowMs >= usedMs + idleTimeout);
  const write = (value: string, beganMs: number, nowMs: number): readonly [string, string] =>
    inHeader ? [lower, value] : ["set-cookie", cookie(settings, value, beganMs, nowMs)];
  return {
    isFor: (request) => inHeader || isUnder(request.path, cookiePath),
    of: (request) => {
      const value = valueIn(read(request));
      if (value === undefined || isOver(value, wallMs())) return undefined;
      const { address = "", cluster = "", beganMs = 0 } = value;
      return { address, cluster, beganMs };
    },
    at: (cluster, found) => {
      const wanted = found?.cluster === cluster ? found.address : undefined;
      return {
        wanted,
        headerFor: (address) => {
          const goesOn = found !== undefined && address === wanted;
          if (goesOn && idleTimeout === undefined) return undefined;
          const nowMs = wallMs();
          const beganMs = goesOn ? found.beganMs : nowMs;
          return write(base64(encode(SessionValue, { address, cluster, beganMs, usedMs: nowMs })), beganMs, nowMs);
        },
      };
    },
  };
}

interface Times {
  readonly beganMs?: number | undefined;
  readonly usedMs?: number | undefined;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function cookie(
  { name, path, absoluteTimeout, isPermanent }: KeptSession,
  value: string,
  beganMs: number,
  nowMs: number,
) {
  const parts = [
    `${name}="${value}"`,
    ...(isPermanent === true && absoluteTimeout !== undefined
      ? [`Max-Age=${Math.max(1, Math.floor((beganMs + absoluteTimeout - nowMs) / 1000))}`]
      : []),
    ...(path ? [`Path=${path}`] : []),
    "HttpOnly",
  ];
  return parts.join("; ");
}

/** Whatever a client sends: what cannot be read is no session. */
function valueIn(text: string | undefined): ReturnType<typeof decodeValue> | undefined {
  if (text === undefined || text === "" || text.length > MAX_VALUE_LENGTH) return undefined;
  try {
    return decodeValue(text);
  } catch {
    return undefined;
  }
}

const decodeValue = (text: string) => decode(SessionValue, Buffer.from(text, "base64"));

/** An address, a port, a hash and two times are some seventy bytes. */
const MAX_VALUE_LENGTH = 512;
