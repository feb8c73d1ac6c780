/**
 * How one service of the example calls another: plain HTTP, by name.
 *
 * @module
 */

/** What belongs to the visitor's request and goes along with every call made on its behalf. */
const PASSED_ON = ["end-user", "x-request-id", "traceparent", "tracestate", "baggage", "x-test-fault"];

/** The headers of `incoming` that go along with a call made on its behalf. */
export function passOn(incoming: Headers): Headers {
  const headers = new Headers();
  for (const name of PASSED_ON) {
    const value = incoming.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

/** A service's answer, or the reason why there is none. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Asks a service for JSON. Never throws: a page can be shown without one of its parts. */
export async function ask<T>(url: string, headers: Headers): Promise<Answer<T>> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) });
    if (response.ok) return { ok: true, value: (await response.json()) as T };
    const text = (await response.text()).trim().slice(0, 100);
    return { ok: false, reason: `it answered ${response.status}${text === "" ? "" : ` (${text})`}` };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** JSON with the version that answered beside it. */
export function json(value: unknown, version: string, status = 200): Response {
  return Response.json(value, { status, headers: { "x-version": version } });
}
