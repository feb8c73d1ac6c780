/**
 * A small HTTP server for admin endpoints. Not for traffic: that is `proxy/`, on our own codec.
 *
 * Admin endpoints have no password, so a browser must not be a way in. On a loopback address only requests whose Host is an
 * IP address or `localhost` are answered (a name that somebody else's DNS points here is refused), and none that a page of
 * another origin sends.
 *
 * @module
 */
import type { Server } from "bun";

export interface HttpServerOptions {
  /** @default 127.0.0.1 */
  readonly address?: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** A request with more is answered 413. @default 65_536 */
  readonly maxBodyBytes?: number;
  /** A connection on which nothing moves is closed after this. Whole seconds, 1 s to 255 s. @default 30_000 */
  readonly idleTimeoutMs?: number;
}

export interface HttpServer {
  readonly port: number;
  /** Stops, and closes what is open. */
  close(): Promise<void>;
}

/** An error that a handler throws is answered 500 with the error's message: what admin endpoints show is for operators. */
export type HttpHandler = (request: Request) => Response | Promise<Response>;

/** Rejects with an error that names address and port when it cannot listen. */
export async function serveHttp(options: HttpServerOptions, handler: HttpHandler): Promise<HttpServer> {
  const { address = "127.0.0.1", port, maxBodyBytes = 65_536, idleTimeoutMs = 30_000 } = options;
  const checked = isLoopback(address);
  const server = await listening(address, port, () =>
    Bun.serve({
      hostname: address,
      port,
      maxRequestBodySize: maxBodyBytes,
      idleTimeout: Math.min(255, Math.max(1, Math.round(idleTimeoutMs / 1000))),
      development: false,
      // Without development mode Bun would share the port with whoever listens there.
      reusePort: false,
      fetch: (request) => (checked ? refusal(request) : undefined) ?? handler(request),
      error: (error) => text(500, `${error.message}\n`),
    }),
  );
  return { port: server.port ?? port, close: () => server.stop(true) };
}

async function listening(address: string, port: number, start: () => Server<undefined>): Promise<Server<undefined>> {
  try {
    return start();
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const hint = why === "EADDRINUSE" ? ": another program listens there; stop it or choose another port" : "";
    throw new Error(`cannot listen on ${address}:${port}: ${why}${hint}`, { cause });
  }
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);

/** Browsers tell who sends: `Host` is the name that was looked up, `Sec-Fetch-Site` and `Origin` whose page it is. */
function refusal(request: Request): Response | undefined {
  const host = (request.headers.get("host") ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (host !== "localhost" && !/^[\d.]+$|:/.test(host))
    return text(
      403,
      `this is a loopback address: ask for it by 127.0.0.1 or localhost, not by ${JSON.stringify(host)}\n`,
    );
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  const foreign = site === "cross-site" || site === "same-site" || (origin !== null && !sameOrigin(origin, request));
  return foreign ? text(403, "pages of other origins may not ask here\n") : undefined;
}

function sameOrigin(origin: string, request: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host === request.headers.get("host");
}

function text(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
