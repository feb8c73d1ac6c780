/**
 * Answers of admin endpoints, and the table that finds them.
 *
 * @module
 */
export type Answer = Response | Promise<Response>;

export interface Endpoint {
  readonly path: string;
  /** What changes something is asked for by POST alone. */
  readonly method: "GET" | "POST";
  readonly help: string;
  readonly answer: (query: URLSearchParams) => Answer;
}

const HEADERS = { "cache-control": "no-cache, max-age=0", "x-content-type-options": "nosniff" };

export function text(body: string, status = 200): Response {
  return new Response(body, { status, headers: { ...HEADERS, "content-type": "text/plain; charset=UTF-8" } });
}

/** Envoy indents by one. */
export function json(value: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(value, null, 1)}\n`, {
    status,
    headers: { ...HEADERS, "content-type": "application/json" },
  });
}

/** A body in pieces, for what may be large. */
export function pieces(chunks: Iterable<string>, contentType: string): Response {
  const all = chunks[Symbol.iterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = all.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
  });
  return new Response(body, { headers: { ...HEADERS, "content-type": contentType } });
}

/** Finds the endpoint of a request; the list of all where there is none. A GET endpoint also answers HEAD. */
export function dispatch(endpoints: readonly Endpoint[], request: Request): Answer {
  const { pathname, searchParams } = new URL(request.url);
  const endpoint = endpoints.find((e) => e.path === pathname);
  if (endpoint === undefined) return text(`invalid path. admin commands are:\n${helpOf(endpoints)}`, 404);
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (endpoint.method === "POST" && method !== "POST")
    return text(`Method ${request.method} not allowed, POST required.`, 405);
  if (method !== "GET" && method !== "POST") return text(`Method ${request.method} not allowed.`, 405);
  return endpoint.answer(searchParams);
}

/** One line an endpoint. */
export const helpOf = (endpoints: readonly Endpoint[]): string =>
  endpoints.map((e) => `  ${e.path}${e.method === "POST" ? " (POST)" : ""}: ${e.help}\n`).join("");
