/**
 * `envoy.extensions.filters.http.stateful_session.v3`, and the two ways in which a client carries its session.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint64 } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { TypedExtensionConfig } from "./core-base.ts";

export const StatefulSession = message("envoy.extensions.filters.http.stateful_session.v3.StatefulSession", {
  sessionState: of(1, TypedExtensionConfig),
  strict: bool(2),
});
export type StatefulSession = Infer<typeof StatefulSession>;

export const StatefulSessionPerRoute = message(
  "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute",
  { ...oneof("override", { disabled: bool(1), statefulSession: of(2, StatefulSession) }) },
);
export type StatefulSessionPerRoute = Infer<typeof StatefulSessionPerRoute>;

export const Cookie = message("envoy.type.http.v3.Cookie", {
  name: string(1),
  ttl: duration(2),
  path: string(3),
});
export type Cookie = Infer<typeof Cookie>;

export const CookieBasedSessionState = message(
  "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
  { cookie: of(1, Cookie) },
);
export type CookieBasedSessionState = Infer<typeof CookieBasedSessionState>;

export const HeaderBasedSessionState = message(
  "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
  { name: string(1) },
);
export type HeaderBasedSessionState = Infer<typeof HeaderBasedSessionState>;

/** What the cookie holds, in base64. Source: Envoy's `cookie.proto`; `expires` is by the clock of the machine that wrote it. */
export const SessionCookie = message("envoy.Cookie", { address: string(1), expires: uint64(2) });
